package virtual

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// rfcSecret is the key of RFC 4226 appendix D.
const rfcSecret = "12345678901234567890"

// rfcCodes are its first ten OTPs.
var rfcCodes = []string{
	"755224", "287082", "359152", "969429", "338314",
	"254676", "287922", "162583", "399871", "520489",
}

// host is the least a host can be: it drives a key through devices.HID only.
type host struct {
	t   *testing.T
	hid devices.HID
}

// plugged returns a key, its bus, and a host that has it open.
func plugged(t *testing.T, o Options) (*Bus, *Key, *host) {
	t.Helper()
	k := New(o)
	b := NewBus(k)
	b.Plug(k)
	return b, k, openFirst(t, b)
}

func openFirst(t *testing.T, b devices.Bus) *host {
	t.Helper()
	infos, err := b.List(t.Context())
	if err != nil || len(infos) == 0 {
		t.Fatalf("list: %v, %v", infos, err)
	}
	hid, err := b.Open(t.Context(), infos[0])
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t, hid: hid}
}

func (h *host) get() [reportSize]byte {
	h.t.Helper()
	var report [reportSize]byte
	if n, err := h.hid.GetFeature(h.t.Context(), report[:]); err != nil || n != reportSize {
		h.t.Fatalf("get feature report: %d, %v", n, err)
	}
	return report
}

// idle waits until the key is no longer busy and returns the report it shows then.
func (h *host) idle() [reportSize]byte {
	h.t.Helper()
	for range 5000 {
		if report := h.get(); report[partSize]&flagSlotWrite == 0 {
			return report
		}
		time.Sleep(partTime)
	}
	h.t.Fatal("the key stays busy")
	return [reportSize]byte{}
}

// send hands a frame over part by part and returns the report after it.
func (h *host) send(command byte, payload []byte) [reportSize]byte {
	h.t.Helper()
	for _, report := range cut(command, payload) {
		h.idle()
		if err := h.hid.SetFeature(h.t.Context(), report[:]); err != nil {
			h.t.Fatalf("set feature report: %v", err)
		}
	}
	return h.idle()
}

// accepted sends a write and tells whether the sequence moved.
func (h *host) accepted(command byte, payload []byte) bool {
	h.t.Helper()
	before := h.idle()
	after := h.send(command, payload)
	return before[4] != after[4] || before[5] != after[5]
}

// answer sends a question and collects the chunks until number 0 comes again.
func (h *host) answer(command byte, payload []byte) []byte {
	h.t.Helper()
	report := h.send(command, payload)
	var data []byte
	for n := 0; report[partSize]&flagRespPending != 0; n++ {
		if number := int(report[partSize] & flagNumber); number == 0 && n > 0 {
			break
		} else if number != n {
			h.t.Fatalf("chunk %d came as number %d", n, number)
		}
		data = append(data, report[:partSize]...)
		report = h.get()
	}
	reset := [reportSize]byte{7: 0x8F}
	if err := h.hid.SetFeature(h.t.Context(), reset[:]); err != nil {
		h.t.Fatal(err)
	}
	return data
}

// line reads what is typed until Enter, by a table of its own: top row and keypad digits, modhex
// and capitals as the usage tables name them.
func (h *host) line() string {
	h.t.Helper()
	text := ""
	for {
		report := make([]byte, reportSize)
		ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Second)
		_, err := h.hid.ReadInput(ctx, report)
		cancel()
		if err != nil {
			h.t.Fatalf("after %q: %v", text, err)
		}
		switch code := report[2]; {
		case code == 0:
		case code == 0x28:
			return text
		case code == 0x2B:
			text += "\t"
		case code == 0x27 || code == 0x62:
			text += "0"
		case code >= 0x1E && code <= 0x26:
			text += string('1' + rune(code-0x1E))
		case code >= 0x59 && code <= 0x61:
			text += string('1' + rune(code-0x59))
		case code >= 0x04 && code <= 0x1D:
			text += string('a' + rune(code-0x04))
		default:
			h.t.Fatalf("after %q: key code %02x", text, code)
		}
	}
}

// setup is one slot configuration as a host composes it, from the page and not from config.go.
type setup struct {
	fixed         string
	secret        string
	imf           uint32
	ext, tkt, cfg byte
	access        [6]byte
	current       [6]byte
}

// rfcSetup is vector A of the protocol page: six digits, Enter, serial visible.
func rfcSetup() setup { return setup{secret: rfcSecret, ext: 0x04, tkt: 0x60} }

func (s setup) payload() []byte {
	p := make([]byte, payloadSize)
	copy(p[0:16], s.fixed)
	if s.secret != "" {
		copy(p[16:20], s.secret[16:])
		copy(p[22:38], s.secret[:16])
	}
	binary.BigEndian.PutUint16(p[20:], uint16(s.imf/16))
	copy(p[38:44], s.access[:])
	p[44], p[45], p[46], p[47] = byte(len(s.fixed)), s.ext, s.tkt, s.cfg
	binary.LittleEndian.PutUint16(p[50:], ^crc16(p[:50]))
	copy(p[52:58], s.current[:])
	return p
}

// erase is 52 zero bytes and the current access code.
func erase(current [6]byte) []byte {
	p := make([]byte, payloadSize)
	copy(p[52:58], current[:])
	return p
}

// mustTouch touches and fails the test when nothing is typed.
func mustTouch(t *testing.T, k *Key, slotNumber int) string {
	t.Helper()
	typed, err := k.Touch(slotNumber)
	if err != nil {
		t.Fatal(err)
	}
	return typed
}

// want fails unless err is the one wanted.
func want(t *testing.T, doing string, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) || (wanted == nil) != (err == nil) {
		t.Errorf("%s: %v, want %v", doing, err, wanted)
	}
}
