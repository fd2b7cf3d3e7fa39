package erasure

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// order is one erasure that is asked for.
type order struct {
	operator, reason string
	person           provisioning.PersonID
	words            words
	// again: it was decided before, and this file is from before that.
	again bool
}

// maxReason is how long a reason may be, in characters.
const maxReason = 200

// decide is the rule: nobody is forgotten who still has something.
func decide(s provisioning.Snapshot, now provisioning.Now, o order,
	t provisioning.Traces) (provisioning.Change, error) {
	person, known := provisioning.Get[provisioning.Person](s, string(o.person))
	if !known || t.Mark == "" {
		return provisioning.Change{}, provisioning.Refuse(CodeUnknown)
	}
	if !o.again {
		if no := refusal(s, o, t); no != nil {
			return provisioning.Change{}, no
		}
	}
	e := provisioning.Entry{At: now.At, Synced: now.Synced, Desk: now.Desk, Actor: o.operator,
		Act: "person.erase", Rule: "erasure.nothing-open", Outcome: "done",
		Detail: map[string]string{"erasure": t.Mark, "reason": o.reason,
			"records": strconv.Itoa(len(t.Records))}}
	records, err := published(s, now, t)
	if err != nil {
		return provisioning.Change{}, err
	}
	row := provisioning.Erasure{ID: t.Mark, At: now.At, Position: s.Position()}
	follower, _ := provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	follower.Published = s.Position() + 1
	erasing := provisioning.Erasing{Person: o.person, Traces: t, Forget: forgotten(s, o, person)}
	return provisioning.NewChange(e).Put(row, follower).Put(changed(s, now, o)...).Publish(records...).
		Erase(erasing), nil
}

func refusal(s provisioning.Snapshot, o order, t provisioning.Traces) error {
	reason := strings.TrimSpace(o.reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason || o.words.in(reason) {
		return provisioning.Refuse(CodeReason)
	}
	for officer := range provisioning.All[provisioning.Officer](s) {
		if officer.Person == o.person && !officer.Disabled {
			return provisioning.Refuse(CodeOfficer, "officer", string(officer.ID))
		}
	}
	who := string(o.person)
	for range provisioning.Find[provisioning.Visit](s, provisioning.ByPerson, who) {
		return provisioning.Refuse(CodeVisit)
	}
	for loan := range provisioning.Find[provisioning.Loan](s, provisioning.ByPerson, who) {
		serial := provisioning.SerialOf(loan.Token)
		switch {
		case loan.Open():
			return provisioning.Refuse(CodeLoan, "serial", serial)
		case loan.Fee.State == provisioning.FeeDue:
			return provisioning.Refuse(CodeFee, "serial", serial)
		}
	}
	for c := range provisioning.Find[provisioning.Credential](s, provisioning.ByPerson, who) {
		return provisioning.Refuse(CodeToken, "serial", provisioning.SerialOf(c.Token))
	}
	for p := range provisioning.Find[provisioning.Passcode](s, provisioning.ByPerson, who) {
		return provisioning.Refuse(CodePasscode, "kind", string(p.Type))
	}
	for n := range provisioning.Find[provisioning.Notice](s, provisioning.ByPerson, who) {
		if n.State == provisioning.NoticeSending {
			return provisioning.Refuse(CodeNotice)
		}
	}
	v, _ := provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	if t.Published > v.Acked {
		return provisioning.Refuse(CodeBehind)
	}
	return nil
}

// published are the records that tell the verifier. Their ids are random, as the mark is; the same
// person erased again in a file from before has others.
func published(s provisioning.Snapshot, now provisioning.Now,
	t provisioning.Traces) ([]feed.Record, error) {
	lists := slices.Collect(slices.Chunk(t.Records, feed.MaxErased))
	if len(lists) == 0 {
		lists = append(lists, nil)
	}
	var records []feed.Record
	for i, list := range lists {
		sum := sha256.Sum256([]byte(t.Mark + " " + strconv.FormatInt(s.Position(), 10) + " " +
			now.At.String() + " " + strconv.Itoa(i)))
		r, err := feed.Erasure(feed.Record{ID: hex.EncodeToString(sum[:16]), Desk: string(now.Desk),
			At: now.At, Synced: now.Synced}, t.Mark, list)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// forgotten are rows that name nobody and are about the person all the same.
func forgotten(s provisioning.Snapshot, o order, p provisioning.Person) (rows []provisioning.Row) {
	for _, tries := range provisioning.TriesOf(p) {
		rows = append(rows, tries)
	}
	for op := range provisioning.All[provisioning.OpResult](s) {
		for _, value := range op.Params {
			if o.words.in(value) {
				rows = append(rows, op)
				break
			}
		}
	}
	for officer := range provisioning.All[provisioning.Officer](s) {
		if officer.Person == o.person {
			rows = append(rows, provisioning.OfficerKey{Officer: officer.ID})
		}
	}
	return rows
}

// changed are the rows that go on without the person.
func changed(s provisioning.Snapshot, now provisioning.Now, o order) (rows []provisioning.Row) {
	for r := range provisioning.All[provisioning.Request](s) {
		if o.words.in(strings.Join([]string{r.From, r.Title, r.Text}, "\n")) {
			rows = append(rows, provisioning.Request{ID: r.ID, At: r.At, Officer: r.Officer,
				State: provisioning.RequestDone})
		}
	}
	for officer := range provisioning.All[provisioning.Officer](s) {
		if officer.Person == o.person {
			// The id stays: it is the name on what they did.
			rows = append(rows, provisioning.Officer{ID: officer.ID, Name: string(officer.ID),
				Disabled: true})
		}
	}
	rows = append(rows, changedTokens(s, now, o)...)
	if day, ok := provisioning.Get[provisioning.Issuance](s, provisioning.Issuance{}.Key()); ok {
		rows = append(rows, day.Without(o.person))
	}
	return rows
}

// changedTokens drops notes that name them. In a file from before, what they had then is where
// nobody knows.
func changedTokens(s provisioning.Snapshot, now provisioning.Now,
	o order) (rows []provisioning.Row) {
	theirs := map[provisioning.TokenID]bool{}
	for c := range provisioning.Find[provisioning.Credential](s, provisioning.ByPerson,
		string(o.person)) {
		theirs[c.Token] = true
	}
	for token := range provisioning.All[provisioning.Token](s) {
		named := o.words.in(token.Note)
		if named {
			token.Note = ""
		}
		if theirs[token.ID] {
			token.State, token.Since = provisioning.TokenDoubtful, now.At
		}
		if named || theirs[token.ID] {
			rows = append(rows, token)
		}
	}
	return rows
}

// errNothing: no erasure waits for the file to be written anew.
var errNothing = errors.New("nothing to put on record")

func unsettled(s provisioning.Snapshot) bool {
	for e := range provisioning.All[provisioning.Erasure](s) {
		if e.Compacted.IsZero() {
			return true
		}
	}
	return false
}

// settle puts on record that nothing of those erased before is in the file any more.
func settle(s provisioning.Snapshot, now provisioning.Now) (provisioning.Change, error) {
	var rows []provisioning.Row
	var ids []string
	for e := range provisioning.All[provisioning.Erasure](s) {
		if e.Compacted.IsZero() {
			e.Compacted = now.At
			rows, ids = append(rows, e), append(ids, e.ID)
		}
	}
	if len(rows) == 0 {
		return provisioning.Change{}, errNothing
	}
	return provisioning.NewChange(provisioning.Entry{At: now.At, Synced: now.Synced, Desk: now.Desk,
		Actor: provisioning.ActorDesk, Act: "person.erased", Rule: "erasure.file", Outcome: "done",
		Detail: map[string]string{"erasures": strings.Join(ids, " ")}}).Put(rows...), nil
}

// Row is one erasure, as the operator sees it.
type Row struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Told: the verifier has it. Refused: it does not take it, because the desk is revoked. Gone: the
	// file was written anew since.
	Told    bool `json:"told"`
	Refused bool `json:"refused,omitempty"`
	Gone    bool `json:"gone"`
}

// List lists the erasures, oldest first.
func List(s provisioning.Snapshot) []Row {
	v, _ := provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	list := []Row{}
	for e := range provisioning.All[provisioning.Erasure](s) {
		list = append(list, Row{ID: e.ID, At: e.At,
			Told:    v.Holds(e.Position) && e.Refused.IsZero(),
			Refused: !e.Refused.IsZero(), Gone: !e.Compacted.IsZero()})
	}
	slices.SortStableFunc(list, func(a, b Row) int { return a.At.Compare(b.At) })
	return list
}

// Sentence is what the operator reads for a refusal, if it is one of an erasure.
func Sentence(r *provisioning.Refusal) (string, bool) {
	text, ok := sentences[r.Code]
	for name, value := range r.Params {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text, ok
}
