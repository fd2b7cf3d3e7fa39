package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// errGone stops following a desk that is not trusted any more.
var errGone = errors.New("the desk is not known any more")

// opened is a record with its body, if that opened.
type opened struct {
	feed.Record
	position int64
	seed     feed.SeedBody
	proof    feed.ProofBody
	passcode feed.PasscodeBody
	order    feed.OrderBody
	// hashes are what is left of its codes.
	hashes [][]byte
	err    error
}

// openAll opens the bodies of a page on every core, before the one writer is asked for.
func (s *State) openAll(p feed.Page) ([]opened, error) {
	var all []opened
	opener := s.sealed()
	for i, leaf := range p.Leaves {
		for _, rec := range leaf.Records {
			if rec.Erased == nil {
				all = append(all, opened{Record: rec, position: p.After + int64(i)})
			}
		}
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range all {
		group.Go(func() error {
			o := &all[i]
			switch o.Kind {
			case feed.KindSeed:
				o.seed, o.err = opener.OpenSeed(o.Record)
			case feed.KindProof:
				o.proof, o.err = opener.OpenProof(o.Record)
			case feed.KindPasscode:
				return s.openPasscode(o)
			case feed.KindOrder:
				o.order, o.err = opener.OpenOrder(o.Record)
			}
			return nil
		})
	}
	return all, group.Wait()
}

// apply makes a checked page durable: its records, what they change, their verdicts and the tail
// after them, all in one commit.
func (v *Verifier) apply(desk string, page feed.Page, next feed.Tail) error {
	err := v.file.View(func(tx *boltfile.Tx) error { return suspect(tx, desk, page) })
	if err != nil {
		return err
	}
	records, err := v.openAll(page)
	defer func() {
		for _, rec := range records {
			rec.seed.Seed.Wipe()
		}
	}()
	if err != nil {
		return fmt.Errorf("open the records of a page: %w", err)
	}
	if len(records) > 0 {
		defer v.sitesChanged()
	}
	defer v.wasErased(records)
	return v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(desk))
		if err != nil {
			return err
		}
		if !ok {
			return errGone
		}
		if row.Alarm.Stands() {
			return errAlarmed
		}
		if err := errors.Join(row.at(page), row.passes(next)); err != nil {
			return err
		}
		if err := hide(tx, desk, page); err != nil {
			return err
		}
		if err := suspect(tx, desk, page); err != nil {
			return err // another desk took one of the ids a moment ago
		}
		now := v.clock()
		for _, rec := range records {
			t := taking{State: v.State, tx: tx, groups: v.groups, desk: &row, rec: rec, now: now,
				feed: page.Feed}
			if err := t.take(); err != nil {
				return fmt.Errorf("take a %s record: %w", rec.Kind, err)
			}
		}
		if err := uncovered(tx, desk, next.Position(), next.Position() >= page.Head); err != nil {
			return err
		}
		if row.Tail, err = next.MarshalBinary(); err != nil {
			return err
		}
		row.Checkpoint = page.Checkpoint
		row.follow(next)
		if next.Position() >= page.Head {
			row.CaughtUp = now
		}
		return save(tx, deskTable, []byte(desk), row)
	})
}

// at refuses a page that does not follow what is stored: the desk was trusted anew meanwhile, and
// somebody else follows it now.
func (d deskRow) at(page feed.Page) error {
	var tail feed.Tail
	if len(d.Tail) > 0 {
		if err := tail.UnmarshalBinary(d.Tail); err != nil {
			return err
		}
	}
	if tail.Position() != page.After || (tail.Feed() != page.Feed && tail.Feed() != "") {
		return feed.ErrElsewhere
	}
	return nil
}

// taking is one record on its way in.
type taking struct {
	*State
	tx     *boltfile.Tx
	groups *Membership
	desk   *deskRow
	rec    opened
	now    time.Time
	// feed is the id of the one the record came in.
	feed string
}

// take stores the record and does what it says. A record that was taken before, in this feed or in
// one the desk was restored from, changes nothing.
func (t taking) take() error {
	// A desk that is revoked may not make it forgotten what it did.
	if t.rec.Kind == feed.KindErase && t.desk.Revoked.IsZero() {
		return t.takeErase()
	}
	key := []byte(t.rec.ID)
	if _, seen, err := load[recordRow](t.tx, recordTable, key); seen || err != nil {
		return err
	}
	hash := t.rec.Hash()
	err := save(t.tx, recordTable, key, recordRow{Desk: t.desk.Card.Desk, Feed: t.feed,
		Position: t.rec.position, Kind: t.rec.Kind, Credential: t.rec.Credential, Hash: hash[:]})
	if err != nil {
		return err
	}
	if !t.desk.Revoked.IsZero() {
		// It is followed on, so that what it sends is known, and refused with a reason.
		return t.refuse(refusal{reason: feed.ReasonRevoked})
	}
	if t.rec.Desk != t.desk.Card.Desk {
		return t.answer(feed.Refused, 0)
	}
	switch t.rec.Kind {
	case feed.KindSeed:
		return t.takeSeed()
	case feed.KindProof:
		return t.takeProof()
	case feed.KindPasscode:
		return t.takePasscode()
	case feed.KindState:
		return t.takeState()
	case feed.KindOrder:
		return t.takeOrder()
	}
	// A kind of a newer version: it is kept in the log we follow, and means nothing to us.
	return nil
}

// answer stores the verdict on the record until an ack carried it.
func (t taking) answer(outcome feed.Outcome, offset int) error {
	return saveVerdict(t.tx, t.desk.Card.Desk, feed.Verdict{Record: t.rec.ID,
		Credential: t.rec.Credential, Outcome: outcome, Offset: offset})
}

func saveVerdict(tx *boltfile.Tx, desk string, verdict feed.Verdict) error {
	return save(tx, verdictTable, verdictKey(desk, verdict), verdict)
}

func verdictKey(desk string, verdict feed.Verdict) []byte {
	key := desk + "\x00" + verdict.Record
	if verdict.Outcome.Ends() {
		key += "\x00end"
	}
	return []byte(key)
}

// takeSeed keeps a seed that may be used. It opens nothing until a proof follows, so it is answered
// only when it is of no use.
func (t taking) takeSeed() error {
	if t.rec.err != nil {
		return t.answer(feed.Unreadable, 0)
	}
	body := t.rec.seed
	raw := body.Seed.Expose()
	defer clear(raw)
	tag := t.file.Blind("seed", string(raw))
	_, known, err := loadCredential(t.tx, t.rec.Credential)
	if err != nil {
		return err
	}
	reused, err := present(t.tx, seedTagTable, tag)
	if err != nil {
		return err
	}
	if known {
		return t.answer(feed.Refused, 0)
	}
	if reused || weak(raw) {
		return errors.Join(t.tombstone(t.rec.Credential), t.refuse(refusal{reason: feed.ReasonSeed}))
	}
	if !t.desk.Bounds.allow(t.groups, body.Site, body.User) {
		return errors.Join(t.tombstone(t.rec.Credential), t.refuse(refusal{reason: feed.ReasonExcluded}))
	}
	if err := t.tx.Put(seedTagTable, tag, nil); err != nil {
		return err
	}
	if err := t.tx.Put(seedTable, []byte(t.rec.Credential), raw); err != nil {
		return err
	}
	return saveCredential(t.tx, credential{ID: t.rec.Credential, Desk: t.desk.Card.Desk,
		User: body.User, Site: body.Site, Vendor: body.Vendor, Serial: body.Serial,
		Digits: body.Digits, State: waiting, Next: body.Counter})
}

// weak tells a seed that no random source gave: too short (RFC 4226 section 4, R6), or one byte
// over and over.
func weak(seed []byte) bool {
	return len(seed) < 16 || bytes.Count(seed, seed[:1]) == len(seed)
}

func present(tx *boltfile.Tx, table string, key []byte) (bool, error) {
	_, err := tx.Get(table, key)
	if errors.Is(err, boltfile.ErrAbsent) {
		return false, nil
	}
	return err == nil, err
}

// takeState moves a credential of this desk.
func (t taking) takeState() error {
	if done, err := t.revokePasscode(); done || err != nil {
		return err
	}
	c, known, err := loadCredential(t.tx, t.rec.Credential)
	switch {
	case err != nil:
		return err
	case !known && t.rec.State == feed.StateRevoked:
		// Its seed never came, or could not be read: it must not come later either.
		return t.tombstone(t.rec.Credential)
	case !known, c.Desk != t.desk.Card.Desk, c.State == revoked:
		return nil
	}
	switch t.rec.State {
	case feed.StateRevoked:
		return t.revoke(c)
	case feed.StateSuspended:
		c.State = suspended
		return t.moved(t.tx, c)
	case feed.StateResumed:
		return t.resume(c)
	}
	return nil
}

// tombstone closes an id of which nothing is known.
func (t taking) tombstone(id string) error {
	return saveCredential(t.tx, credential{ID: id, Desk: t.desk.Card.Desk, State: revoked})
}

// revoke leaves a tombstone: the seed is gone, and nothing brings the credential back.
func (t taking) revoke(c credential) error { return t.State.revoke(t.tx, c) }

func (s *State) revoke(tx *boltfile.Tx, c credential) error {
	for table, key := range map[string][]byte{
		userTable: s.userKey(c.User), tokenTable: s.tokenKey(c.Vendor, c.Serial)} {
		id, err := tx.Get(table, key)
		switch {
		case errors.Is(err, boltfile.ErrAbsent):
		case err != nil:
			return err
		case string(id) == c.ID:
			if err := tx.Delete(table, key); err != nil {
				return err
			}
		}
	}
	if err := tx.Delete(seedTable, []byte(c.ID)); err != nil {
		return err
	}
	c.State = revoked
	return s.moved(tx, c)
}

// seedOf opens a seed for the moment it is needed.
func seedOf(tx *boltfile.Tx, id string) (secret.Seed, error) {
	raw, err := tx.Get(seedTable, []byte(id))
	if err != nil {
		return secret.Seed{}, err
	}
	defer clear(raw)
	return secret.NewSeed(raw), nil
}
