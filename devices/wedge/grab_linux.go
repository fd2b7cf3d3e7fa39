package wedge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tokendesk/tokendesk/devices"
)

// Requests to an event node (include/uapi/linux/input.h).
const (
	eviocGrab       = 0x40044590 // _IOW('E', 0x90, int)
	eviocSetClockID = 0x400445a0 // _IOW('E', 0xa0, int)
)

// struct input_event: the time in two words of the machine, then type, code and value.
const (
	wordSize  = strconv.IntSize / 8
	eventSize = 2*wordSize + 8
)

// What a key event is (include/uapi/linux/input-event-codes.h).
const (
	typeSyn    = 0
	typeKey    = 1
	synDropped = 3
	valueUp    = 0
	valueDown  = 1
)

// grabbed is an event node that nobody else hears.
type grabbed struct {
	file   *os.File
	raw    syscall.RawConn
	buffer []byte
	events []event
}

// grab opens a node and takes it for itself: from here on neither other readers of the node nor the
// kernel's own listeners (the console) get its events, until it is closed or the process ends.
func grab(path string) (*grabbed, error) {
	// O_NONBLOCK makes the file one that a deadline and Close can interrupt.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open reader: %w", named(err))
	}
	raw, err := file.SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) { err = claim(int(fd)) }), err)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("hold reader: %w", named(err))
	}
	return &grabbed{file: file, raw: raw, buffer: make([]byte, 64*eventSize)}, nil
}

// claim grabs, and has times given by the clock that nobody sets.
func claim(fd int) error {
	if err := unix.IoctlSetInt(fd, eviocGrab, 1); err != nil {
		return err
	}
	return unix.IoctlSetPointerInt(fd, eviocSetClockID, unix.CLOCK_MONOTONIC)
}

// named maps what the kernel says.
func named(err error) error {
	switch {
	case errors.Is(err, unix.EBUSY):
		return devices.ErrBusy
	case errors.Is(err, fs.ErrPermission):
		return devices.ErrPermission
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO), errors.Is(err, fs.ErrNotExist):
		return devices.ErrUnplugged
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL):
		return devices.ErrUnsupported // a node that is no event node
	}
	return err
}

// read waits for key events, at most for wait unless that is 0. It returns
// os.ErrDeadlineExceeded where nothing came, and errLost where some did not come. The events are
// good until the next read.
func (g *grabbed) read(wait time.Duration) ([]event, error) {
	deadline := time.Time{}
	if wait > 0 {
		deadline = time.Now().Add(wait)
	}
	if err := g.file.SetReadDeadline(deadline); err != nil {
		return nil, fmt.Errorf("read reader: %w", err)
	}
	n, err := g.file.Read(g.buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		n, err = g.rest()
	}
	if err != nil {
		return nil, fmt.Errorf("read reader: %w", named(err))
	}
	defer clear(g.buffer[:n])
	return g.parse(g.buffer[:n])
}

// rest looks once more after a deadline: where this process was held up itself, the deadline is over
// and keys are waiting all the same.
func (g *grabbed) rest() (n int, err error) {
	if err := g.file.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	outer := g.raw.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), g.buffer)
		return true
	})
	if errors.Is(err, unix.EAGAIN) {
		return 0, os.ErrDeadlineExceeded
	}
	return max(n, 0), errors.Join(outer, err)
}

// parse takes the keys out of what was read.
func (g *grabbed) parse(raw []byte) ([]event, error) {
	g.events = g.events[:0]
	for ; len(raw) >= eventSize; raw = raw[eventSize:] {
		rest := raw[2*wordSize:]
		kind, code := binary.NativeEndian.Uint16(rest), binary.NativeEndian.Uint16(rest[2:])
		value := binary.NativeEndian.Uint32(rest[4:])
		if kind == typeSyn && code == synDropped {
			return nil, errLost
		}
		if kind == typeKey && (value == valueDown || value == valueUp) { // no repetition
			g.events = append(g.events, event{code, value == valueDown, timeOf(raw)})
		}
	}
	return g.events, nil
}

// timeOf reads seconds and microseconds.
func timeOf(raw []byte) time.Duration {
	word := func(b []byte) time.Duration {
		if wordSize == 4 {
			return time.Duration(binary.NativeEndian.Uint32(b))
		}
		return time.Duration(binary.NativeEndian.Uint64(b))
	}
	return word(raw)*time.Second + word(raw[wordSize:])*time.Microsecond
}

// Close gives the node back. It may be called more than once.
func (g *grabbed) Close() error { return g.file.Close() }

// monotonic is the clock of the events.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0 // it has no way to fail
	}
	return time.Duration(now.Nano())
}
