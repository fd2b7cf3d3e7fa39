package usbip

import (
	"context"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// start serves a toy on one end of a pipe and gives the other end to a scripted kernel. At the end
// of the test the session must be over without an error and leave no goroutine.
func start(t *testing.T) (*toy, client) {
	t.Helper()
	device := newToy()
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeConn(context.Background(), theirs, device) }()
	t.Cleanup(func() {
		ours.Close()
		if err := <-ended; err != nil {
			t.Errorf("ServeConn = %v, want nil", err)
		}
		goleak.VerifyNone(t)
	})
	return device, client{t: t, conn: ours}
}

func want(t *testing.T, got, want reply) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(reply{})); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestControl(t *testing.T) {
	_, c := start(t)
	for _, tt := range []struct {
		name      string
		direction uint32
		setup     [8]byte
		data      []byte
		length    uint32
		want      reply
	}{
		{"in", 1, [8]byte{0xA1, 1, 0x34, 0x12, 5, 0, 8, 0}, nil, 8,
			reply{command: 3, length: 3, data: []byte{0x34, 0x12, 5}}},
		{"in, more than asked", 1, [8]byte{0xA1, 1, 0x34, 0x12, 5, 0, 2, 0}, nil, 2,
			reply{command: 3, status: -75, length: 2, data: []byte{0x34, 0x12}}},
		{"out", 0, [8]byte{0x21, 9, 0, 3, 0, 0, 8, 0}, make([]byte, 8), 8,
			reply{command: 3, length: 8}},
		{"stall", 0, [8]byte{0x40, 1, 0, 0, 0, 0, 0, 0}, nil, 0,
			reply{command: 3, status: -32}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.seq = 7
			c.submit(7, tt.direction, 0, tt.length, tt.setup, tt.data)
			want(t, c.read(tt.direction == 1), tt.want)
		})
	}
}

func TestInterruptBesideControl(t *testing.T) {
	device, c := start(t)
	c.submit(1, 1, 1, 8, [8]byte{}, nil)
	c.submit(2, 1, 1, 8, [8]byte{}, nil)
	<-device.waiting
	c.submit(3, 1, 0, 8, [8]byte{0xA1, 1, 0, 3, 0, 0, 8, 0}, nil)
	if got := c.read(true); got.seq != 3 {
		t.Fatalf("a waiting endpoint held up control: answer to %d came first", got.seq)
	}
	device.feed <- []byte{1}
	want(t, c.read(true), reply{command: 3, seq: 1, length: 1, data: []byte{1}})
	device.feed <- []byte{2}
	want(t, c.read(true), reply{command: 3, seq: 2, length: 1, data: []byte{2}})
	c.submit(4, 0, 2, 3, [8]byte{}, []byte("abc"))
	want(t, c.read(false), reply{command: 3, seq: 4, length: 3})
	if got := string(<-device.out); got != "abc" {
		t.Errorf("endpoint 2 got %q", got)
	}
}

func TestUnlink(t *testing.T) {
	device, c := start(t)
	c.submit(1, 1, 1, 8, [8]byte{}, nil)
	c.submit(2, 1, 1, 8, [8]byte{}, nil)
	<-device.waiting
	c.unlink(3, 2) // still in the queue
	want(t, c.read(false), reply{command: 4, seq: 3, status: -104})
	c.unlink(4, 1) // on the device
	want(t, c.read(false), reply{command: 4, seq: 4, status: -104})
	c.submit(5, 1, 1, 8, [8]byte{}, nil)
	<-device.waiting
	device.feed <- []byte{9}
	want(t, c.read(true), reply{command: 3, seq: 5, length: 1, data: []byte{9}})
	c.unlink(6, 5) // answered before
	want(t, c.read(false), reply{command: 4, seq: 6, status: 0})
}

func TestUnplugFromTheDevice(t *testing.T) {
	device, c := start(t)
	c.submit(1, 1, 1, 8, [8]byte{}, nil)
	<-device.waiting
	c.submit(2, 0, 0, 0, [8]byte{0x40, 0xEE, 0, 0, 0, 0, 0, 0}, nil)
	c.closed()
}

// removable is a toy whose plug can be pulled.
type removable struct {
	*toy
	gone chan struct{}
}

func (r removable) Gone() <-chan struct{} { return r.gone }

func TestUnplugWhileIdle(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	device := removable{newToy(), make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- ServeConn(t.Context(), theirs, device) }()
	close(device.gone)
	if err := <-ended; err != nil {
		t.Errorf("ServeConn = %v, want nil", err)
	}
	client{t: t, conn: ours}.closed()
}

func TestNonsenseIsCutOff(t *testing.T) {
	for name, words := range map[string][]uint32{
		"unknown command":    {9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"a gigabyte":         {1, 1, 0, 0, 0, 0, 1 << 30, 0, 0, 0, 0, 0},
		"a negative length":  {1, 1, 0, 1, 0, 0, 1 << 31, 0, 0, 0, 0, 0},
		"a third direction":  {1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0},
		"a 17th endpoint":    {1, 1, 0, 1, 16, 0, 0, 0, 0, 0, 0, 0},
		"a listing request ": {0x01118005, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer ours.Close()
			ended := make(chan error, 1)
			go func() { ended <- ServeConn(context.Background(), theirs, newToy()) }()
			client{t: t, conn: ours}.words(nil, words...)
			if err := <-ended; err == nil {
				t.Error("ServeConn = nil, want an error")
			}
		})
	}
}

func TestContextEndsSession(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	ctx, cancel := context.WithCancel(t.Context())
	device, ended := newToy(), make(chan error, 1)
	go func() { ended <- ServeConn(ctx, theirs, device) }()
	c := client{t: t, conn: ours}
	c.submit(1, 1, 1, 8, [8]byte{}, nil)
	<-device.waiting
	cancel()
	<-ended
	c.closed()
}
