package usbip

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
)

// toy is a device of two interfaces: control requests echo, endpoint 1 gives what the test feeds.
type toy struct {
	feed    chan []byte
	waiting chan struct{} // one value whenever In begins to wait
	out     chan []byte
}

func newToy() *toy {
	return &toy{
		feed: make(chan []byte, 8), waiting: make(chan struct{}, 8), out: make(chan []byte, 8),
	}
}

func (*toy) Descriptor() []byte {
	return []byte{18, 1, 0, 2, 0, 0, 0, 8, 0x50, 0x10, 7, 4, 0x43, 5, 1, 2, 0, 1}
}

func (*toy) Speed() Speed { return FullSpeed }

var toyConfiguration = []byte{
	9, 2, 27, 0, 2, 7, 0, 0x80, 15,
	9, 4, 0, 0, 1, 3, 1, 1, 0,
	9, 4, 1, 0, 2, 3, 0, 0, 0,
}

func (*toy) Control(_ context.Context, setup Setup, out []byte) ([]byte, error) {
	switch {
	case setup.Request == 6:
		return toyConfiguration, nil
	case setup.Request == 0xEE:
		return nil, io.ErrUnexpectedEOF
	case setup.RequestType == 0xA1:
		return []byte{byte(setup.Value), byte(setup.Value >> 8), byte(setup.Index)}, nil
	case setup.RequestType == 0x21 && len(out) == int(setup.Length):
		return nil, nil
	}
	return nil, ErrStall
}

func (d *toy) In(ctx context.Context, endpoint uint8, _ int) ([]byte, error) {
	d.waiting <- struct{}{}
	select {
	case b := <-d.feed:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *toy) Out(_ context.Context, _ uint8, data []byte) error {
	d.out <- data
	return nil
}

// client is the kernel's side, scripted. It encodes by hand, so that it does not share a mistake
// with the code it tests.
type client struct {
	t    *testing.T
	conn net.Conn
}

// words sends 32-bit big-endian words followed by raw bytes.
func (c client) words(data []byte, words ...uint32) {
	c.t.Helper()
	var b []byte
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	if _, err := c.conn.Write(append(b, data...)); err != nil {
		c.t.Fatal(err)
	}
}

// submit sends CMD_SUBMIT.
func (c client) submit(seq, direction, endpoint, length uint32, setup [8]byte, data []byte) {
	c.t.Helper()
	const devid = 0x10002
	c.words(append(setup[:], data...),
		1, seq, devid, direction, endpoint, 0, length, 0, 0, 10)
}

// unlink sends CMD_UNLINK.
func (c client) unlink(seq, victim uint32) {
	c.t.Helper()
	c.words(make([]byte, 24), 2, seq, 0x10002, 0, 0, victim)
}

// reply is what both kinds of answer have in common.
type reply struct {
	command, seq uint32
	status       int32
	length       uint32
	data         []byte
}

// read takes one answer; data follows only where the test asked for input.
func (c client) read(input bool) reply {
	c.t.Helper()
	head := make([]byte, 48)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		c.t.Fatal(err)
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(head[4*i:]) }
	r := reply{command: word(0), seq: word(1), status: int32(word(5))}
	if r.command == 3 {
		r.length = word(6)
		if input {
			r.data = make([]byte, r.length)
			if _, err := io.ReadFull(c.conn, r.data); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	return r
}

// closed checks that the other side hung up.
func (c client) closed() {
	c.t.Helper()
	if n, err := c.conn.Read(make([]byte, 1)); err == nil {
		c.t.Fatalf("the connection is still open: read %d bytes", n)
	}
}
