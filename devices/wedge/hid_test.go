package wedge

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
)

// bench is a bus with readers that send what the test tells them to.
type bench struct {
	mu      sync.Mutex
	plugged map[string]*sender
	refuse  error
}

// sender is one plugging of a reader.
type sender struct {
	info    devices.Info
	packets chan []byte
	gone    chan struct{}
	held    bool
}

func (b *bench) plug(id string) *sender {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &sender{info: devices.Info{Path: "1-1:1.0", ID: id, Vendor: 0x0801, Product: 2},
		packets: make(chan []byte, 1000), gone: make(chan struct{})}
	if b.plugged == nil {
		b.plugged = map[string]*sender{}
	}
	b.plugged[id] = s
	return s
}

func (b *bench) pull(s *sender) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.plugged, s.info.ID)
	close(s.gone)
}

// List implements devices.Bus; there are other devices, too.
func (b *bench) List(context.Context) ([]devices.Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	infos := []devices.Info{{Path: "1-9:1.0", ID: "key", Vendor: 0x1050, Product: 0x407}}
	for _, s := range b.plugged {
		second := s.info
		second.Interface = 1
		infos = append(infos, second, s.info)
	}
	return infos, nil
}

// Open implements devices.Bus.
func (b *bench) Open(_ context.Context, info devices.Info) (devices.HID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.plugged[info.ID]
	switch {
	case s == nil:
		return nil, devices.ErrUnplugged
	case b.refuse != nil:
		return nil, b.refuse
	case s.held || info != s.info:
		return nil, devices.ErrBusy
	}
	s.held = true
	return &openSender{b, s}, nil
}

func (b *bench) setRefuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = err
}

type openSender struct {
	bench *bench
	*sender
}

func (o *openSender) ReadInput(ctx context.Context, report []byte) (int, error) {
	select {
	case p := <-o.packets:
		return copy(report, p), nil
	case <-o.gone:
		return 0, devices.ErrUnplugged
	case <-ctx.Done():
		return 0, devices.ErrTimeout
	}
}

func (o *openSender) SetFeature(context.Context, []byte) error { return devices.ErrUnsupported }
func (o *openSender) GetFeature(context.Context, []byte) (int, error) {
	return 0, devices.ErrUnsupported
}

func (o *openSender) Close() error {
	o.bench.mu.Lock()
	defer o.bench.mu.Unlock()
	o.held = false
	return nil
}

// send sends a report as a reader of low speed does.
func (s *sender) send(report []byte) {
	for ; len(report) > 8; report = report[8:] {
		s.packets <- report[:8]
	}
	s.packets <- report
}

func stripeReader(t *testing.T, b *bench) *HID {
	t.Helper()
	h, err := NewStripe(b, Settings{Name: "stripe", Device: Selector{Vendor: 0x0801, Product: 2},
		Field: Field{Track: 2, Part: 1}, Number: devices.NumberFormat{Checksum: devices.ChecksumLuhn}},
		0, StripeLayout{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHIDReads: reports in pieces become taps; what is broken off, garbage or another's is not.
func TestHIDReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		s := b.plug("a")
		h := stripeReader(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		taps, ended := make(chan devices.Tap), make(chan error)
		go func() { ended <- h.Run(ctx, taps) }()
		unread := swipe("", "1")
		unread[1] = 1
		s.send(swipe("%B4444333322221111^DOE/J^29?", ";4444333322221111=29?"))
		s.send(unread)
		s.send(swipe("", "4444333322221112=29"))
		s.send(swipe("AB"))
		s.send(swipe("", "42=29")[:100]) // broken off
		want := []devices.Tap{{Reader: "stripe", Number: "4444333322221111"},
			{Reader: "stripe", Why: devices.WhyUnreadable}, {Reader: "stripe", Why: devices.WhyChecksum}}
		var got []devices.Tap
		for range want {
			got = append(got, <-taps)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Second)
		s.send(swipe("", "18=29"))
		if tap := <-taps; tap.Number != "18" {
			t.Errorf("after a report that broke off: %+v", tap)
		}
		dropped := map[Drop]uint64{DropUnreadable: 1, DropNumber: 1, DropField: 1, DropReport: 1}
		if diff := cmp.Diff(dropped, h.Dropped()); diff != "" {
			t.Errorf("dropped:\n%s", diff)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || h.Up() || s.held {
			t.Errorf("ended with %v, up %t, held %t", err, h.Up(), s.held)
		}
	})
}

// TestHIDComesAndGoes: pulled, put in again, two of a kind, and one that another program has.
func TestHIDComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		h := stripeReader(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		taps, ended := make(chan devices.Tap), make(chan error)
		go func() { ended <- h.Run(ctx, taps) }()
		is := func(when string, up bool, trouble error) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			if got := h.Trouble(); h.Up() != up || !errors.Is(got, trouble) || (got == nil) != (trouble == nil) {
				t.Errorf("%s: up %t, trouble %v", when, h.Up(), got)
			}
		}
		is("nothing plugged in", false, nil)
		first := b.plug("a")
		is("plugged in", true, nil)
		b.pull(first)
		is("pulled", false, nil)
		b.setRefuse(devices.ErrBusy)
		again, second := b.plug("b"), b.plug("c")
		is("held by another", false, devices.ErrBusy)
		b.setRefuse(nil)
		is("let go", true, nil)
		for _, s := range []*sender{again, second} {
			s.send(swipe("", "18=1"))
			if tap := <-taps; tap.Number != "18" {
				t.Errorf("%+v", tap)
			}
		}
		b.pull(again)
		is("one of two pulled", true, nil)
		cancel()
		<-ended
	})
}

// TestHIDTypes: a boot keyboard's reports become text; a tap that nobody takes for long makes what
// came meanwhile no scan, because reports may have been lost.
func TestHIDTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		s := b.plug("a")
		h, err := NewTyping(b, Settings{Name: "typing", Device: Selector{Vendor: 0x0801, Product: 2},
			Field: Field{Pattern: "U([0-9]+)"}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		taps, ended := make(chan devices.Tap), make(chan error)
		go func() { ended <- h.Run(ctx, taps) }()
		time.Sleep(time.Second)
		// U with shift, 1, 2, keypad 0, Enter (HID Usage Tables section 10).
		u12 := [][]byte{{2, 0, 0x18}, {}, {0, 0, 0x1e}, {}, {0, 0, 0x1f, 0x1e}, {0, 0, 0x62, 0x1f}, {},
			{0, 0, 0x28}, {}}
		keys := func() {
			for _, r := range u12 {
				s.send(append(r, make([]byte, 8-len(r))...))
			}
		}
		keys()
		if tap := <-taps; tap.Number != "1210" {
			t.Errorf("%+v", tap)
		}
		time.Sleep(time.Second)
		keys()
		keys()
		time.Sleep(time.Second) // nobody takes it
		if tap := <-taps; tap.Number == "" {
			t.Errorf("%+v", tap)
		}
		time.Sleep(time.Second)
		keys()
		if tap := <-taps; tap.Number == "" {
			t.Errorf("%+v", tap)
		}
		if got := h.Dropped(); got[DropTorn] != 1 || len(got) != 1 {
			t.Errorf("dropped %v", got)
		}
		cancel()
		<-ended
	})
}

func TestSettings(t *testing.T) {
	good := Settings{Name: "r", Device: Selector{Vendor: 1}, Field: Field{Track: 2}}
	for name, spoil := range map[string]func(*Settings){
		"no field":    func(s *Settings) { s.Field = Field{} },
		"pause":       func(s *Settings) { s.Pause = time.Millisecond },
		"long pause":  func(s *Settings) { s.Pause = time.Minute },
		"number":      func(s *Settings) { s.Number.Base = "octal" },
		"layout":      func(s *Settings) { s.Layout = Layout{"a": "bc"} },
		"path by USB": func(s *Settings) { s.Device.Path = "/dev/input/by-id/x" },
		"pattern":     func(s *Settings) { s.Field = Field{Pattern: "(a)"} },
	} {
		s := good
		spoil(&s)
		if _, err := NewStripe(&bench{}, s, 0, StripeLayout{}); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := NewKeyboard(good); err != nil {
		t.Error(err)
	}
	if _, err := NewScanner(&bench{}, good, 0, LabelLayout{Size: 8, Data: 9}); err == nil {
		t.Error("a layout outside its report is taken")
	}
}
