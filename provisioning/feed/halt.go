package feed

import (
	"fmt"
	"time"
)

// PathHalt is where the verifier tells a desk that it no longer follows it, or that it does again.
const PathHalt = "/sync/v1/halt"

// HaltReason says why a desk must not be used. An empty one lifts what was said before.
type HaltReason string

// The reasons.
const (
	// HaltRestored: the desk was restored elsewhere, and the verifier follows that one.
	HaltRestored HaltReason = "restored"
	// HaltCopied: the desk's log is not the one that was followed: two copies of it run, or it was
	// put back to an earlier day.
	HaltCopied HaltReason = "copied"
)

// Halt tells a desk to stop, or to go on.
type Halt struct {
	// Feed the message is about.
	Feed   string     `json:"feed"`
	Reason HaltReason `json:"reason,omitempty"`
	At     time.Time  `json:"at"`
	// Detail names, for people, what was seen: instances, addresses, the other feed.
	Detail string `json:"detail,omitempty"`
}

// MaxHalt bounds the message.
const MaxHalt = 16 << 10

// DecodeHalt reads a Halt. A reason of a newer version stops the desk, too.
func DecodeHalt(data []byte) (Halt, error) {
	var h Halt
	if err := decodeOne(data, &h); err != nil {
		return Halt{}, fmt.Errorf("read a halt: %w", err)
	}
	if !isName(h.Feed) || h.Reason != "" && !isName(string(h.Reason)) || len(h.Detail) > MaxHalt {
		return Halt{}, fmt.Errorf("%w: halt", ErrMalformed)
	}
	return h, nil
}

// Instance is one run of a desk's program on one machine. Every run has a new id, and is an entry
// of the log: so two copies of one desk have different logs from their start on, and can be told
// apart.
type Instance struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
	// Host is what the machine calls itself; Address is the one it was reached at.
	Host    string `json:"host,omitempty"`
	Address string `json:"address,omitempty"`
}

// String names it for people.
func (i Instance) String() string {
	return fmt.Sprintf("%s on %s at %s, since %s", i.ID, i.Host, i.Address,
		i.Since.UTC().Format(time.RFC3339))
}
