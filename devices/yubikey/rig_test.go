package yubikey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// running starts a bench on a bus with these keys in its drawer, in a bubble of its own.
func running(t *testing.T, opts Options, keys []virtual.Options,
	test func(t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus := &countingBus{Bus: virtual.NewBus(), opened: map[string]int{}}
		bus.others = []devices.Info{{Path: "1-9:1.0", Vendor: 0x046d, Product: 0xc31c}}
		var drawer []*virtual.Key
		for _, o := range keys {
			drawer = append(drawer, virtual.New(o))
			if err := bus.Add(drawer[len(drawer)-1]); err != nil {
				t.Fatal(err)
			}
		}
		b := NewBench(bus, opts)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
		})
		test(t, b, bus, drawer)
		cancel()
		running.Wait()
	})
}

// countingBus counts how often each device was opened, and adds devices of another maker.
type countingBus struct {
	*virtual.Bus
	mu     sync.Mutex
	opened map[string]int
	others []devices.Info
	broken error
}

// breaks makes listing fail, or work again.
func (b *countingBus) breaks(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

func (b *countingBus) Open(ctx context.Context, info devices.Info) (devices.HID, error) {
	b.mu.Lock()
	b.opened[info.Path]++
	b.mu.Unlock()
	return b.Bus.Open(ctx, info)
}

func (b *countingBus) opens(path string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened[path]
}

func (b *countingBus) List(ctx context.Context) ([]devices.Info, error) {
	b.mu.Lock()
	broken := b.broken
	b.mu.Unlock()
	if broken != nil {
		return nil, broken
	}
	infos, err := b.Bus.List(ctx)
	return append(infos, b.others...), err
}

// until waits for the list to be as wanted and says how long that took.
func until(t *testing.T, b *Bench, what string, ok func([]provisioning.Plug) bool) time.Duration {
	t.Helper()
	began, patience := time.Now(), time.After(time.Minute)
	for {
		changed := b.Changed()
		if ok(b.Plugs()) {
			return time.Since(began)
		}
		select {
		case <-changed:
		case <-patience:
			t.Fatalf("%s: still %s", what, describe(b.Plugs()))
		}
	}
}

// describe says in a word per plug what the list shows.
func describe(plugs []provisioning.Plug) string {
	var words []string
	for _, p := range plugs {
		switch {
		case p.Why != "":
			words = append(words, string(p.Why))
		case p.Info != nil:
			words = append(words, p.Info.Serial)
		default:
			words = append(words, "asking")
		}
	}
	return fmt.Sprintf("%q", words)
}

func shows(want ...string) func([]provisioning.Plug) bool {
	return func(plugs []provisioning.Plug) bool { return describe(plugs) == fmt.Sprintf("%q", want) }
}
