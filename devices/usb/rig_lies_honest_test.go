//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/ccid"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
)

// honestSerial is that of the token which does not lie.
const honestSerial = "7654321"

// honest are the token and the reader that do not lie, and the bench that all tokens are on.
type honest struct {
	key *rigKey
	// path is where the token is.
	path   string
	reader *rigReader
	bench  *yubikey.Bench
	taps   chan devices.Tap
	cards  byte
	kernel *kernelLog
	// ports is held by whoever plugs something in or pulls it out.
	ports sync.Mutex
}

// start runs the source of taps of the reader.
func (h *honest) start(ctx context.Context, t *testing.T, running *sync.WaitGroup) {
	t.Helper()
	h.taps = make(chan devices.Tap)
	source, err := ccid.New(h.key.bus, ccid.Options{Name: "honest",
		Match: ccid.Match{Vendor: 0x04E6, Serial: "HONEST", Interface: -1}})
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { _ = source.Run(ctx, h.taps) })
}

// work writes and reads the token and reads a card, and says how long that took.
func (h *honest) work(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := h.useToken(ctx); err != nil {
		t.Errorf("the honest token: %v", err)
	}
	h.cards++
	h.reader.Put(&virtual.SmartCard{UID: []byte{4, 1, 2, 3, 4, 5, h.cards}})
	select {
	case tap := <-h.taps:
		if want := fmt.Sprintf("040102030405%02X", h.cards); tap.Number != want {
			t.Errorf("the honest reader read %+v, want %s", tap, want)
		}
	case <-ctx.Done():
		t.Error("the honest reader: no tap")
	}
	h.reader.Take()
	return time.Since(began)
}

// useToken is what a visit does with the honest token, once the bench shows it.
func (h *honest) useToken(ctx context.Context) error {
	id, err := h.shown(ctx)
	if err != nil {
		return err
	}
	token, err := h.bench.Open(ctx, id)
	if err != nil {
		return err
	}
	defer token.Close()
	if err := token.Program(ctx, config(1, 6, nil, nil)); err != nil {
		return err
	}
	typed := make(chan string, 1)
	time.AfterFunc(100*time.Millisecond, func() {
		text, _ := h.key.Touch(1)
		typed <- text
	})
	otp, err := token.ReadOTP(ctx, 6)
	if err != nil {
		return err
	}
	if want := <-typed; string(otp.Expose()) != want {
		return fmt.Errorf("read %q, and it typed %q", otp.Expose(), want)
	}
	return nil
}

// shown waits until the bench has identified the honest token.
func (h *honest) shown(ctx context.Context) (id string, err error) {
	for {
		changed := h.bench.Changed()
		for _, p := range h.bench.Plugs() {
			if p.Usable && p.Info != nil && p.Info.Serial == honestSerial {
				return p.ID, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", errors.New("the bench does not show it")
		}
	}
}

// watchSerials holds the bench to it that no plug is ever shown with two serials.
func (h *honest) watchSerials(ctx context.Context, t *testing.T) {
	shown := map[string]string{}
	for {
		changed := h.bench.Changed()
		for _, p := range h.bench.Plugs() {
			if p.Info == nil || p.Info.Serial == "" {
				continue
			}
			if before := shown[p.ID]; before != "" && before != p.Info.Serial {
				t.Errorf("plug %s was shown as %s and then as %s", p.ID, before, p.Info.Serial)
			}
			shown[p.ID] = p.Info.Serial
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// watchListing lists all the time.
func (h *honest) watchListing(ctx context.Context, t *testing.T) {
	longest := time.Duration(0)
	for ctx.Err() == nil {
		began := time.Now()
		infos, err := h.key.bus.List(ctx)
		took := time.Since(began)
		longest = max(longest, took)
		found := slices.ContainsFunc(infos, func(i devices.Info) bool { return i.Path == h.path })
		if ctx.Err() == nil && (err != nil || !found || took > listTime) {
			t.Errorf("a listing without the honest token, or late: %v, %d interfaces in %v", err,
				len(infos), took)
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Logf("the longest listing took %v", longest)
}
