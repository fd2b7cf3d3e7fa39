package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/devices/usbip"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// runCommand keeps the keys.
type runCommand struct {
	Serial []uint32 `help:"Keys to have, by serial; plugged in from the start." default:"12345678"`
	State  string   `help:"Folder for the keys' memory, which else is gone at the end." type:"path"`
	// TCP has no authentication: it is for a loopback address, or a tunnel.
	TCP string `help:"Offer the keys over USB/IP, instead of to this kernel."`
}

// Run serves until ctx ends.
func (c runCommand) Run(ctx context.Context, line *commandLine) error {
	bus := virtual.NewBus()
	for _, serial := range c.Serial {
		key, err := c.open(serial)
		if err != nil {
			return err
		}
		if err := bus.Add(key); err != nil {
			return err
		}
		bus.Plug(key)
	}
	control, err := listenControl(line.Socket)
	if err != nil {
		return err
	}
	var offer net.Listener
	if c.TCP != "" {
		if offer, err = net.Listen("tcp", c.TCP); err != nil {
			control.Close()
			return fmt.Errorf("offer keys: %w", err)
		}
		fmt.Fprintln(os.Stderr, "virtualusb: offering keys on", offer.Addr())
	}
	return serve(ctx, bus, control, offer)
}

// open returns a key, with its memory where there is a folder for it.
func (c runCommand) open(serial uint32) (*virtual.Key, error) {
	o := virtual.Options{Serial: serial}
	if c.State == "" {
		return virtual.New(o), nil
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return nil, fmt.Errorf("open key: %w", err)
	}
	return virtual.Open(filepath.Join(c.State, fmt.Sprintf("%d.json", serial)), o)
}

// listenControl listens where only this user can connect, in place of a socket that nobody serves.
func listenControl(path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("control socket %s: somebody serves it already", path)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode().Type() == os.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

// serve runs the control socket and one of the two ways out: this kernel, or offer where there is
// one.
func serve(ctx context.Context, bus *virtual.Bus, control, offer net.Listener) error {
	sockets := &sockets{bus: bus, in: map[*virtual.Key]*plugging{}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return virtual.Serve(ctx, control, bus) })
	if offer != nil {
		group.Go(func() error { return usbip.Serve(ctx, offer, sockets.offered) })
		group.Go(func() error { return sockets.follow(ctx, func(*plugging) error { return nil }) })
	} else {
		group.Go(func() error { return sockets.follow(ctx, sockets.plugIntoKernel(ctx)) })
	}
	err := group.Wait()
	sockets.attached.Wait()
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// describe prints one key.
func describe(w io.Writer, k virtual.KeyState) {
	place := "in the drawer"
	if k.Plugged {
		place = "plugged in"
	}
	fmt.Fprintf(w, "%d  %04x  %s, sequence %d\n", k.Serial, k.Product, place, k.Sequence)
	for i, s := range k.Slots {
		switch {
		case s.HOTP:
			fmt.Fprintf(w, "  slot %d: HOTP, %d digits, counter %d, protected %t\n",
				i+1, s.Digits, s.Counter, s.Protected)
		case s.Configured:
			fmt.Fprintf(w, "  slot %d: something else, protected %t\n", i+1, s.Protected)
		default:
			fmt.Fprintf(w, "  slot %d: empty\n", i+1)
		}
	}
}
