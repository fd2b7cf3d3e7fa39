package virtual

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// azerty is the delivered scan map with the digits of a French keyboard, which need Shift.
func azerty() []byte {
	m := deliveredMap
	copy(m[32:42], []byte{0xa7, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6})
	return m[:]
}

func TestTicketFlags(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup setup
		typed string
	}{
		{"plain", setup{tkt: tktAppendCR}, "755224"},
		{"tabs everywhere", setup{fixed: "\x12", cfg: 0,
			tkt: tktAppendCR | tktTabFirst | tktTabAfterID | tktTabAtEnd}, "\t12\t755224\t"},
		{"one byte of modhex", setup{fixed: "\xe1\x63", cfg: cfgModhex1, tkt: tktAppendCR},
			"ub63755224"},
		{"all modhex", setup{fixed: "\xe1\x63\x00", cfg: cfgModhex1 | cfgModhex2,
			tkt: tktAppendCR}, "ubhecc755224"},
		{"hexadecimal", setup{fixed: "\xab", tkt: tktAppendCR}, "ab755224"},
		{"keypad", setup{ext: extKeypad, tkt: tktAppendCR}, "755224"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, k, h := plugged(t, Options{})
				c.setup.secret = rfcSecret
				c.setup.tkt |= tktOATH
				h.send(0x01, c.setup.payload())
				typed := mustTouch(t, k, 1)
				if line := h.line(); line != c.typed {
					t.Errorf("typed %q, want %q", line, c.typed)
				}
				if plain := strings.ReplaceAll(c.typed, "\t", ""); typed != plain {
					t.Errorf("Touch said %q, want %q", typed, plain)
				}
			})
		})
	}
}

func TestScanMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		h.send(0x01, rfcSetup().payload())
		if !h.accepted(0x12, azerty()) {
			t.Fatal("the scan map was refused")
		}
		mustTouch(t, k, 1)
		report := make([]byte, reportSize)
		if _, err := h.hid.ReadInput(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		if report[0] != leftShift || report[2] != 0x24 {
			t.Errorf("7 is typed as % x, want it shifted", report)
		}
		if !h.accepted(0x12, make([]byte, len(scanAlphabet))) || k.memory.scanMap != nil {
			t.Error("a map of zeros does not restore the delivered one")
		}
	})
}

// TestPace measures the time from touch to the last report: two reports a key.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup setup
		fault Fault
		want  time.Duration
	}{
		{name: "as it comes", want: 14 * 10 * time.Millisecond},
		{name: "pacing 10", setup: setup{cfg: cfgPacing10}, want: 14 * 20 * time.Millisecond},
		{name: "pacing 30", setup: setup{cfg: cfgPacing10 | cfgPacing20},
			want: 14 * 40 * time.Millisecond},
		{name: "delay after the code", setup: setup{tkt: tktDelayOTP},
			want: 14*10*time.Millisecond + ticketDelay},
		{name: "slow", fault: Fault{Slow: time.Second}, want: 14 * 1010 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, k, h := plugged(t, Options{})
				c.setup.secret = rfcSecret
				c.setup.tkt |= tktOATH | tktAppendCR
				h.send(0x01, c.setup.payload())
				k.Misbehave(c.fault)
				start := time.Now()
				mustTouch(t, k, 1)
				for range 14 {
					report := make([]byte, reportSize)
					if _, err := h.hid.ReadInput(t.Context(), report); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(start); took != c.want {
					t.Errorf("typing took %v, want %v", took, c.want)
				}
			})
		})
	}
}

// TestHostQueue loses the oldest reports of a device that is open and not read.
func TestHostQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		h.send(0x01, rfcSetup().payload())
		for range 3 {
			mustTouch(t, k, 1)
		}
		time.Sleep(time.Second)
		n := 0
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := h.hid.ReadInput(ctx, make([]byte, reportSize))
			cancel()
			if err != nil {
				want(t, "the end of the queue", err, devices.ErrTimeout)
				break
			}
			n++
		}
		if n != hostQueue {
			t.Errorf("read %d of 42 reports, want %d", n, hostQueue)
		}
	})
}

func TestTouchesBeforeOpenAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, k, h := plugged(t, Options{})
		h.send(0x01, rfcSetup().payload())
		if err := h.hid.Close(); err != nil {
			t.Fatal(err)
		}
		mustTouch(t, k, 1)
		time.Sleep(time.Second)
		h = openFirst(t, b)
		mustTouch(t, k, 1)
		if line := h.line(); line != rfcCodes[1] {
			t.Errorf("read %q, want the second code: the first is spent", line)
		}
	})
}

func TestDeliveredKeyTypesModhex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{Delivered: true})
		typed := mustTouch(t, k, 1)
		if len(typed) != 44 || strings.Trim(typed, modhex) != "" {
			t.Errorf("a Yubico OTP is %q, want 44 letters of modhex", typed)
		}
		if line := h.line(); line != typed {
			t.Errorf("typed %q, want %q", line, typed)
		}
		if again := mustTouch(t, k, 1); again == typed {
			t.Error("the second one is the same")
		}
	})
}

func TestSilentSlots(t *testing.T) {
	_, k, h := plugged(t, Options{})
	static := rfcSetup()
	static.tkt, static.cfg = tktAppendCR, cfgStatic
	h.send(0x03, static.payload())
	for slotNumber, wanted := range map[int]error{1: ErrSilent, 2: ErrSilent} {
		_, err := k.Touch(slotNumber)
		want(t, "touch", err, wanted)
	}
	if _, err := k.Touch(3); err == nil {
		t.Error("slot 3 was touched")
	}
}
