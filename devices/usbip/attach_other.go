//go:build !linux

package usbip

import (
	"context"
	"errors"
)

// Attach needs Linux.
func Attach(context.Context, Device) (*Port, error) {
	return nil, errors.New("attach usb device: only Linux has vhci_hcd")
}

// Detach never has anything to do here.
func (p *Port) Detach() error { return nil }
