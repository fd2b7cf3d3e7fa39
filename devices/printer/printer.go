package printer

import (
	"context"
	"errors"
	"fmt"
)

// Printer prints slips, one at a time.
type Printer interface {
	// Print returns nil once the printer said that the slip is on paper. Any error wraps a *Fault,
	// and after one nothing of the slip waits in the printer as far as it can be told; where that is
	// not sure the error is ErrUnknownOutcome, too.
	Print(ctx context.Context, s Slip) error
	// Status asks the printer how it is. A printer that does not answer is an error, ErrOffline.
	Status(ctx context.Context) (Status, error)
}

// What keeps a slip from being printed.
var (
	ErrNoPaper = errors.New("the printer is out of paper")
	ErrCover   = errors.New("the printer's cover is open")
	ErrOffline = errors.New("the printer does not answer or is off line")
	// ErrUnknownOutcome: the slip was sent and nobody can say whether it came out, or will.
	ErrUnknownOutcome = errors.New("whether the slip was printed is not known")
	// ErrGlyph: the font has no sign for a character of the slip.
	ErrGlyph = errors.New("the font lacks a character")
	errOther = errors.New("the printer refused")
)

// Out is how much of a slip is on paper.
type Out string

// How much may be on paper.
const (
	OutNothing Out = "nothing was printed"
	OutPart    Out = "a part may be on paper"
	OutUnknown Out = "it may come out yet"
)

// Fault is why a slip was not printed, and what of it is on paper nevertheless.
type Fault struct {
	Err error
	Out Out
}

// Error implements error.
func (f *Fault) Error() string { return fmt.Sprintf("print a slip: %v; %s", f.Err, f.Out) }

// Unwrap makes the sentinels match. An outcome that is not known matches its own, too.
func (f *Fault) Unwrap() []error {
	if f.Out == OutUnknown {
		return []error{f.Err, ErrUnknownOutcome}
	}
	return []error{f.Err}
}

// Status is how a printer is.
type Status struct {
	// Paper is false when there is none. Low says that it ends soon, where the printer can tell.
	Paper, Low bool
	// Cover says that the cover is closed.
	Cover bool
	// Ready says that the printer takes a slip.
	Ready bool
}

// Err is the reason why a printer in this state prints nothing, or nil.
func (s Status) Err() error {
	switch {
	case !s.Paper:
		return ErrNoPaper
	case !s.Cover:
		return ErrCover
	case !s.Ready:
		return ErrOffline
	}
	return nil
}
