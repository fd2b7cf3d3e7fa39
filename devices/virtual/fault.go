package virtual

import (
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// Fault is how a key misbehaves from now on; the zero Fault is a healthy key. Counts start when
// the fault is set and their first report is number 1; 0 means never.
type Fault struct {
	// UnplugAfterSets pulls the key out right after it took the n-th feature report,
	// UnplugAfterGets after it gave the n-th, UnplugAfterInputs after the host has the n-th
	// keyboard report.
	UnplugAfterSets   int `json:",omitempty"`
	UnplugAfterGets   int `json:",omitempty"`
	UnplugAfterInputs int `json:",omitempty"`
	// Unacknowledged tells the host of the last report before the cut that the key is gone,
	// although the key took it (a feature set), or gave it to nobody.
	Unacknowledged bool `json:",omitempty"`
	// WriteAtOnce lets a command take effect when its last part arrives. Without it the effect
	// comes when the key is no longer busy, and is lost when the key is pulled out before.
	WriteAtOnce bool `json:",omitempty"`
	// Busy is how much longer SLOT_WRITE stays set after a complete frame.
	Busy time.Duration `json:",omitempty"`
	// Late is how long the answer to a question is held back, with no flag that says so.
	Late time.Duration `json:",omitempty"`
	// Refuse makes the key refuse every write, as if a wrong access code had been sent.
	Refuse bool `json:",omitempty"`
	// Wrap sets the programming sequence to 255, once: the next write wraps it.
	Wrap bool `json:",omitempty"`
	// Corrupt makes the key acknowledge a configuration and forget the last four bytes of its
	// secret, as imitations do: what it types is wrong.
	Corrupt bool `json:",omitempty"`
	// Slow is added before every keyboard report.
	Slow time.Duration `json:",omitempty"`
	// Forbidden is how long after the fault was set, or after plugging in, opening the key is not
	// permitted: udev is still at work.
	Forbidden time.Duration `json:",omitempty"`
	// Held says that another program holds the key: opening it answers busy.
	Held bool `json:",omitempty"`
}

// Misbehave sets the fault, in place of the one before.
func (k *Key) Misbehave(f Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = f
	k.forbiddenUntil = time.Now().Add(f.Forbidden)
	if f.Wrap {
		k.memory.sequence = 255
		k.fault.Wrap = false
	}
}

// strike counts one report towards a cut of the fault, and makes the cut when it is due. Its error
// is for the host.
func (k *Key) strike(left *int) error {
	if *left == 0 {
		return nil
	}
	if *left--; *left > 0 {
		return nil
	}
	k.pullOut()
	if k.fault.Unacknowledged {
		return devices.ErrUnplugged
	}
	return nil
}
