package virtual

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vectorA are the reports of the page's vector A: slot 1, six digits, moving factor 0.
const vectorA = `
00 00 00 00 00 00 00 80
00 00 37 38 39 30 00 82
00 31 32 33 34 35 36 83
37 38 39 30 31 32 33 84
34 35 36 00 00 00 00 85
00 00 00 04 60 00 00 86
00 f8 12 00 00 00 00 87
00 01 95 56 00 00 00 89`

// like is vector A with the reports of other in place of those with the same number.
func like(other string) [][reportSize]byte {
	var reports [][reportSize]byte
	byNumber := map[byte][reportSize]byte{}
	for _, text := range []string{vectorA, other} {
		for line := range strings.Lines(strings.TrimSpace(text)) {
			raw, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
			if err != nil {
				panic(err)
			}
			report := [reportSize]byte(raw)
			byNumber[report[partSize]] = report
		}
	}
	for flags := byte(0x80); flags <= 0x89; flags++ {
		if report, ok := byNumber[flags]; ok {
			reports = append(reports, report)
		}
	}
	return reports
}

// play sends reports as they stand and returns the report after them.
func (h *host) play(reports [][reportSize]byte) [reportSize]byte {
	h.t.Helper()
	for _, report := range reports {
		h.idle()
		if err := h.hid.SetFeature(h.t.Context(), report[:]); err != nil {
			h.t.Fatal(err)
		}
	}
	return h.idle()
}

func TestVectorsProgramTheKey(t *testing.T) {
	six := SlotState{Configured: true, HOTP: true, Digits: 6, Enter: true, SerialVisible: true}
	updatable := six
	updatable.AllowUpdate = true
	eight := updatable
	eight.Digits, eight.Counter = 8, 4096
	guarded := updatable
	guarded.Protected = true
	for _, c := range []struct {
		name    string
		reports [][reportSize]byte
		slot    int
		state   SlotState
		typed   string
	}{
		{"A", like(""), 1, six, "755224"},
		{"B: the defaults of ykman", like(`
			00 00 00 34 60 00 00 86
			00 29 c6 00 00 00 00 87`), 1, updatable, "755224"},
		{"C: slot 2, eight digits, moving factor 4096", like(`
			00 00 37 38 39 30 01 82
			00 00 00 24 60 02 00 86
			00 22 e7 00 00 00 00 87
			00 03 95 56 00 00 00 89`), 2, eight, "56005285"},
		{"G: token id", like(`
			e1 63 00 12 34 56 00 80
			00 00 06 34 60 40 00 86
			00 4b 0e 00 00 00 00 87`), 1, updatable, "ubhe00123456755224"},
		{"H1: a new access code", like(`
			34 35 36 01 02 03 04 85
			05 06 00 24 60 00 00 86
			00 3e d8 00 00 00 00 87
			00 03 95 56 00 00 00 89`), 2, guarded, "755224"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, k, h := plugged(t, Options{})
			status := h.play(c.reports)
			if status[4] != 1 || status[5] != 0x05<<(c.slot-1) {
				t.Errorf("status % x", status)
			}
			states := k.Slots()
			if diff := cmp.Diff(c.state, states[c.slot-1]); diff != "" {
				t.Errorf("slot (-want +got):\n%s", diff)
			}
			if states[2-c.slot].Configured {
				t.Error("the other slot was written as well")
			}
			if typed := mustTouch(t, k, c.slot); typed != c.typed {
				t.Errorf("touch typed %q, want %q", typed, c.typed)
			}
			if line := h.line(); line != c.typed {
				t.Errorf("the keyboard typed %q, want %q", line, c.typed)
			}
		})
	}
}

// TestVectorH2 keeps a guarded slot guarded: the code is in both places.
func TestVectorH2(t *testing.T) {
	_, k, h := plugged(t, Options{})
	h1 := `
		34 35 36 01 02 03 04 85
		05 06 00 24 60 00 00 86
		00 3e d8 00 00 00 00 87
		00 03 95 56 00 00 00 89`
	h2 := h1 + `
		00 3e d8 01 02 03 04 87
		05 06 00 00 00 00 00 88
		00 03 c2 fc 00 00 00 89`
	h.play(like(h1))
	mustTouch(t, k, 2)
	if again := h.play(like(h1)); again[4] != 1 {
		t.Error("a guarded slot was written without its code")
	}
	if k.Slots()[1].Counter != 1 {
		t.Error("a refused write changed the counter")
	}
	if right := h.play(like(h2)); right[4] != 2 {
		t.Error("a guarded slot was not written with its code")
	}
	if s := k.Slots()[1]; !s.Protected || s.Counter != 0 {
		t.Errorf("slot 2 is %+v", s)
	}
}

func TestVectorsOfZeroPayload(t *testing.T) {
	for _, c := range []struct {
		name    string
		command byte
		last    string
	}{
		{"D: erase slot 2", 0x03, "0003 6b5b 0000 0089"},
		{"D: erase slot 1", 0x01, "0001 6b5b 0000 0089"},
		{"E: get serial", 0x10, "0010 6b5b 0000 0089"},
		{"F: device info", 0x13, "0013 6b5b 0000 0089"},
		{"swap", 0x06, "0006 6b5b 0000 0089"},
	} {
		var a assembler
		reports := cut(c.command, nil)
		if len(reports) != 2 {
			t.Fatalf("%s: %d reports, want 2", c.name, len(reports))
		}
		wanted := strings.ReplaceAll(c.last, " ", "")
		if got := hex.EncodeToString(reports[1][:]); got != wanted {
			t.Errorf("%s: last report %s, want %s", c.name, got, wanted)
		}
		a.take(reports[0])
		if f, ok := a.take(reports[1]); !ok || f.command != c.command {
			t.Errorf("%s: taken as command %02x, %v", c.name, f.command, ok)
		}
	}
}

func TestSerialVector(t *testing.T) {
	_, _, h := plugged(t, Options{Serial: 12345678})
	got := hex.EncodeToString(h.answer(0x10, nil)[:6])
	if got != "00bc614ec804" {
		t.Errorf("the serial was answered as %s", got)
	}
}

func TestStatusVector(t *testing.T) {
	// Slot 1 answers challenges without a touch, slot 2 needs one: firmware 4.2.7, sequence 4.
	k := New(Options{Firmware: Version{4, 2, 7}, Sequence: 4})
	k.memory.slots[0] = &slot{config: config{tkt: tktOATH, cfg: cfgStatic | cfgHOTP8}}
	k.memory.slots[1] = &slot{config: config{tkt: tktOATH}}
	if got := k.status(); got != [reportSize]byte{0, 4, 2, 7, 4, 0x0b} {
		t.Errorf("status % x", got)
	}
}

func TestRFC4226(t *testing.T) {
	for counter, code := range rfcCodes {
		if got := hotp([]byte(rfcSecret), uint64(counter), 6); got != code {
			t.Errorf("counter %d gives %s, want %s", counter, got, code)
		}
	}
	for counter, code := range map[uint64]string{
		0: "84755224", 1: "94287082", 2: "37359152", 4096: "56005285",
	} {
		if got := hotp([]byte(rfcSecret), counter, 8); got != code {
			t.Errorf("counter %d gives %s, want %s", counter, got, code)
		}
	}
}

func TestScanCodeVector(t *testing.T) {
	for _, c := range []struct {
		ext  byte
		want string
	}{
		{extSerialAPI, "24 22 22 1f 1f 21 28"},
		{extSerialAPI | extKeypad, "5f 5d 5d 5a 5a 5c 28"},
	} {
		_, k, h := plugged(t, Options{})
		s := rfcSetup()
		s.ext = c.ext
		h.send(0x01, s.payload())
		mustTouch(t, k, 1)
		var presses []string
		for range 7 {
			var press, release [reportSize]byte
			for _, report := range [][]byte{press[:], release[:]} {
				if _, err := h.hid.ReadInput(t.Context(), report); err != nil {
					t.Fatal(err)
				}
			}
			if release != [reportSize]byte{} || press != [reportSize]byte{2: press[2]} {
				t.Errorf("press % x, release % x", press, release)
			}
			presses = append(presses, hex.EncodeToString(press[2:3]))
		}
		if got := strings.Join(presses, " "); got != c.want {
			t.Errorf("typed %s, want %s", got, c.want)
		}
	}
}
