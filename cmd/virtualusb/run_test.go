package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// start serves one key over TCP as the command does.
func start(t *testing.T) (bus *virtual.Bus, hand *virtual.Remote, address string) {
	t.Helper()
	bus = virtual.NewBus()
	bus.Plug(virtual.New(virtual.Options{Serial: 7654321}))
	path := filepath.Join(t.TempDir(), "control")
	control, err := listenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	offer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, bus, control, offer) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve = %v, want nil", err)
		}
		goleak.VerifyNone(t)
	})
	return bus, virtual.Dial(path), offer.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// offered asks for the list of exported devices and returns how many there are.
func offered(t *testing.T, address string) uint32 {
	t.Helper()
	conn := dial(t, address)
	if _, err := conn.Write([]byte{1, 0x11, 0x80, 5, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 12)
	if _, err := io.ReadFull(conn, reply); err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.Uint32(reply[8:])
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestPullingTheKeyCutsTheConnection: a host that imported the key sees the plug pulled although no
// transfer is under way, and the key is offered again when it is put back.
func TestPullingTheKeyCutsTheConnection(t *testing.T) {
	_, hand, address := start(t)
	eventually(t, "the key is offered", func() bool { return offered(t, address) == 1 })
	host := dial(t, address)
	request := append([]byte{1, 0x11, 0x80, 3, 0, 0, 0, 0}, "1-1"...)
	if _, err := host.Write(append(request, make([]byte, 29)...)); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 320)
	if _, err := io.ReadFull(host, reply); err != nil || reply[7] != 0 {
		t.Fatalf("import: status %d, %v", reply[7], err)
	}
	if err := hand.Unplug(t.Context(), 7654321); err != nil {
		t.Fatal(err)
	}
	if n, err := host.Read(reply); err == nil {
		t.Errorf("the host read %d bytes from a key that was pulled out", n)
	}
	eventually(t, "the key is no longer offered", func() bool { return offered(t, address) == 0 })
	if err := hand.Plug(t.Context(), 7654321); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key is offered again", func() bool { return offered(t, address) == 1 })
}

func TestControlSocketIsNotTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	first, err := listenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := listenControl(path); err == nil {
		second.Close()
		t.Error("a socket that somebody serves was taken away")
	}
	// A process that was killed leaves its socket behind.
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	again, err := listenControl(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestDescribe(t *testing.T) {
	key := virtual.New(virtual.Options{Serial: 7654321, Delivered: true})
	var out bytes.Buffer
	describe(&out, key.State())
	const want = "7654321  0407  in the drawer, sequence 1\n" +
		"  slot 1: something else, protected false\n  slot 2: empty\n"
	if out.String() != want {
		t.Errorf("described as\n%s", strings.TrimSpace(out.String()))
	}
}
