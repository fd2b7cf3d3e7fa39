package daemon

import (
	"context"
	"time"
)

// askPrinter bounds the operator's question: a printer that is off answers nothing.
const askPrinter = 5 * time.Second

// printerState says in words how the printer of slips is, for the operator; empty without one.
func (d *Desk) printerState(ctx context.Context) string {
	if d.printer == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, askPrinter)
	defer cancel()
	s, err := d.printer.Status(ctx)
	if err == nil {
		err = s.Err()
	}
	switch {
	case err != nil:
		return err.Error()
	case s.Low:
		return "ready, and its paper ends soon"
	}
	return "ready"
}
