package virtual

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// hurry is how long the answer may take once the server was told that nobody wants to wait.
const hurry = 2 * time.Second

// Remote is a Bus that another process serves, and its controls.
type Remote struct{ path string }

var _ devices.Bus = (*Remote)(nil)

// Dial names the unix socket of a bus that Serve serves. It connects at every use, so the other
// process may start later and may be replaced.
func Dial(path string) *Remote { return &Remote{path: path} }

// List implements devices.Bus.
func (r *Remote) List(ctx context.Context) ([]devices.Info, error) {
	answer, err := r.once(ctx, request{Ask: askList})
	return answer.Infos, err
}

// Open implements devices.Bus. The key stays open for as long as the connection lives.
func (r *Remote) Open(ctx context.Context, info devices.Info) (devices.HID, error) {
	l, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := l.ask(ctx, request{Ask: askOpen, Info: &info}); err != nil {
		l.conn.Close()
		return nil, err
	}
	return &remoteHID{line: l}, nil
}

// Keys lists the drawer.
func (r *Remote) Keys(ctx context.Context) ([]KeyState, error) {
	answer, err := r.once(ctx, request{Ask: askKeys})
	return answer.Keys, err
}

// Key peeks at one key of the drawer.
func (r *Remote) Key(ctx context.Context, serial uint32) (KeyState, error) {
	keys, err := r.Keys(ctx)
	if err != nil {
		return KeyState{}, err
	}
	for _, k := range keys {
		if k.Serial == serial {
			return k, nil
		}
	}
	return KeyState{}, fmt.Errorf("there is no key %d", serial)
}

// Add makes a key and puts it into the drawer.
func (r *Remote) Add(ctx context.Context, o Options) error {
	_, err := r.once(ctx, request{Ask: askAdd, Options: &o})
	return err
}

// Plug puts the key into the first free port.
func (r *Remote) Plug(ctx context.Context, serial uint32) error {
	_, err := r.once(ctx, request{Ask: askPlug, Serial: serial})
	return err
}

// Unplug pulls the key out.
func (r *Remote) Unplug(ctx context.Context, serial uint32) error {
	_, err := r.once(ctx, request{Ask: askUnplug, Serial: serial})
	return err
}

// Touch is Key.Touch.
func (r *Remote) Touch(ctx context.Context, serial uint32, slotNumber int) (string, error) {
	answer, err := r.once(ctx, request{Ask: askTouch, Serial: serial, Slot: slotNumber})
	return answer.Typed, err
}

// Misbehave is Key.Misbehave.
func (r *Remote) Misbehave(ctx context.Context, serial uint32, f Fault) error {
	_, err := r.once(ctx, request{Ask: askFault, Serial: serial, Fault: &f})
	return err
}

// once asks one thing on a connection of its own.
func (r *Remote) once(ctx context.Context, ask request) (response, error) {
	l, err := r.connect(ctx)
	if err != nil {
		return response{}, err
	}
	defer l.conn.Close()
	return l.ask(ctx, ask)
}

func (r *Remote) connect(ctx context.Context) (*line, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", r.path)
	if err != nil {
		return nil, fmt.Errorf("reach virtual keys: %w", err)
	}
	return &line{conn: conn, in: json.NewDecoder(conn), out: json.NewEncoder(conn)}, nil
}

// line is the client's side of one connection. It has one owner.
type line struct {
	conn net.Conn
	in   *json.Decoder
	out  *json.Encoder
}

// ask waits for the answer even when ctx ends, after telling the server to hurry: only so is it
// known whether the request was carried out.
func (l *line) ask(ctx context.Context, r request) (response, error) {
	if err := late(ctx); err != nil {
		return response{}, fmt.Errorf("%s: %w", r.Ask, err)
	}
	if err := l.out.Encode(r); err != nil {
		return response{}, l.lost(r)
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		// A failure to tell shows when the answer is read.
		_ = l.out.Encode(request{Ask: askCancel})
		_ = l.conn.SetReadDeadline(time.Now().Add(hurry))
	})
	var answer response
	err := l.in.Decode(&answer)
	if !stop() {
		<-told
		_ = l.conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		return response{}, l.lost(r)
	}
	if err := answer.err(); err != nil {
		if ended := late(ctx); ended != nil && errors.Unwrap(err) == nil {
			err = ended
		}
		return response{}, fmt.Errorf("%s: %w", r.Ask, err)
	}
	return answer, nil
}

// lost is the end of the server: the keys went with it.
func (l *line) lost(r request) error {
	return fmt.Errorf("%s: the process with the keys is gone: %w", r.Ask, devices.ErrUnplugged)
}

// remoteHID is a key that another process has open for us.
type remoteHID struct {
	line   *line
	inUse  atomic.Bool
	closed bool
}

var _ devices.HID = (*remoteHID)(nil)

// ask enforces one owner, and that a closed device stays closed.
func (h *remoteHID) ask(ctx context.Context, r request) (response, error) {
	if !h.inUse.CompareAndSwap(false, true) {
		panic("devices/virtual: two calls at once on one open device")
	}
	defer h.inUse.Store(false)
	if h.closed {
		return response{}, fmt.Errorf("%s: %w", r.Ask, devices.ErrClosed)
	}
	return h.line.ask(ctx, r)
}

// SetFeature implements devices.HID.
func (h *remoteHID) SetFeature(ctx context.Context, report []byte) error {
	_, err := h.ask(ctx, request{Ask: askSet, Report: report})
	return err
}

// GetFeature implements devices.HID.
func (h *remoteHID) GetFeature(ctx context.Context, report []byte) (int, error) {
	answer, err := h.ask(ctx, request{Ask: askGet, Length: len(report)})
	return copy(report, answer.Report), err
}

// ReadInput implements devices.HID.
func (h *remoteHID) ReadInput(ctx context.Context, report []byte) (int, error) {
	answer, err := h.ask(ctx, request{Ask: askRead, Length: len(report)})
	return copy(report, answer.Report), err
}

// Close implements devices.HID.
func (h *remoteHID) Close() error {
	_, err := h.ask(context.Background(), request{Ask: askClose})
	h.closed = true
	h.line.conn.Close()
	if errors.Is(err, devices.ErrUnplugged) {
		return nil // a device that is gone is closed
	}
	return err
}
