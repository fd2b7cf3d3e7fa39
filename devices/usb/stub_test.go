//go:build !linux || !cgo || nousb

package usb_test

import (
	"errors"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
)

func TestStubSaysSo(t *testing.T) {
	bus := usb.New()
	if _, err := bus.List(t.Context()); !errors.Is(err, devices.ErrUnsupported) {
		t.Errorf("List = %v, want ErrUnsupported", err)
	}
	if _, err := bus.Open(t.Context(), devices.Info{}); !errors.Is(err, devices.ErrUnsupported) {
		t.Errorf("Open = %v, want ErrUnsupported", err)
	}
	if err := bus.Close(); err != nil {
		t.Error(err)
	}
}
