package main

import (
	"context"
	"strings"

	"github.com/tokendesk/tokendesk/devices"
)

// realMark keeps the paths of the machine's own devices apart from those of the virtual bus.
const realMark = "usb:"

// benchBus is the virtual bus with the machine's own beside it.
type benchBus struct{ virtual, real devices.Bus }

// List implements devices.Bus. A build without USB has no devices of its own, and a machine whose
// USB cannot be listed now still has the virtual ones.
func (b benchBus) List(ctx context.Context) ([]devices.Info, error) {
	list, err := b.virtual.List(ctx)
	if err != nil {
		return nil, err
	}
	found, err := b.real.List(ctx)
	if err != nil {
		return list, nil
	}
	for _, info := range found {
		info.Path = realMark + info.Path
		list = append(list, info)
	}
	return list, nil
}

// Open implements devices.Bus.
func (b benchBus) Open(ctx context.Context, info devices.Info) (devices.HID, error) {
	path, real := strings.CutPrefix(info.Path, realMark)
	if !real {
		return b.virtual.Open(ctx, info)
	}
	info.Path = path
	return b.real.Open(ctx, info)
}

// bus is what the desk sees.
func (st *stage) bus() devices.Bus {
	if st.usb == nil {
		return st.tokens
	}
	return benchBus{st.tokens, st.usb}
}

// isReal reports a device of the machine's own.
func isReal(info devices.Info) bool { return strings.HasPrefix(info.Path, realMark) }
