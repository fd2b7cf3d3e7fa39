package devices_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// source is a TapSource on which the test lays cards.
type source struct {
	name string
	up   atomic.Bool
	laid chan string
}

func newSource(name string) *source { return &source{name: name, laid: make(chan string)} }

func (s *source) Name() string { return s.name }
func (s *source) Up() bool     { return s.up.Load() }

func (s *source) Trouble() error { return devices.ErrBusy }

func (s *source) Run(ctx context.Context, taps chan<- devices.Tap) error {
	for {
		select {
		case number := <-s.laid:
			taps <- devices.Tap{Reader: s.name, Number: number}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestTapSetMerges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, right := newSource("left"), newSource("right")
		left.up.Store(true)
		set := devices.NewTapSet(left, right)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- set.Run(ctx) }()
		time.Sleep(time.Second)
		if down := set.Down(); set.Up() || len(down) != 1 || down["right"] == nil {
			t.Errorf("up %t, down %v", set.Up(), down)
		}
		changed := set.Changed()
		right.up.Store(true)
		began := time.Now()
		<-changed
		if took := time.Since(began); took > time.Second || !set.Up() {
			t.Errorf("noticed after %v, up %t", took, set.Up())
		}
		for _, s := range []*source{right, left} {
			go func() { s.laid <- "of " + s.name }()
			if tap := <-set.Taps(); tap.Reader != s.name || tap.Number != "of "+s.name {
				t.Errorf("%+v", tap)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestTapSetWithoutSourcesIsDown(t *testing.T) {
	if devices.NewTapSet().Up() {
		t.Error("nothing is up")
	}
}
