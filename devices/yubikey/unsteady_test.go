package yubikey

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// impostor is a bus on which one plug is now this token and now that one.
type impostor struct {
	*virtual.Bus
	// atOnce changes it in the middle of an opening, else it is another one at the next.
	atOnce bool
	opened int
}

// Open implements devices.Bus.
func (b *impostor) Open(ctx context.Context, info devices.Info) (devices.HID, error) {
	infos, err := b.Bus.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []devices.HID
	for _, i := range infos {
		if i.Interface != 0 {
			continue
		}
		hid, err := b.Bus.Open(ctx, i)
		if err != nil {
			return nil, err
		}
		all = append(all, hid)
	}
	b.opened++
	return &twoFaced{all: all, at: 1 / b.opened, atOnce: b.atOnce}, nil
}

// List implements devices.Bus.
func (b *impostor) List(ctx context.Context) ([]devices.Info, error) {
	infos, err := b.Bus.List(ctx)
	return infos[:min(len(infos), 2)], err
}

// twoFaced lets every token hear everything, and one of them answer.
type twoFaced struct {
	all    []devices.HID
	at     int
	atOnce bool
}

func (f *twoFaced) SetFeature(ctx context.Context, report []byte) (err error) {
	for _, hid := range f.all {
		err = errors.Join(err, hid.SetFeature(ctx, report))
	}
	if f.atOnce && report[partSize] == resetNumber {
		f.at = (f.at + 1) % len(f.all)
	}
	return err
}

func (f *twoFaced) GetFeature(ctx context.Context, report []byte) (n int, err error) {
	answer := make([]byte, len(report))
	for i, hid := range f.all {
		n, err = hid.GetFeature(ctx, answer)
		if i == f.at {
			copy(report, answer)
		}
	}
	return n, err
}

func (f *twoFaced) ReadInput(ctx context.Context, report []byte) (int, error) {
	return f.all[0].ReadInput(ctx, report)
}

func (f *twoFaced) Close() (err error) {
	for _, hid := range f.all {
		err = errors.Join(err, hid.Close())
	}
	return err
}

// TestBenchForsakesTheUnsteady: a token that tells another serial within one opening is never shown
// as usable, and one that does so at the next opening is not from then on. Neither is lent again.
func TestBenchForsakesTheUnsteady(t *testing.T) {
	for name, atOnce := range map[string]bool{"at once": true, "later": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { foundOut(t, atOnce) })
		})
	}
}

func foundOut(t *testing.T, atOnce bool) {
	bus := virtual.NewBus()
	bus.Plug(virtual.New(virtual.Options{Serial: 11}))
	bus.Plug(virtual.New(virtual.Options{Serial: 22}))
	b := NewBench(&impostor{Bus: bus, atOnce: atOnce}, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	defer running.Wait()
	defer cancel()
	if !atOnce {
		until(t, b, "believed", shows("22"))
		token, err := b.Open(t.Context(), b.Plugs()[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := token.Close(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, b, "found out", func(plugs []provisioning.Plug) bool {
		if len(plugs) > 0 && atOnce && plugs[0].Info != nil {
			t.Errorf("believed for a moment: %+v", plugs[0])
		}
		return shows(string(provisioning.CodeTokenUnsteady))(plugs)
	})
	if p := b.Plugs()[0]; p.Usable || p.Info != nil || p.Err == nil {
		t.Errorf("shown as %+v", p)
	}
	if _, err := b.Open(t.Context(), b.Plugs()[0].ID); !errors.Is(err, errUnsteady) {
		t.Errorf("opened again: %v", err)
	}
}
