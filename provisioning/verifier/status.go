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
	Passcodes int `json:"passcodes"`
	// Unsure credentials want two OTPs in a row: their counters were lost.
	Unsure int   `json:"unsure,omitempty"`
	Tally  Tally `json:"tally"`
	// Keys are how its keys are.
	Keys KeysStatus `json:"keys,omitzero"`
	// Moved, Arrived, Rebuilding and Rebuilt are what became of the verifier itself.
	Moved      Departure `json:"moved,omitzero"`
	Arrived    Arrival   `json:"arrived,omitzero"`
	Rebuilding Loss      `json:"rebuilding,omitzero"`
	Rebuilt    Loss      `json:"rebuilt,omitzero"`
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
	// shown is the pin of our certificate that its connection was made with.
	shown string
	// ends is when the desk's certificate does.
	ends time.Time
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
	// Copies names the runs of a desk whose log did not go on; empty while one is followed.
	Copies string `json:"copies,omitempty"`
	// Restored is when a restore was accepted, and Rows how many rows the desk has taken since; it is
	// still to be told while ToldRows is zero.
	Restored time.Time `json:"restored,omitzero"`
	ToldRows time.Time `json:"told_rows,omitzero"`
	Rows     int       `json:"rows,omitempty"`
	// Replaced are the feeds another took the place of.
	Replaced []Replaced `json:"replaced,omitempty"`
}

// Replaced is a feed that is refused.
type Replaced struct {
	Feed string    `json:"feed"`
	At   time.Time `json:"at"`
	// Seen is when a copy of it answered, at URL; zero if none did. Told is when it was told to stop.
	Seen     time.Time `json:"seen,omitzero"`
	URL      string    `json:"url,omitempty"`
	Instance string    `json:"instance,omitempty"`
	Told     time.Time `json:"told,omitzero"`
}

// past adds what another took the place of.
func (d *DeskStatus) past(row deskRow) {
	if row.Alarm.Stands() && row.Alarm.Kind.copied() {
		d.Copies = row.copies()
	}
	if row.Restore != nil {
		d.Restored, d.ToldRows, d.Rows = row.Restore.At, row.Restore.Told, row.Restore.Rows
	}
	for _, old := range row.Former {
		r := Replaced{Feed: old.Feed, At: old.At, Seen: old.Seen, URL: old.URL, Told: old.Told}
		if old.Met.ID != "" {
			r.Instance = old.Met.String()
		}
		d.Replaced = append(d.Replaced, r)
	}
}

// Status tells how each desk is followed and what is held.
func (v *Verifier) Status() (Status, error) {
	desks, err := v.deskStatus()
	if err != nil {
		return Status{}, err
	}
	s := Status{Name: v.InForce().Name, Started: v.started, Desks: desks,
		Credentials: map[string]int{}, Tally: v.tallied()}
	if s.Keys, err = v.keysStatus(); err != nil {
		return Status{}, err
	}
	if err := v.life(&s); err != nil {
		return Status{}, err
	}
	return s, v.file.View(func(tx *boltfile.Tx) error {
		err := each(tx, credentialTable, func(_ string, c credential) error {
			s.Credentials[string(c.State)]++
			if c.Unsure && c.live() {
				s.Unsure++
			}
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
		d.past(row)
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
