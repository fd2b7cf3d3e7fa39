package feed

import (
	"fmt"
	"time"
)

// PathRows is where the verifier returns what it knows to a desk that was restored.
const PathRows = "/sync/v1/rows"

// What one message of rows may hold.
const (
	MaxRows      = 500
	MaxRowsBytes = 1 << 20
)

// Rows is one page of what the verifier knows of a desk: never a seed, a code or a hash of one. A
// page may come again, and says the same then.
type Rows struct {
	Feed string     `json:"feed"`
	Rows []KnownRow `json:"rows,omitempty"`
	// Erasures are the opaque ids of people who were erased: a restored backup may hold them still.
	Erasures []string `json:"erasures,omitempty"`
	// Done is set on the last page.
	Done bool `json:"done,omitempty"`
}

// KnownState is where a credential or a passcode is at the verifier.
type KnownState string

// The states of what is known. KnownWaiting has a seed and no proof yet.
const (
	KnownWaiting   KnownState = "waiting"
	KnownActive    KnownState = "active"
	KnownSuspended KnownState = "suspended"
	KnownEnded     KnownState = "ended"
)

// KnownRow is one credential or passcode.
type KnownRow struct {
	// Kind is KindSeed for the credential of a token, KindPasscode for a passcode.
	Kind       Kind       `json:"kind"`
	Credential string     `json:"credential"`
	State      KnownState `json:"state"`
	// New: the desk published about it after the backup.
	New bool `json:"new,omitempty"`
	// User and Site it is for; Vendor and Serial of the token.
	User   string `json:"user,omitempty"`
	Site   string `json:"site,omitempty"`
	Vendor string `json:"vendor,omitempty"`
	Serial string `json:"serial,omitempty"`
	Digits int    `json:"digits,omitempty"`
	// Next is the lowest counter that may still be accepted.
	Next   uint64    `json:"next,omitempty"`
	Issued time.Time `json:"issued,omitzero"`
	// Record, Type, Purpose, Until, Uses and Count are a passcode's.
	Record  string    `json:"record,omitempty"`
	Type    string    `json:"type,omitempty"`
	Purpose string    `json:"purpose,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	Uses    int       `json:"uses,omitempty"`
	Count   int       `json:"count,omitempty"`
}

// DecodeRows reads a page of rows and checks its shape.
func DecodeRows(data []byte) (Rows, error) {
	var r Rows
	if err := decodeOne(data, &r); err != nil {
		return Rows{}, fmt.Errorf("read rows: %w", err)
	}
	if !isName(r.Feed) || len(r.Rows) > MaxRows || len(r.Erasures) > MaxRows {
		return Rows{}, fmt.Errorf("%w: rows", ErrMalformed)
	}
	for _, row := range r.Rows {
		if err := row.check(); err != nil {
			return Rows{}, err
		}
	}
	for _, id := range r.Erasures {
		if id == "" || len(id) > maxUser {
			return Rows{}, fmt.Errorf("%w: an erasure", ErrMalformed)
		}
	}
	return r, nil
}

func (r KnownRow) check() error {
	long := max(len(r.User), len(r.Site), len(r.Vendor), len(r.Serial), len(r.Type), len(r.Purpose))
	switch {
	case r.Kind != KindSeed && r.Kind != KindPasscode:
		return fmt.Errorf("%w: kind of a row", ErrMalformed)
	case !isHex(r.Credential, 16) || r.Record != "" && !isHex(r.Record, 16):
		return fmt.Errorf("%w: ids of a row", ErrMalformed)
	case long > maxUser || r.Digits < 0 || r.Uses < 0 || r.Count < 0:
		return fmt.Errorf("%w: a row", ErrMalformed)
	case r.State != KnownWaiting && r.State != KnownActive && r.State != KnownSuspended &&
		r.State != KnownEnded:
		return fmt.Errorf("%w: state of a row", ErrMalformed)
	case r.State != KnownEnded && r.User == "":
		return fmt.Errorf("%w: a row is for nobody", ErrMalformed)
	}
	return nil
}
