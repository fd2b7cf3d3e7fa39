package provisioning

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Now is when and where a decision is made.
type Now struct {
	Desk DeskID
	At   time.Time
	// Synced says whether the network set the clock.
	Synced bool
}

// The actors of entries no officer made.
const (
	ActorDesk     = "desk"
	ActorVerifier = "verifier"
)

// The outcomes of an entry.
const (
	OutcomeDone     = "done"
	OutcomeRefused  = "refused"
	OutcomeIntended = "intended"
	OutcomeDoubtful = "doubtful"
)

// draft collects what one change will do. Rows put into it are seen by later reads of the same
// draft, and a row put twice is written once, in its last form.
type draft struct {
	s       Snapshot
	now     Now
	entry   Entry
	rows    []Row
	records []feed.Record
	// seed of the ids derived in this change.
	seed string
}

func newDraft(s Snapshot, now Now, actor string, act Act) *draft {
	return &draft{s: s, now: now, entry: Entry{
		At: now.At, Synced: now.Synced, Desk: now.Desk,
		Actor: actor, Act: act, Rule: string(act), Outcome: OutcomeDone,
	}}
}

// put writes a row.
func (d *draft) put(row Row) {
	for i, old := range d.rows {
		if old.Kind() == row.Kind() && old.Key() == row.Key() {
			d.rows[i] = row
			return
		}
	}
	d.rows = append(d.rows, row)
}

// read returns a row as this change will leave it.
func read[R Row](d *draft, key string) (R, bool) {
	var zero R
	for _, row := range d.rows {
		if row.Kind() == zero.Kind() && row.Key() == key {
			return row.(R), row.Live()
		}
	}
	return Get[R](d.s, key)
}

// change builds the result, with the notices that belong to it.
func (d *draft) change() Change {
	d.notify()
	return NewChange(d.entry).Put(d.rows...).Publish(d.records...)
}

// detail adds a fact to the entry; an empty value is left out.
func (d *draft) detail(name, value string) {
	if value == "" {
		return
	}
	if d.entry.Detail == nil {
		d.entry.Detail = map[string]string{}
	}
	d.entry.Detail[name] = value
}

// id derives 16 bytes in hex. A position is committed once per feed, and the time and the form's
// own op id tell feeds apart, so an id never repeats; deriving it keeps the decision a pure
// function.
func (d *draft) id(kind, of string) string {
	h := sha256.New()
	for _, part := range []string{kind, of, string(d.now.Desk), d.seed} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(d.s.Position())))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(d.now.At.UnixNano())))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// publish adds a record to the feed, and notes that there is something for the verifier to hold.
func (d *draft) publish(r feed.Record) {
	d.records = append(d.records, r)
	v, _ := read[Verifier](d, Verifier{}.Key())
	v.Published = d.s.Position() + 1
	d.put(v)
}

// order moves a credential and tells the verifier so. It puts the row and returns it.
func (d *draft) order(c Credential, to CredentialState, state feed.State, why string) Credential {
	d.publish(feed.Record{
		ID: d.id("record", string(c.ID)+string(state)), Desk: string(d.now.Desk),
		Kind: feed.KindState, Credential: string(c.ID), State: state,
		At: d.now.At.UTC().Truncate(time.Millisecond), Synced: d.now.Synced,
	})
	c.State, c.Reason, c.Since, c.Position = to, why, d.now.At, d.s.Position()
	d.put(c)
	return c
}

// revoke ends a credential. The tombstone is sent again for one whose doubt sent it already: it is
// final, and twice is as good as once.
func (d *draft) revoke(c Credential, why string) {
	d.order(c, CredentialRevoked, feed.StateRevoked, why)
}

// doubt is what a crash, an unplug, an abandoned visit or a bad verdict leaves: the credential is
// revoked at the verifier, and its token is listed until it is written anew or wiped.
func (d *draft) doubt(c Credential, why Code) {
	d.order(c, CredentialDoubtful, feed.StateRevoked, string(why))
	d.doubtToken(c.Token, why)
}

func (d *draft) doubtToken(id TokenID, why Code) {
	if t, ok := read[Token](d, string(id)); ok {
		t.State, t.Note, t.Pending, t.Since = TokenDoubtful, string(why), ActNone, d.now.At
		d.put(t)
	}
}

// touch puts a visit with its deadline moved on.
func (d *draft) touch(v Visit) Visit {
	v.Deadline = deadline(v, d.now.At)
	d.put(v)
	return v
}

// about fills in whom and what the entry is about.
func (d *draft) about(v Visit) {
	e := &d.entry
	e.Visit, e.Person, e.Token, e.Credential = v.ID, v.Person, v.Token, v.Credential
	e.Loan, e.Evidence = v.Loan, v.Evidence
	if v.Errand == ErrandPasscode {
		e.Credential = CredentialID(v.Passcode)
	}
}
