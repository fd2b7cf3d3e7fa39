package verifier

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// restoration is the restore of a desk that an operator accepted here.
type restoration struct {
	// Feed is the new one, From the one before.
	Feed  string    `json:"feed"`
	From  string    `json:"from"`
	Epoch int       `json:"epoch"`
	At    time.Time `json:"at"`
	// Size and Root are the checkpoint the new log goes on from: it must pass through it.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Told is when the desk had taken all rows, and Rows how many they were.
	Told time.Time `json:"told,omitzero"`
	Rows int       `json:"rows,omitempty"`
}

// former is a feed of a desk that another took the place of. Its tail and its checkpoint are kept
// as evidence. Whoever serves it is a copy that must not be used.
type former struct {
	Card       feed.DeskCard `json:"card"`
	Feed       string        `json:"feed"`
	Position   int64         `json:"position"`
	Tail       []byte        `json:"tail,omitempty"`
	Checkpoint []byte        `json:"checkpoint,omitempty"`
	// RetiredLogKeys signed it once and were renewed.
	RetiredLogKeys []string `json:"retired_log_keys,omitempty"`
	// At is when the other took its place.
	At time.Time `json:"at"`
	// Met is the copy that answered last, URL where, Seen when; zero if none ever did.
	Met  feed.Instance `json:"met,omitzero"`
	URL  string        `json:"url,omitempty"`
	Seen time.Time     `json:"seen,omitzero"`
	// Told is when it was told to stop.
	Told time.Time `json:"told,omitzero"`
}

// maxFormer bounds what is kept; the oldest goes.
const maxFormer = 16

// What accepting a restore can be refused for.
var (
	// ErrNotFrom: the card goes on from a feed that this verifier never followed.
	ErrNotFrom = errors.New("the restore card goes on from a feed of this desk that was never " +
		"followed here")
	// ErrRestoreRevoked: the desk that was revoked is the one this card let go on.
	ErrRestoreRevoked = errors.New("the desk was revoked after this card was accepted; restore it " +
		"anew from a backup")
	// ErrNotThatLog: the checkpoint in the card is not the one that was followed.
	ErrNotThatLog = errors.New("the log of the backup is not the log that was followed")
)

// Acceptance is what accepting a restore means.
type Acceptance struct {
	Desk    string `json:"desk"`
	OldFeed string `json:"old_feed"`
	NewFeed string `json:"new_feed"`
	OldURL  string `json:"old_url"`
	NewURL  string `json:"new_url"`
	Epoch   int    `json:"epoch"`
	// Followed is how far the old feed was followed, Backup where the backup ends.
	Followed int64 `json:"followed"`
	Backup   int64 `json:"backup"`
	// Revoked is when the desk was revoked: accepting lifts that for the new keys and no others.
	Revoked time.Time `json:"revoked,omitzero"`
	// Since counts the tokens and passcodes the backup does not know: the desk will be told of them.
	Since int `json:"since"`
	// Accepted says that it is done, now or before.
	Accepted bool `json:"accepted"`
}

// AcceptRestore lets a desk that was restored from a backup go on with its new keys and its new
// feed, and refuses its old ones from then on. That lifts a revocation: what was revoked, a stolen
// box above all, has the old keys only. Without sure it only says what that would mean.
func (v *Verifier) AcceptRestore(card feed.RestoreCard, sure bool) (Acceptance, error) {
	var a Acceptance
	err := v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(card.Card.Desk))
		if err != nil {
			return err
		}
		if !ok {
			return ErrUnknownDesk
		}
		if a, err = v.weigh(tx, row, card); err != nil || a.Accepted || !sure {
			return err
		}
		a.Accepted = true
		if err := forgetHidden(tx, card.Card.Desk); err != nil {
			return err
		}
		return save(tx, deskTable, []byte(card.Card.Desk), row.replaced(card, v.clock()))
	})
	if err != nil {
		return Acceptance{}, fmt.Errorf("accept a restore of desk %s: %w", card.Card.Desk, err)
	}
	if a.Accepted {
		v.log.Warn("a restored desk is accepted", "desk", a.Desk, "old", a.OldFeed, "new", a.NewFeed,
			"was_revoked", !a.Revoked.IsZero())
		v.desksChanged()
	}
	return a, nil
}

// weigh checks the card against what was followed.
func (s *State) weigh(tx *boltfile.Tx, row deskRow, card feed.RestoreCard) (Acceptance, error) {
	tail, err := row.tail()
	if err != nil {
		return Acceptance{}, err
	}
	a := Acceptance{Desk: card.Card.Desk, OldFeed: card.From, NewFeed: card.Feed,
		OldURL: row.Card.FeedURL, NewURL: card.Card.FeedURL, Epoch: card.Epoch,
		Followed: tail.Position(), Backup: card.Size, Revoked: row.Revoked}
	if row.Restore != nil && row.Restore.Feed == card.Feed {
		if !row.Revoked.IsZero() {
			return a, ErrRestoreRevoked
		}
		a.Accepted = true
		return a, nil
	}
	pinned, err := row.logKeysOf(card.From, tail)
	if err != nil {
		return a, err
	}
	if err := card.Proved(pinned...); err != nil {
		return a, err
	}
	if card.From == tail.Feed() && card.Size == tail.Position() && card.Root != tail.Root().String() {
		return a, ErrNotThatLog
	}
	rows, err := s.knownOf(tx, a.Desk, card.Size)
	for _, known := range rows {
		if known.New {
			a.Since++
		}
	}
	return a, err
}

func (d deskRow) tail() (tail feed.Tail, err error) {
	if len(d.Tail) > 0 {
		err = tail.UnmarshalBinary(d.Tail)
	}
	return tail, err
}

// feed is the id of the feed that is followed, or will be.
func (d deskRow) feed(tail feed.Tail) string {
	if tail.Feed() == "" && d.Restore != nil {
		return d.Restore.Feed
	}
	return tail.Feed()
}

// logKeysOf are the keys that were pinned for a feed, those that were renewed since included: the
// backup may be older. A desk that was never followed has only its card.
func (d deskRow) logKeysOf(id string, tail feed.Tail) ([]note.Verifier, error) {
	if current := d.feed(tail); current == id || current == "" {
		return verifiersOf(d.Card, d.RetiredLogKeys)
	}
	for _, old := range d.Former {
		if old.Feed == id {
			return verifiersOf(old.Card, old.RetiredLogKeys)
		}
	}
	return nil, ErrNotFrom
}

func verifiersOf(card feed.DeskCard, retired []string) ([]note.Verifier, error) {
	keys, err := card.Verifiers()
	if err != nil {
		return nil, err
	}
	for _, text := range retired {
		key, err := note.NewVerifier(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// replaced is the row with the restored desk in the place of the one before. Bounds stay, and
// so does what a revocation suspended.
func (d deskRow) replaced(card feed.RestoreCard, now time.Time) deskRow {
	tail, _ := d.tail() // it was read before
	id := d.feed(tail)
	if id == "" {
		id = card.From
	}
	d.Former = append(d.Former, former{Card: d.Card, Feed: id, Position: tail.Position(),
		Tail: d.Tail, Checkpoint: d.Checkpoint, RetiredLogKeys: d.RetiredLogKeys, At: now})
	d.Former = d.Former[max(0, len(d.Former)-maxFormer):]
	d.Restore = &restoration{Feed: card.Feed, From: card.From, Epoch: card.Epoch, At: now,
		Size: card.Size, Root: card.Root}
	d.clear(now, "a restore of the desk was accepted")
	d.Card, d.Tail, d.Checkpoint = card.Card, nil, nil
	d.deskKeys = deskKeys{}
	d.Followed, d.Revoked = feed.Instance{}, time.Time{}
	return d
}

// passes checks that a restored log goes through the checkpoint it says it goes on from.
func (d deskRow) passes(next feed.Tail) error {
	if d.Restore != nil && next.Position() == d.Restore.Size &&
		next.Root().String() != d.Restore.Root {
		return forged(AlarmForked)
	}
	return nil
}

// upTo keeps a page from running over the checkpoint that a restored log goes through.
func (d deskRow) upTo(tail feed.Tail, limit int) int {
	if d.Restore == nil || tail.Position() >= d.Restore.Size {
		return limit
	}
	return int(min(int64(limit), d.Restore.Size-tail.Position()))
}
