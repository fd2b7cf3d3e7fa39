package verifier

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// Status is what an operator asks for. It names desks and counts the rest: no user, no serial.
type Status struct {
	Name    string       `json:"name"`
	Started time.Time    `json:"started"`
	Desks   []DeskStatus `json:"desks"`
	// Credentials are counted by state.
	Credentials map[string]int `json:"credentials"`
	// Passcodes are the live ones, a list of single-use ones counting once.
	Passcodes int   `json:"passcodes"`
	Tally     Tally `json:"tally"`
}

// Tally counts attempts since the start.
type Tally struct {
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
}

// Link is how following one desk goes at the moment.
type Link struct {
	// Seen is when the desk last answered; zero if it did not since the start.
	Seen time.Time `json:"seen,omitzero"`
	// Head is the length of its log then; Position is what is durable here.
	Head     int64 `json:"head"`
	Position int64 `json:"position"`
	// Trouble is why the last try failed; empty while it goes well.
	Trouble string `json:"trouble,omitempty"`
}

// DeskStatus is one desk.
type DeskStatus struct {
	Desk string `json:"desk"`
	Site string `json:"site"`
	URL  string `json:"url"`
	Link
	// Behind counts leaves the desk has and we do not.
	Behind int64 `json:"behind"`
	// Verdicts are not confirmed by the desk yet.
	Verdicts int       `json:"verdicts"`
	Alarm    Alarm     `json:"alarm,omitzero"`
	Cleared  Cleared   `json:"cleared,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
	Bounds   Bounds    `json:"bounds"`
}

// Status tells how each desk is followed and what is held.
func (v *Verifier) Status() (Status, error) {
	desks, err := v.deskStatus()
	if err != nil {
		return Status{}, err
	}
	s := Status{Name: v.Bundle.Name, Started: v.started, Desks: desks, Credentials: map[string]int{},
		Tally: v.tallied()}
	return s, v.file.View(func(tx *boltfile.Tx) error {
		err := each(tx, credentialTable, func(_ string, c credential) error {
			s.Credentials[string(c.State)]++
			return nil
		})
		return errors.Join(err, eachPasscodes(tx, func(_ []byte, row passcodeRow) error {
			s.Passcodes += len(row.Sets)
			return nil
		}))
	})
}

// deskStatus tells how each desk is followed, by name.
func (v *Verifier) deskStatus() ([]DeskStatus, error) {
	v.mu.Lock()
	links := maps.Clone(v.links)
	v.mu.Unlock()
	desks, err := v.desks()
	if err != nil {
		return nil, err
	}
	var all []DeskStatus
	for _, id := range slices.Sorted(maps.Keys(desks)) {
		row := desks[id]
		d := DeskStatus{Desk: id, Site: row.Card.Site, URL: row.Card.FeedURL, Link: links[id],
			Alarm: row.Alarm, Cleared: row.Cleared, Revoked: row.Revoked, Bounds: row.Bounds}
		tail, err := v.tail(id)
		if err != nil {
			return nil, err
		}
		verdicts, err := v.pending(id)
		if err != nil {
			return nil, err
		}
		d.Position, d.Verdicts = tail.Position(), len(verdicts)
		d.Behind = max(0, d.Head-d.Position)
		all = append(all, d)
	}
	return all, nil
}

func (v *Verifier) tallied() Tally {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tally
}

func (v *Verifier) setLink(desk string, change func(*Link)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	link := v.links[desk]
	change(&link)
	v.links[desk] = link
}

func (v *Verifier) count(accepted bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if accepted {
		v.tally.Accepted++
	} else {
		v.tally.Refused++
	}
}
