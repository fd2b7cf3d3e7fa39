package yubikey

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// twin is a software key, written from the protocol by somebody else, in our hands.
type twin struct {
	*Token
	key *virtual.Key
	bus *virtual.Bus
}

func newTwin(t testing.TB, o virtual.Options) *twin {
	t.Helper()
	k := virtual.New(o)
	w := &twin{key: k, bus: virtual.NewBus(k)}
	w.plug(t)
	return w
}

// plug puts the key in and opens it.
func (w *twin) plug(t testing.TB) {
	t.Helper()
	w.bus.Plug(w.key)
	infos, err := w.bus.List(t.Context())
	if err != nil || len(infos) == 0 {
		t.Fatalf("list: %v, %v", infos, err)
	}
	hid, err := w.bus.Open(t.Context(), infos[0])
	if err != nil {
		t.Fatal(err)
	}
	w.Token = New(hid, infos[0])
}

// read touches a slot and reads what it types.
func (w *twin) read(t testing.TB, slot, digits int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	time.AfterFunc(time.Second, func() { _, _ = w.key.Touch(slot) })
	otp, err := w.ReadOTP(ctx, digits)
	if err != nil {
		t.Errorf("read slot %d: %v", slot, err)
	}
	return string(otp.Expose())
}

// codes are the first n one-time passwords of a seed.
func codes(t testing.TB, seed secret.Seed, n, digits int) []string {
	t.Helper()
	otps, err := oath.Codes(seed, 0, n, digits)
	if err != nil {
		t.Fatal(err)
	}
	texts := make([]string, n)
	for i, otp := range otps {
		texts[i] = string(otp.Expose())
	}
	return texts
}

func seedOf(fill byte) secret.Seed {
	raw := make([]byte, seedSize)
	for i := range raw {
		raw[i] = fill + byte(3*i)
	}
	return secret.NewSeed(raw)
}

// keysToTry are one of each family the driver treats differently.
var keysToTry = map[string]virtual.Options{
	"5":    {},
	"4":    {Firmware: virtual.Version{4, 3, 7}, Product: 0x0403},
	"NEO":  {Firmware: virtual.Version{3, 4, 3}, Product: 0x0116, Sequence: 9, Delivered: true},
	"2.4":  {Firmware: virtual.Version{2, 4, 2}, Product: 0x0010},
	"2.2":  {Firmware: virtual.Version{2, 2, 3}, Product: 0x0010},
	"full": {Delivered: true, Sequence: 255},
}

func TestTwinTypesWhatWasProgrammed(t *testing.T) {
	for name, o := range keysToTry {
		for _, slot := range []int{1, 2} {
			for _, digits := range []int{6, 8} {
				synctest.Test(t, func(t *testing.T) {
					w := newTwin(t, o)
					c := provisioning.SlotConfig{Slot: slot, Seed: seedOf(byte(slot * digits)),
						Digits: digits, Enter: true}
					if err := w.Program(t.Context(), c); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					for i, want := range codes(t, c.Seed, 3, digits) {
						if got := w.read(t, slot, digits); got != want {
							t.Errorf("%s: slot %d, %d digits, code %d: %s, want %s",
								name, slot, digits, i, got, want)
						}
					}
					want := virtual.SlotState{Configured: true, HOTP: true, Digits: digits,
						Counter: 3, Enter: true, SerialVisible: true, AllowUpdate: name != "2.2"}
					if diff := cmp.Diff(want, w.key.Slots()[slot-1]); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				})
			}
		}
	}
}

func TestTwinIdentify(t *testing.T) {
	both := []int{6, 8}
	empty := []provisioning.SlotInfo{{Number: 1}, {Number: 2}}
	delivered := []provisioning.SlotInfo{{Number: 1, Configured: true, NeedsTouch: true}, {Number: 2}}
	old := []provisioning.SlotInfo{{Number: 1, Configured: true}, {Number: 2}}
	cards := []string{"FIDO2", "FIDO U2F", "OATH", "PIV", "OpenPGP"}
	for name, c := range map[string]struct {
		key  virtual.Options
		want provisioning.TokenInfo
	}{
		"5": {virtual.Options{}, provisioning.TokenInfo{Model: "YubiKey 5A", Serial: "12345678",
			Firmware: "5.4.3", Slots: empty, Digits: both, Others: cards}},
		"5, delivered, OTP alone": {
			virtual.Options{Serial: 42, Product: 0x0401, Delivered: true},
			provisioning.TokenInfo{Model: "YubiKey 5A", Serial: "42", Firmware: "5.4.3",
				Slots: delivered, Digits: both}},
		"4": {virtual.Options{Firmware: virtual.Version{4, 3, 7}, Product: 0x0407},
			provisioning.TokenInfo{Model: "YubiKey 4", Serial: "12345678", Firmware: "4.3.7",
				Slots: empty, Digits: both, Others: []string{"FIDO", "smart card"}}},
		"NEO": {virtual.Options{Firmware: virtual.Version{3, 4, 3}, Product: 0x0116},
			provisioning.TokenInfo{Model: "YubiKey NEO", Serial: "12345678", Firmware: "3.4.3",
				Slots: empty, Digits: both, Others: []string{"FIDO", "smart card"}}},
		"2, delivered": {
			virtual.Options{Firmware: virtual.Version{2, 4, 2}, Product: 0x0010, Delivered: true},
			provisioning.TokenInfo{Model: "YubiKey 2", Serial: "12345678", Firmware: "2.4.2",
				Slots: old, Digits: both}},
		"too old": {virtual.Options{Firmware: virtual.Version{2, 1, 2}, Product: 0x0010},
			provisioning.TokenInfo{Model: "YubiKey 2", Firmware: "2.1.2", Slots: empty}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, c.key)
			c.want.Vendor = vendor
			for range 2 { // it may be asked again
				got, err := w.Identify(t.Context())
				if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
					t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
				}
			}
		})
	}
}

func TestTwinAccessCodes(t *testing.T) {
	mine, wrong := accessCode(t, 1, 2, 3, 4, 5, 6), accessCode(t, 6, 5, 4, 3, 2, 1)
	var none secret.AccessCode
	for name, c := range map[string]struct {
		do        act
		want      string
		protected bool
	}{
		"program, none":             {programCodes(none, none), "untouched protected ", true},
		"program, wrong":            {programCodes(wrong, wrong), "untouched protected ", true},
		"program, wrong, new right": {programCodes(wrong, mine), "untouched protected ", true},
		"program, right, kept":      {programCodes(mine, mine), "done", true},
		"program, right as new":     {programCodes(none, mine), "done", true},
		"program, right, changed":   {programCodes(mine, wrong), "done", true},
		"program, right, dropped":   {programCodes(mine, none), "done", false},
		"update, none":              {update(Settings{Slot: 1}), "untouched protected ", true},
		"update, right":             {update(Settings{Slot: 1, Current: mine, New: mine}), "done", true},
		"update, right, dropped":    {update(Settings{Slot: 1, Current: mine}), "done", false},
		"erase, none":               {eraseWith(1, none), "untouched protected ", true},
		"erase, wrong":              {eraseWith(1, wrong), "untouched protected ", true},
		"erase, right":              {eraseWith(1, mine), "done", false},
		"other slot, none":          {eraseWith(2, none), "done", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{})
			if err := programCodes(none, mine)(t.Context(), w.Token); err != nil {
				t.Fatal(err)
			}
			c2 := hotpConfig(2)
			if err := w.Program(t.Context(), c2); err != nil {
				t.Fatal(err)
			}
			before := w.key.Slots()
			err := c.do(t.Context(), w.Token)
			after := w.key.Slots()
			if got := is(err); got != c.want || after[0].Protected != c.protected {
				t.Errorf("%s: %q (%v), %+v; want %q", name, got, err, after[0], c.want)
			}
			if err != nil && before != after {
				t.Errorf("%s: refused, and yet %+v became %+v", name, before, after)
			}
		})
	}
}

// Update changes what is typed after the digits, and neither secret nor counter.
func TestTwinUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwin(t, virtual.Options{})
		c := hotpConfig(2)
		c.Digits = 8
		if err := w.Program(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		want := codes(t, c.Seed, 2, 8)
		if got := w.read(t, 2, 8); got != want[0] {
			t.Errorf("typed %s, want %s", got, want[0])
		}
		if err := w.Update(t.Context(), Settings{Slot: 2}); err != nil {
			t.Fatal(err)
		}
		if s := w.key.Slots()[1]; s.Enter || !s.SerialVisible || !s.AllowUpdate || s.Digits != 8 {
			t.Errorf("after the update: %+v", s)
		}
		if got := w.read(t, 2, 8); got != want[1] {
			t.Errorf("typed %s, want %s", got, want[1])
		}
		if got := is(w.Update(t.Context(), Settings{Slot: 1})); got != "untouched " {
			t.Errorf("update of an empty slot: %q", got)
		}
	})
}

func TestTwinMisbehaves(t *testing.T) {
	for name, c := range map[string]struct {
		fault virtual.Fault
		do    act
		want  string
		least time.Duration
		most  time.Duration
	}{
		"healthy": {virtual.Fault{}, program, "done", 0, 20 * time.Millisecond},
		"wraps":   {virtual.Fault{Wrap: true}, program, "done", 0, 20 * time.Millisecond},
		"wraps, erased": {virtual.Fault{Wrap: true}, eraseWith(2, secret.AccessCode{}), "done",
			0, 20 * time.Millisecond},
		"refuses": {virtual.Fault{Refuse: true}, program, "untouched protected ",
			settleTime, 150 * time.Millisecond},
		"busy 300 ms": {virtual.Fault{Busy: 300 * time.Millisecond}, program, "done",
			300 * time.Millisecond, 345 * time.Millisecond},
		"busy 300 ms, erased": {virtual.Fault{Busy: 300 * time.Millisecond},
			eraseWith(1, secret.AccessCode{}), "done",
			300 * time.Millisecond, 345 * time.Millisecond},
		"busy for ever": {virtual.Fault{Busy: time.Hour}, program, "unknown ",
			confirmTime, confirmTime + time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{Delivered: true})
			if err := w.Program(t.Context(), hotpConfig(2)); err != nil {
				t.Fatal(err)
			}
			w.key.Misbehave(c.fault)
			began := time.Now()
			err := c.do(t.Context(), w.Token)
			took := time.Since(began)
			if got := is(err); got != c.want || took < c.least || took > c.most {
				t.Errorf("%s: %q (%v) after %v; want %q", name, got, err, took, c.want)
			}
		})
	}
}

// An answer that comes late is waited for: a token with a serial is never taken for one without.
func TestTwinAnswersLate(t *testing.T) {
	for name, o := range keysToTry {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, o)
			w.key.Misbehave(virtual.Fault{Late: 300 * time.Millisecond})
			info, err := w.Identify(t.Context())
			if err != nil || info.Serial != "12345678" {
				t.Errorf("%s: %+v, %v", name, info, err)
			}
		})
	}
}

// hideSerial programs slot 1 without the flag that lets the serial be asked for.
func hideSerial(t testing.TB, k *Token) {
	t.Helper()
	p := hotpPayload(hotpConfig(1), firmwareUpdate)
	p[atExt] &^= extSerialAPI
	p.finishCRC()
	hide := write{slot: 1, cmd: [2]command{cmdConfig1, cmdConfig2},
		payload: func(firmware) *payload { return p }}
	if err := k.write(t.Context(), hide); err != nil {
		t.Fatal(err)
	}
}

// A slot that hides the serial from the older command hides it; device info still tells it.
func TestTwinHidesItsSerial(t *testing.T) {
	for name, c := range map[string]struct {
		fw   virtual.Version
		want string
	}{"4.3.7": {virtual.Version{4, 3, 7}, "12345678"}, "2.4.2": {virtual.Version{2, 4, 2}, ""}} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{Firmware: c.fw, Product: 0x0401})
			if c.fw[0] == 2 {
				w = newTwin(t, virtual.Options{Firmware: c.fw, Product: 0x0010})
			}
			hideSerial(t, w.Token)
			info, err := w.Identify(t.Context())
			if err != nil || info.Serial != c.want {
				t.Errorf("%s: %q, %v", name, info.Serial, err)
			}
		})
	}
}

func TestTwinTypesSlowlyAndBeforehand(t *testing.T) {
	for name, slow := range map[string]time.Duration{"normal": 0, "slow": 400 * time.Millisecond,
		"very slow": 1500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwin(t, virtual.Options{})
			if err := w.Program(t.Context(), hotpConfig(1)); err != nil {
				t.Fatal(err)
			}
			for range 3 { // nobody reads these
				if _, err := w.key.Touch(1); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			w.key.Misbehave(virtual.Fault{Slow: slow})
			for i, want := range codes(t, rfcSeed(), 5, 6)[3:] {
				if got := w.read(t, 1, 6); got != want {
					t.Errorf("%s: touch %d: got %s, want %s", name, i, got, want)
				}
			}
		})
	}
}

func TestTwinUntouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwin(t, virtual.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		if _, err := w.ReadOTP(ctx, 6); !errors.Is(err, provisioning.ErrNoTouch) {
			t.Errorf("got %v", err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); !errors.Is(err, devices.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		if got := is(w.Program(t.Context(), hotpConfig(1))); got != "untouched " {
			t.Errorf("program after close: %q", got)
		}
	})
}

// BenchmarkProgram is one confirmed write, for a healthy key and for one that stays busy.
func BenchmarkProgram(b *testing.B) {
	for name, busy := range map[string]time.Duration{"ready": 0, "busy300ms": 300 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			w := newTwin(b, virtual.Options{})
			w.key.Misbehave(virtual.Fault{Busy: busy})
			for b.Loop() {
				if err := w.Program(b.Context(), hotpConfig(1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIdentify is the questions of one identification.
func BenchmarkIdentify(b *testing.B) {
	w := newTwin(b, virtual.Options{})
	for b.Loop() {
		if _, err := w.Identify(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
