package wedge

import (
	"context"
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// teller makes taps of fields.
type teller struct {
	name   string
	rule   *Rule
	number devices.NumberFormat
	tally  tally
}

// slow is how long a tap may wait to be taken before what the reader sent meanwhile counts as torn:
// queues below us are short, and some lose the oldest without a word.
const slow = 100 * time.Millisecond

// tell sends the tap of one scan, if it makes one, and says whether that took long. raw is wiped.
func (t *teller) tell(
	ctx context.Context, taps chan<- devices.Tap, raw []byte, field []byte, err error,
) (late bool) {
	tap, worth := t.tap(field, err)
	clear(raw)
	if !worth {
		return false
	}
	began := time.Now()
	select {
	case taps <- tap:
	case <-ctx.Done():
	}
	return time.Since(began) > slow
}

// tap is what one scan comes to. A card that came through badly is told without a number, so that
// the screen can ask for another try; garbage is only counted.
func (t *teller) tap(field []byte, err error) (devices.Tap, bool) {
	tap := devices.Tap{Reader: t.name}
	if err == nil {
		var wrong error
		if tap.Number, wrong = t.number.FormatText(string(field)); wrong == nil {
			return tap, true
		}
		t.tally.add(DropNumber)
		tap.Why = devices.WhyNumber(wrong)
		return tap, true
	}
	var drop Drop
	if !errors.As(err, &drop) {
		drop = DropField
	}
	t.tally.add(drop)
	tap.Why = devices.WhyUnreadable
	return tap, drop.misread()
}
