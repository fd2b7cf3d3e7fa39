package wedge

import (
	"maps"
	"sync"
)

// Drop is why a scan gave no number. It never carries what was scanned.
type Drop string

// Error implements error.
func (d Drop) Error() string { return string(d) }

// Why scans are dropped.
const (
	// DropLong: more than any card or label carries; a book on the keyboard.
	DropLong Drop = "the scan is too long"
	// DropTorn: its beginning was typed before the reader was held, or events were lost.
	DropTorn Drop = "the scan is not whole"
	// DropKeys: keys that are no text, or a modifier other than shift.
	DropKeys Drop = "the scan has keys that are no text"
	// DropField: the scan has no such field as the site names.
	DropField Drop = "the scan has no such field"
	// DropStripe: the text between and around the sentinels is no stripe.
	DropStripe Drop = "the scan is no magnetic stripe"
	// DropUnreadable: the reader itself says that it could not read the track.
	DropUnreadable Drop = "the track could not be read"
	// DropLRC: the check character of the track is wrong.
	DropLRC Drop = "the check character of the track is wrong"
	// DropReport: a report of a HID reader that is not laid out as configured.
	DropReport Drop = "the report is not laid out as configured"
	// DropNumber: the field is no card number of this site.
	DropNumber Drop = "the field is no card number"
)

// misread says that the person's card was meant and did not come through: the screen asks for
// another try. Everything else is not even a card.
func (d Drop) misread() bool { return d == DropUnreadable || d == DropLRC }

// tally counts what was dropped.
type tally struct {
	mu     sync.Mutex
	counts map[Drop]uint64
}

func (t *tally) add(d Drop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[Drop]uint64{}
	}
	t.counts[d]++
}

func (t *tally) read() map[Drop]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}
