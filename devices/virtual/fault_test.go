package virtual

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// writeUntilCut sends vector A and returns how many reports were acknowledged.
func (h *host) writeUntilCut() (acknowledged int, err error) {
	for _, report := range like("") {
		for {
			var status [reportSize]byte
			if _, err := h.hid.GetFeature(h.t.Context(), status[:]); err != nil {
				return acknowledged, err
			}
			if status[partSize]&flagSlotWrite == 0 {
				break
			}
			time.Sleep(partTime)
		}
		if err := h.hid.SetFeature(h.t.Context(), report[:]); err != nil {
			return acknowledged, err
		}
		acknowledged++
	}
	_, err = h.hid.GetFeature(h.t.Context(), make([]byte, reportSize))
	return acknowledged, err
}

// TestUnplugAfterEverySet cuts a write of eight reports at every one of them. Only the last can
// change the slot, and only when the key is quick.
func TestUnplugAfterEverySet(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for _, f := range []Fault{
			{UnplugAfterSets: n},
			{UnplugAfterSets: n, Unacknowledged: true},
			{UnplugAfterSets: n, WriteAtOnce: true},
			{UnplugAfterSets: n, WriteAtOnce: true, Unacknowledged: true},
		} {
			t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, k, h := plugged(t, Options{})
					k.Misbehave(f)
					acknowledged, err := h.writeUntilCut()
					want(t, "write", err, devices.ErrUnplugged)
					wanted := n
					if f.Unacknowledged {
						wanted--
					}
					if acknowledged != wanted {
						t.Errorf("%d reports acknowledged, want %d", acknowledged, wanted)
					}
					written := n == 8 && f.WriteAtOnce
					if got := k.Slots()[0].Configured; got != written {
						t.Errorf("slot 1 written: %v, want %v", got, written)
					}
					if k.Plugged() {
						t.Error("the key is still plugged in")
					}
				})
			})
		}
	}
}

func TestUnplugAfterGetsAndInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, k, h := plugged(t, Options{})
		h.send(0x01, rfcSetup().payload())
		k.Misbehave(Fault{UnplugAfterGets: 2})
		buf := make([]byte, reportSize)
		for i, wanted := range []error{nil, nil, devices.ErrUnplugged} {
			_, err := h.hid.GetFeature(t.Context(), buf)
			want(t, fmt.Sprintf("get %d", i+1), err, wanted)
		}
		b.Plug(k)
		h = openFirst(t, b)
		k.Misbehave(Fault{UnplugAfterInputs: 3})
		mustTouch(t, k, 1)
		for i, wanted := range []error{nil, nil, nil, devices.ErrUnplugged} {
			_, err := h.hid.ReadInput(t.Context(), buf)
			want(t, fmt.Sprintf("read %d", i+1), err, wanted)
		}
		if k.Slots()[0].Counter != 1 {
			t.Error("a touch that was cut off spends its counter")
		}
	})
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		k.Misbehave(Fault{Busy: 300 * time.Millisecond})
		reports := like("")
		h.play(reports[:len(reports)-1])
		start := time.Now()
		last := h.play(reports[len(reports)-1:])
		if took := time.Since(start); took < 300*time.Millisecond || took > 310*time.Millisecond {
			t.Errorf("busy for %v", took)
		}
		if last[4] != 1 {
			t.Errorf("status % x after it", last)
		}
	})
}

// TestBusyKeyPulledOut loses the write that was not done yet.
func TestBusyKeyPulledOut(t *testing.T) {
	for atOnce, written := range map[bool]bool{false: false, true: true} {
		synctest.Test(t, func(t *testing.T) {
			b, k, h := plugged(t, Options{})
			k.Misbehave(Fault{Busy: time.Second, WriteAtOnce: atOnce})
			reports := like("")
			h.play(reports[:len(reports)-1])
			last := reports[len(reports)-1]
			want(t, "last part", h.hid.SetFeature(t.Context(), last[:]), nil)
			time.Sleep(time.Second / 2)
			if status := h.get(); status[partSize] != flagSlotWrite {
				t.Errorf("status % x while busy", status)
			}
			b.Unplug(k)
			if got := k.Slots()[0].Configured; got != written {
				t.Errorf("at once %v: written %v", atOnce, got)
			}
		})
	}
}

// TestHostThatDoesNotWait loses its frame: the key had not consumed the part before.
func TestHostThatDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		for _, report := range like("") {
			want(t, "set", h.hid.SetFeature(t.Context(), report[:]), nil)
		}
		time.Sleep(time.Second)
		if k.Slots()[0].Configured {
			t.Error("a frame sent without waiting was taken")
		}
		reset := [reportSize]byte{7: 0x8F}
		first, rest := like("")[0], like("")[1:]
		want(t, "reset", h.hid.SetFeature(t.Context(), reset[:]), nil)
		want(t, "first part", h.hid.SetFeature(t.Context(), first[:]), nil)
		if status := h.play(rest); status[4] != 0 {
			t.Error("a first part sent on the heels of a reset was taken")
		}
		if !h.accepted(0x01, rfcSetup().payload()) {
			t.Error("the next frame was refused")
		}
	})
}

func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		k.Misbehave(Fault{Late: 100 * time.Millisecond})
		if first := h.send(0x10, nil); first[partSize] != 0 {
			t.Errorf("an answer came at once: % x", first)
		}
		time.Sleep(100 * time.Millisecond)
		if report := h.get(); report[partSize] != flagRespPending {
			t.Errorf("no answer after the delay: % x", report)
		}
	})
}

func TestRefuseAndCorrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		k.Misbehave(Fault{Refuse: true})
		if h.accepted(0x01, rfcSetup().payload()) || k.Slots()[0].Configured {
			t.Error("the key that refuses took a write")
		}
		k.Misbehave(Fault{Corrupt: true})
		if !h.accepted(0x01, rfcSetup().payload()) {
			t.Error("the key that spoils writes refused one")
		}
		if typed := mustTouch(t, k, 1); typed == rfcCodes[0] {
			t.Error("the key that spoils writes types the right code")
		}
		k.Misbehave(Fault{})
		h.send(0x01, rfcSetup().payload())
		if typed := mustTouch(t, k, 1); typed != rfcCodes[0] {
			t.Errorf("the healed key types %q", typed)
		}
	})
}

func TestOpenFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, k, h := plugged(t, Options{})
		want(t, "close", h.hid.Close(), nil)
		infos, err := b.List(t.Context())
		want(t, "list", err, nil)
		open := func(info devices.Info) error {
			hid, err := b.Open(t.Context(), info)
			if err == nil {
				want(t, "close", hid.Close(), nil)
			}
			return err
		}
		want(t, "open FIDO", open(infos[1]), devices.ErrUnsupported)
		k.Misbehave(Fault{Held: true})
		want(t, "open a held key", open(infos[0]), devices.ErrBusy)
		k.Misbehave(Fault{Forbidden: time.Second})
		want(t, "open too early", open(infos[0]), devices.ErrPermission)
		time.Sleep(time.Second)
		want(t, "open in time", open(infos[0]), nil)
		b.Unplug(k)
		b.Plug(k)
		want(t, "open the plugging before", open(infos[0]), devices.ErrUnplugged)
		infos[0].ID = ""
		want(t, "open by path, too early again", open(infos[0]), devices.ErrPermission)
	})
}

func TestTwoOwnersPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, h := plugged(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err := h.hid.ReadInput(ctx, make([]byte, reportSize))
			want(t, "read", err, context.Canceled)
		}()
		synctest.Wait()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a second owner was let in")
				}
			}()
			h.hid.Close()
		}()
		cancel()
		<-done
	})
}

// TestPorts: the first free port, two keys at once, a path again with another ID.
func TestPorts(t *testing.T) {
	a, b, c := New(Options{Serial: 1}), New(Options{Serial: 2, Product: 0x0401}),
		New(Options{Serial: 3, Product: 0x0402})
	bus := NewBus(a, b)
	seen := map[string]bool{}
	list := func() (paths []string) {
		infos, err := bus.List(t.Context())
		want(t, "list", err, nil)
		for _, info := range infos {
			paths = append(paths, info.Path)
		}
		if len(infos) > 0 {
			seen[infos[0].ID] = true
		}
		return paths
	}
	for _, step := range []struct {
		act  func()
		want string
	}{
		{func() {}, "[]"},
		{func() { bus.Plug(b) }, "[1-1:1.0]"},
		{func() { bus.Plug(a) }, "[1-1:1.0 1-2:1.0 1-2:1.1]"},
		{func() { bus.Plug(a) }, "[1-1:1.0 1-2:1.0 1-2:1.1]"},
		{func() { bus.Unplug(b) }, "[1-2:1.0 1-2:1.1]"},
		{func() { bus.Plug(c) }, "[1-1:1.0 1-2:1.0 1-2:1.1]"},
	} {
		step.act()
		if got := fmt.Sprint(list()); got != step.want {
			t.Errorf("paths %s, want %s", got, step.want)
		}
	}
	if len(seen) != 3 {
		t.Errorf("first devices had the IDs %v, want three", seen)
	}
	if err := bus.Add(New(Options{Serial: 3})); err == nil {
		t.Error("a second key with serial 3 was added")
	}
}
