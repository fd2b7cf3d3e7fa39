package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// sockets follows which keys are plugged in and lets the other side of the cable know.
type sockets struct {
	bus *virtual.Bus

	// attached waits for the ports of this kernel.
	attached sync.WaitGroup

	mu sync.Mutex
	in map[*virtual.Key]*plugging
}

// plugging is one key for as long as it is plugged in.
type plugging struct {
	usbip.Device
	key  *virtual.Key
	gone chan struct{}
}

var _ usbip.Removable = (*plugging)(nil)

// Gone implements usbip.Removable.
func (p *plugging) Gone() <-chan struct{} { return p.gone }

// follow calls plugged for every key that is put in, and says Gone for one that is pulled, until
// ctx ends.
func (s *sockets) follow(ctx context.Context, plugged func(*plugging) error) error {
	for {
		changed := s.bus.Changed()
		for _, p := range s.reconcile() {
			if err := plugged(p); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reconcile returns the pluggings that are new.
func (s *sockets) reconcile() (fresh []*plugging) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.bus.Keys() {
		p, known := s.in[key]
		switch {
		case key.Plugged() && !known:
			p = &plugging{Device: key.USB(), key: key, gone: make(chan struct{})}
			s.in[key] = p
			fresh = append(fresh, p)
		case !key.Plugged() && known:
			close(p.gone)
			delete(s.in, key)
		}
	}
	return fresh
}

// offered are the keys for USB/IP: the bus id is the place in the drawer.
func (s *sockets) offered() map[string]usbip.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	offered := map[string]usbip.Device{}
	for i, key := range s.bus.Keys() {
		if p, ok := s.in[key]; ok {
			offered[fmt.Sprintf("1-%d", i+1)] = p
		}
	}
	return offered
}

// plugIntoKernel attaches keys to this machine's bus. A kernel that lets go of one has had it
// pulled out.
func (s *sockets) plugIntoKernel(ctx context.Context) func(*plugging) error {
	return func(p *plugging) error {
		port, err := usbip.Attach(ctx, p)
		if err != nil {
			return fmt.Errorf("%w (is the module vhci-hcd loaded, and are you root?)", err)
		}
		fmt.Fprintf(os.Stderr, "virtualusb: key %d on port %d\n", p.key.Serial(), port.Number)
		s.attached.Go(func() {
			select {
			case <-p.gone:
				<-port.Done()
			case <-port.Done():
				if ctx.Err() == nil {
					s.bus.Unplug(p.key)
				}
			}
		})
		return nil
	}
}
