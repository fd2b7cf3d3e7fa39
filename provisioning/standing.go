package provisioning

import (
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// KindStanding is the table of the one Standing.
const KindStanding Kind = "standing"

// Standing is whether this desk may issue anything at all. There is one row, and none on a desk
// that was never restored and never told to stop.
type Standing struct {
	// Halt is why the verifier told the desk to stop: CodeDeskRestored or CodeDeskCopied; Since when,
	// and Detail what it named.
	Halt   Code
	Since  time.Time
	Detail string
	// Restored is when this store came out of a backup, From the feed before, and Position where the
	// backup ended. Until the verifier has accepted that, the desk waits.
	Restored time.Time
	From     string
	Position int64
	Waiting  bool
	// Learned counts the tokens and passcodes the verifier told of.
	Learned int
}

// Kind implements Row.
func (Standing) Kind() Kind { return KindStanding }

// Key implements Row: there is one.
func (Standing) Key() string { return "standing" }

// Subject implements Row.
func (Standing) Subject() PersonID { return "" }

// Tags implements Row.
func (Standing) Tags() []Tag { return nil }

// Live implements Row.
func (Standing) Live() bool { return true }

// StandingOf reads the row.
func StandingOf(s Snapshot) Standing {
	row, _ := Get[Standing](s, Standing{}.Key())
	return row
}

// Refusal is why the desk issues nothing now, or nil.
func (st Standing) Refusal() *Refusal {
	switch {
	case st.Halt != "":
		return Refuse(st.Halt, "detail", st.Detail)
	case st.Waiting:
		return Refuse(CodeDeskWaiting)
	}
	return nil
}

// mayIssue: a desk that was told to stop, or waits after a restore, gives nobody a way in and
// begins no visit. What it already gave out can still be ended.
func (d *draft) mayIssue() rule {
	return rule{"desk.standing", func() *Refusal { return StandingOf(d.s).Refusal() }}
}

// Halted takes what the verifier says of this desk as a whole. It returns false when that is no
// news.
func Halted(s Snapshot, now Now, h feed.Halt) (Change, bool) {
	st, code := StandingOf(s), haltCode(h.Reason)
	if st.Halt == code && (code == "" || st.Detail == h.Detail) {
		return Change{}, false
	}
	d := newDraft(s, now, ActorVerifier, "desk.halt")
	if code == "" {
		d.entry.Act, d.entry.Rule = "desk.go-on", "desk.go-on"
	}
	if st.Halt != code {
		st.Since = now.At
	}
	st.Halt, st.Detail = code, h.Detail
	d.detail("code", string(code))
	d.detail("detail", h.Detail)
	d.put(st)
	return d.change(), true
}

// haltCode is what the screen says. A reason this version does not know stops the desk as well.
func haltCode(r feed.HaltReason) Code {
	switch r {
	case "":
		return ""
	case feed.HaltRestored:
		return CodeDeskRestored
	}
	return CodeDeskCopied
}

// Restored begins the life of a restored store: an act of the operator who restored it. Whatever
// the backup says of being told to stop belonged to another copy.
func Restored(s Snapshot, now Now, by, from string, position int64) Change {
	d := newDraft(s, now, by, "desk.restore")
	d.detail("from", from)
	d.detail("position", strconv.FormatInt(position, 10))
	d.put(Standing{Restored: now.At, From: from, Position: position, Waiting: true})
	return d.change()
}

// Accepted ends the wait of a restored desk: the verifier accepted it and told all it knows. It
// returns false when nothing was waited for.
func Accepted(s Snapshot, now Now) (Change, bool) {
	st := StandingOf(s)
	if !st.Waiting {
		return Change{}, false
	}
	d := newDraft(s, now, ActorVerifier, "desk.accepted")
	st.Waiting = false
	d.detail("learned", strconv.Itoa(st.Learned))
	d.put(st)
	return d.change(), true
}

// Started puts a run of the desk on record. Every run is a leaf of the log, so two copies of one
// desk have different logs as soon as both were started.
func Started(s Snapshot, now Now, i feed.Instance) Change {
	d := newDraft(s, now, ActorDesk, "desk.start")
	d.detail("instance", i.ID)
	d.detail("host", i.Host)
	return d.change()
}
