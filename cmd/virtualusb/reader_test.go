package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// TestReaderFollowsItsHand: what is said on the standard input happens to the reader that is offered.
func TestReaderFollowsItsHand(t *testing.T) {
	s := newReaderStand(virtual.CardReaderOptions{})
	offer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- usbip.Serve(ctx, offer, s.offered) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	var complaints bytes.Buffer
	for _, step := range []struct {
		orders string
		want   uint32
	}{
		{"put 04a1b2c3 04127781\ntake\n", 1}, {"unplug\n", 0}, {"plug\nput 04a1b2c3\n", 1},
	} {
		s.hand(strings.NewReader(step.orders), &complaints)
		if got := offered(t, offer.Addr().String()); got != step.want || complaints.Len() > 0 {
			t.Errorf("after %q: %d offered, want %d; %s", step.orders, got, step.want, &complaints)
		}
	}
	s.hand(strings.NewReader("put nothing\nput\nshake\n\n"), &complaints)
	if got := strings.Count(complaints.String(), "\n"); got != 3 {
		t.Errorf("%d complaints:\n%s", got, &complaints)
	}
}
