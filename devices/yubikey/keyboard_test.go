package yubikey

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
)

// scanCodes is the whole table: every key code and the digit it types.
var scanCodes = map[byte]byte{
	0x1e: '1', 0x1f: '2', 0x20: '3', 0x21: '4', 0x22: '5',
	0x23: '6', 0x24: '7', 0x25: '8', 0x26: '9', 0x27: '0',
	0x59: '1', 0x5a: '2', 0x5b: '3', 0x5c: '4', 0x5d: '5',
	0x5e: '6', 0x5f: '7', 0x60: '8', 0x61: '9', 0x62: '0',
}

func TestEveryScanCode(t *testing.T) {
	for code := range 256 {
		got, ok := digitOf(byte(code))
		if want, isDigit := scanCodes[byte(code)]; got != want || ok != isDigit {
			t.Errorf("digitOf(%#02x) = %q, %v; want %q, %v", code, got, ok, want, isDigit)
		}
	}
}

// down is a report with these keys down.
func down(modifiers byte, keys ...byte) []byte {
	report := make([]byte, reportSize)
	report[0] = modifiers
	copy(report[2:], keys)
	return report
}

// typed are the press and the release of each key in turn.
func typed(keys ...byte) [][]byte {
	var reports [][]byte
	for _, key := range keys {
		reports = append(reports, down(0, key), down(0))
	}
	return reports
}

// row and pad type digits with either set of keys; an 'e' is that set's Enter.
func row(text string) [][]byte { return typedFrom(text, 0x1d, 0x27, 0x28) }
func pad(text string) [][]byte { return typedFrom(text, 0x58, 0x62, 0x58) }

func typedFrom(text string, before1, zero, enter byte) [][]byte {
	var keys []byte
	for _, c := range []byte(text) {
		switch c {
		case 'e':
			keys = append(keys, enter)
		case '0':
			keys = append(keys, zero)
		default:
			keys = append(keys, before1+c-'0')
		}
	}
	return typed(keys...)
}

func TestLines(t *testing.T) {
	const tab, letterB = 0x2b, 0x05
	all := slices.Concat[[][]byte]
	for name, c := range map[string]struct {
		reports [][]byte
		want    string
	}{
		"top row":                 {row("755224e"), "755224"},
		"keypad":                  {pad("755224e"), "755224"},
		"every digit, top row":    {all(row("01234e"), row("567890e")), "567890"},
		"keypad with row's Enter": {all(pad("098765"), row("e")), "098765"},
		"same digit twice":        {row("000000e"), "000000"},
		"rolled over": {[][]byte{down(0, 0x24), down(0, 0x24, 0x22), down(0, 0x22, 0x23),
			down(0), down(0, 0x22, 0x1f, 0x20), down(0, 0x28)}, "756523"},
		"all at once": {[][]byte{down(0, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23),
			down(0, 0x28)}, "123456"},
		"held keys": {all(row("12345"), [][]byte{down(0, 0x23), down(0, 0x23)},
			row("e")), "123456"},
		"shifted digits": {all([][]byte{down(0x02, 0x1e), down(0), down(0x20, 0x1f)},
			row("3456e")), "123456"},
		"modifier alone":   {all(row("123"), [][]byte{down(0x02), down(0)}, row("456e")), "123456"},
		"too many keys":    {all(row("123"), [][]byte{down(0, 1, 1, 1, 1, 1, 1)}, row("456e")), "123456"},
		"tab first":        {all(typed(tab), row("123456e")), "123456"},
		"letters first":    {all(typed(letterB, letterB), row("123456e")), "123456"},
		"letter between":   {all(row("123"), typed(letterB), row("456e")), ""},
		"control and 1":    {all([][]byte{down(0x01, 0x1e)}, row("23456e")), ""},
		"too short":        {row("12345e"), ""},
		"too long":         {row("1234567e"), ""},
		"long, then right": {all(row("1234567e"), row("755224e")), "755224"},
		"tail, then right": {all(row("24e"), row("755224e")), "755224"},
		"no Enter":         {row("755224"), ""},
		"stub reports":     {all([][]byte{{}, {0}, {0, 0}}, row("755224e")), "755224"},
	} {
		if got := decode(6, c.reports); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// decode gives the first complete line.
func decode(digits int, reports [][]byte) string {
	l := newLine(digits)
	for _, report := range reports {
		if l.feed(report) {
			return string(l.digits)
		}
	}
	return ""
}

// FuzzLine holds two laws: what is typed after any noise and an Enter is what is decoded, and no
// noise makes the decoder panic or give anything but digits.
func FuzzLine(f *testing.F) {
	f.Add([]byte("755224"), []byte{}, false)
	f.Add([]byte("00000000"), []byte{2, 0, 0x1e, 1, 1, 0, 0, 0, 0, 0, 0x27, 0x28}, true)
	f.Fuzz(func(t *testing.T, digits, noise []byte, keypad bool) {
		text := make([]byte, 6+len(digits)%3)
		for i := range text {
			text[i] = '0'
			if i < len(digits) {
				text[i] += digits[i] % 10
			}
		}
		l := newLine(len(text))
		for report := range slices.Chunk(noise, reportSize) {
			if l.feed(report) {
				checkDigits(t, l.digits, len(text))
				l.restart()
			}
		}
		l.feed(down(0))
		l.feed(down(0, keyEnter))
		l.restart()
		reports := row(string(text) + "e")
		if keypad {
			reports = pad(string(text) + "e")
		}
		complete := false
		for _, report := range reports {
			complete = complete || l.feed(report)
		}
		if !complete || !bytes.Equal(l.digits, text) {
			t.Errorf("typed %q, decoded %q, %v", text, l.digits, complete)
		}
	})
}

func checkDigits(t *testing.T, digits []byte, n int) {
	t.Helper()
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	if len(digits) != n || bytes.ContainsFunc(digits, notDigit) {
		t.Errorf("%q is not a line of %d digits", digits, n)
	}
}

func TestReadOTPByItsDeadline(t *testing.T) {
	long := 45 * time.Second
	for name, c := range map[string]struct {
		hid  *scripted
		want string
		err  error
		took time.Duration
	}{
		"nobody touches": {&scripted{}, "", provisioning.ErrNoTouch, long},
		"too short":      {&scripted{input: row("12345")}, "", provisioning.ErrNoTouch, long},
		"pulled out":     {&scripted{gone: devices.ErrUnplugged}, "", provisioning.ErrGone, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), long)
			defer cancel()
			otp, err := New(c.hid, devices.Info{}).ReadOTP(ctx, 6)
			if !errors.Is(err, c.err) || string(otp.Expose()) != c.want {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took != c.took {
				t.Errorf("%s: took %v, want %v", name, took, c.took)
			}
		})
	}
}

// waiting is a HID whose reports come one by one at their times.
type waiting struct {
	scripted
	reports chan []byte
}

func (w *waiting) ReadInput(ctx context.Context, report []byte) (int, error) {
	select {
	case got := <-w.reports:
		return copy(report, got), nil
	case <-ctx.Done():
		return 0, devices.ErrTimeout
	}
}

// In the queue may be a whole code that nobody asked for, and the beginning of another, whose rest
// would make six digits with it.
func TestReadOTPDrainsAndWaits(t *testing.T) {
	for name, stale := range map[string][][]byte{
		"nothing": nil, "a code": row("999999e"), "a beginning": row("88"),
		"a code and a beginning": slices.Concat(row("999999e"), row("88")),
		"more than a queue":      slices.Repeat(row("999999e"), 3),
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &waiting{reports: make(chan []byte, 100)}
			for _, report := range stale {
				w.reports <- report
			}
			var typist sync.WaitGroup
			defer typist.Wait()
			typist.Go(func() { // slowly: the rest of the other code, then ours
				for _, report := range slices.Concat(row("8888e"), row("755224e")) {
					time.Sleep(1500 * time.Millisecond)
					w.reports <- report
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			otp, err := New(w, devices.Info{}).ReadOTP(ctx, 6)
			if err != nil || string(otp.Expose()) != "755224" {
				t.Errorf("%s: got %q, %v", name, otp.Expose(), err)
			}
		})
	}
}

// A slot may be programmed to type no return; silence ends the line then.
func TestReadOTPWithoutEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{reports: make(chan []byte, 100)}
		var typist sync.WaitGroup
		defer typist.Wait()
		typist.Go(func() {
			time.Sleep(time.Second)
			for _, report := range row("755224") {
				w.reports <- report
				time.Sleep(10 * time.Millisecond)
			}
		})
		began := time.Now()
		otp, err := New(w, devices.Info{}).ReadOTP(t.Context(), 6)
		if err != nil || string(otp.Expose()) != "755224" {
			t.Fatalf("got %q, %v", otp.Expose(), err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestReadOTPIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		_, err := New(&scripted{}, devices.Info{}).ReadOTP(ctx, 6)
		if !errors.Is(err, context.Canceled) || errors.Is(err, provisioning.ErrNoTouch) {
			t.Errorf("got %v", err)
		}
	})
	if _, err := New(&scripted{}, devices.Info{}).ReadOTP(t.Context(), 5); err == nil {
		t.Error("5 digits were waited for")
	}
}
