package devices

import "context"

// CCID is one open smart-card reader: whole messages both ways, and what the reader tells unasked.
//
// It has one owner, like HID: no method may run beside another. Every method returns by the
// context's deadline with ErrTimeout, and ErrUnplugged as soon as the reader is known to be gone.
type CCID interface {
	// Descriptor is the reader's class descriptor as the bus has it (CCID 1.1 section 5.1).
	Descriptor() []byte
	// Send sends one message to the reader.
	Send(ctx context.Context, message []byte) error
	// Receive waits for one message and returns its length. One that is longer than message is an
	// error.
	Receive(ctx context.Context, message []byte) (int, error)
	// Event waits for a message of the interrupt endpoint. A reader without one answers
	// ErrUnsupported.
	Event(ctx context.Context, message []byte) (int, error)
	// Close gives the reader back. It may be called once.
	Close() error
}

// ReaderBus lists smart-card readers passively and opens one of them.
type ReaderBus interface {
	// ListReaders returns the readers present now, one for each interface. It opens nothing.
	ListReaders(ctx context.Context) ([]Info, error)
	// OpenReader takes the reader over. ErrBusy means that another program, such as pcscd, has it.
	OpenReader(ctx context.Context, info Info) (CCID, error)
}
