package usbip

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// serveToys listens on loopback and offers two toys.
func serveToys(t *testing.T) (dial func() client) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	toys := map[string]Device{"1-1": newToy(), "1-2": newToy()}
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, func() map[string]Device { return toys }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
		goleak.VerifyNone(t)
	})
	return func() client {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return client{t: t, conn: conn}
	}
}

func (c client) bytes(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.conn, b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

func TestDevlist(t *testing.T) {
	c := serveToys(t)()
	c.words(nil, 0x01118005, 0)
	if got := string(c.bytes(12)); got != "\x01\x11\x00\x05\x00\x00\x00\x00\x00\x00\x00\x02" {
		t.Fatalf("OP_REP_DEVLIST begins % x", got)
	}
	for _, id := range []string{"1-1", "1-2"} {
		d := c.bytes(312)
		if got := strings.TrimRight(string(d[256:288]), "\x00"); got != id {
			t.Errorf("bus id %q, want %q", got, id)
		}
		// speed, vendor, product, release, class triple, configuration, counts
		const want = "\x00\x00\x00\x02\x10\x50\x04\x07\x05\x43\x00\x00\x00\x07\x01\x02"
		if got := string(d[296:]); got != want {
			t.Errorf("device % x, want % x", got, want)
		}
		if got := string(c.bytes(8)); got != "\x03\x01\x01\x00\x03\x00\x00\x00" {
			t.Errorf("interfaces % x", got)
		}
	}
	c.closed()
}

// importToy asks for a device and returns the reply's status.
func (c client) importToy(id string) (status byte) {
	c.t.Helper()
	field := make([]byte, 32)
	copy(field, id)
	c.words(field, 0x01118003, 0)
	head := c.bytes(8)
	if string(head[:4]) != "\x01\x11\x00\x03" {
		c.t.Fatalf("OP_REP_IMPORT begins % x", head)
	}
	if head[7] == 0 {
		c.bytes(312)
	}
	return head[7]
}

func TestImport(t *testing.T) {
	dial := serveToys(t)
	first := dial()
	if status := first.importToy("1-1"); status != 0 {
		t.Fatalf("import: status %d", status)
	}
	first.submit(1, 1, 0, 8, [8]byte{0xA1, 1, 0x34, 0x12, 5, 0, 8, 0}, nil)
	want(t, first.read(true),
		reply{command: 3, seq: 1, length: 3, data: []byte{0x34, 0x12, 5}})
	second := dial()
	if status := second.importToy("1-1"); status != 1 {
		t.Errorf("a device that is taken: status %d, want 1", status)
	}
	second.closed()
	if status := dial().importToy("9-9"); status != 1 {
		t.Errorf("a device that is not there: status %d, want 1", status)
	}
	if status := dial().importToy("1-2"); status != 0 {
		t.Errorf("the other device: status %d, want 0", status)
	}
}

func TestServerRefusesNonsense(t *testing.T) {
	dial := serveToys(t)
	for name, words := range map[string][]uint32{
		"another version": {0x01008005, 0},
		"another code":    {0x01118009, 0},
		"a full bus id":   {0x01118003, 0, ^uint32(0), 0, 0, 0, 0, 0, 0, ^uint32(0)},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial()
			c.t = t
			c.words(nil, words...)
			c.closed()
		})
	}
}
