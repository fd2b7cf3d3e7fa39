package virtual

import (
	"errors"

	"github.com/tokendesk/tokendesk/devices"
)

// Requests of the control socket: one JSON object a line, answered by one line each, in order. A
// connection that opened a key owns it until it ends; cancel is the one request that is not
// answered itself: it ends the one before.
const (
	askList   = "list"
	askOpen   = "open"
	askSet    = "set"
	askGet    = "get"
	askRead   = "read"
	askClose  = "close"
	askCancel = "cancel"
	askKeys   = "keys"
	askAdd    = "add"
	askPlug   = "plug"
	askUnplug = "unplug"
	askTouch  = "touch"
	askFault  = "fault"
)

// request carries what its Ask needs and leaves out the rest.
type request struct {
	Ask     string
	Info    *devices.Info `json:",omitempty"`
	Report  []byte        `json:",omitempty"`
	Length  int           `json:",omitempty"`
	Serial  uint32        `json:",omitempty"`
	Slot    int           `json:",omitempty"`
	Fault   *Fault        `json:",omitempty"`
	Options *Options      `json:",omitempty"`
}

// response carries an error, or what was asked for.
type response struct {
	// Code names one of the errors a caller may tell apart; Error is its text.
	Code   string         `json:",omitempty"`
	Error  string         `json:",omitempty"`
	Infos  []devices.Info `json:",omitempty"`
	Report []byte         `json:",omitempty"`
	Keys   []KeyState     `json:",omitempty"`
	Typed  string         `json:",omitempty"`
}

// KeyState is what the control socket tells of one key.
type KeyState struct {
	Serial   uint32
	Product  uint16
	Plugged  bool
	Sequence byte
	Slots    [2]SlotState
}

// State peeks at the key.
func (k *Key) State() KeyState {
	return KeyState{
		Serial: k.opts.Serial, Product: k.opts.Product,
		Plugged: k.Plugged(), Sequence: k.Sequence(), Slots: k.Slots(),
	}
}

// codes are the errors that keep their identity across the socket.
var codes = []struct {
	code string
	err  error
}{
	{"unplugged", devices.ErrUnplugged},
	{"timeout", devices.ErrTimeout},
	{"busy", devices.ErrBusy},
	{"permission", devices.ErrPermission},
	{"unsupported", devices.ErrUnsupported},
	{"closed", devices.ErrClosed},
	{"silent", ErrSilent},
}

// fail puts an error into the response.
func (r *response) fail(err error) {
	if err == nil {
		return
	}
	r.Error = err.Error()
	for _, c := range codes {
		if errors.Is(err, c.err) {
			r.Code = c.code
		}
	}
}

// remoteError is an error that crossed the socket.
type remoteError struct {
	text  string
	cause error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.cause }

// err takes the error out of the response.
func (r *response) err() error {
	if r.Error == "" {
		return nil
	}
	e := &remoteError{text: r.Error}
	for _, c := range codes {
		if c.code == r.Code {
			e.cause = c.err
		}
	}
	return e
}
