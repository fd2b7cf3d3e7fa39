package verifier

import (
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// lifeTable holds what became of the verifier itself: each row under its name. It stays with the
// file and is not moved.
const lifeTable = "life"

// The rows of lifeTable.
var (
	lifeMoved      = []byte("moved")
	lifeArrived    = []byte("arrived")
	lifeRebuilding = []byte("rebuilding")
	lifeRebuilt    = []byte("rebuilt")
)

// Departure says where a verifier was moved to. From that commit on it accepts nothing.
type Departure struct {
	// Export is the id of everything that is given out; Key and Name are the new verifier's.
	Export string    `json:"export"`
	Key    string    `json:"key"`
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	// Instead lists the keys of targets that an operator said never took over.
	Instead []string `json:"instead,omitempty"`
}

// Arrival says where a verifier's state was moved from.
type Arrival struct {
	Export string    `json:"export"`
	Key    string    `json:"key"`
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	// Rows counts what came, by table.
	Rows map[string]int `json:"rows"`
}

// Loss says which verifier was lost, while another is rebuilt in its place and afterwards.
type Loss struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	// Pin is of the certificate it pulled with.
	Pin string    `json:"pin,omitempty"`
	At  time.Time `json:"at"`
	// Copy says that a backup or a copy of its state was put back.
	Copy bool `json:"copy,omitempty"`
}

// What a verifier does not run for.
var (
	// ErrMoved: the state lives elsewhere now.
	ErrMoved = errors.New("this verifier was moved away and accepts nothing any more")
	// ErrRebuilding: what the desks have is not all here yet.
	ErrRebuilding = errors.New("this verifier is being rebuilt: finish with verifierd rebuild pull")
)

// here refuses to work on a state that lives elsewhere.
func here(tx *boltfile.Tx) error {
	d, gone, err := load[Departure](tx, lifeTable, lifeMoved)
	if err != nil || !gone {
		return err
	}
	return fmt.Errorf("%w: it is %s now, with the key %s, since %s", ErrMoved, d.Name, d.Key,
		d.At.UTC().Format(time.RFC3339))
}

// mayRun refuses a verifier that must not answer anybody.
func (s *State) mayRun() error {
	return s.file.View(func(tx *boltfile.Tx) error {
		if err := here(tx); err != nil {
			return err
		}
		_, rebuilding, err := load[Loss](tx, lifeTable, lifeRebuilding)
		if err == nil && rebuilding {
			err = ErrRebuilding
		}
		return err
	})
}

// life is what became of the verifier, for its status.
func (s *State) life(into *Status) error {
	return s.file.View(func(tx *boltfile.Tx) error {
		var errs [4]error
		into.Moved, _, errs[0] = load[Departure](tx, lifeTable, lifeMoved)
		into.Arrived, _, errs[1] = load[Arrival](tx, lifeTable, lifeArrived)
		into.Rebuilding, _, errs[2] = load[Loss](tx, lifeTable, lifeRebuilding)
		into.Rebuilt, _, errs[3] = load[Loss](tx, lifeTable, lifeRebuilt)
		return errors.Join(errs[:]...)
	})
}
