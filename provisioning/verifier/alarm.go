package verifier

import (
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// AlarmKind is what a desk did, for machines. Alarm.What is the same in words.
type AlarmKind string

// The kinds of alarms. An honest desk raises none, whatever happens to it and to the line; so each
// one ends the following until an operator acted.
const (
	// AlarmOtherKey: the checkpoint, or the feed itself, is not by the pinned log key.
	AlarmOtherKey AlarmKind = "other_key"
	// AlarmOtherDesk: who answers under the pinned certificate says that it is another desk.
	AlarmOtherDesk AlarmKind = "other_desk"
	// AlarmOtherFeed: the feed begins anew without an operator's word.
	AlarmOtherFeed AlarmKind = "other_feed"
	// AlarmOtherLog: the right key signed the checkpoint of another log.
	AlarmOtherLog AlarmKind = "other_log"
	// AlarmNoCheckpoint: a page came without a signed checkpoint.
	AlarmNoCheckpoint AlarmKind = "no_checkpoint"
	// AlarmStaleCheckpoint: the checkpoint is older than the leaves it came with.
	AlarmStaleCheckpoint AlarmKind = "stale_checkpoint"
	// AlarmOmitted: more leaves are signed than were sent.
	AlarmOmitted AlarmKind = "omitted"
	// AlarmReplayed: leaves that were followed before came as new ones.
	AlarmReplayed AlarmKind = "replayed"
	// AlarmReordered: the signed leaves came in another order.
	AlarmReordered AlarmKind = "reordered"
	// AlarmRewritten: the leaves are not the signed ones, and it is not known what they were.
	AlarmRewritten AlarmKind = "rewritten"
	// AlarmForked: the desk signed two histories. Both checkpoints are kept in the Alarm.
	AlarmForked AlarmKind = "forked"
	// AlarmRolledBack: leaves that were followed are gone.
	AlarmRolledBack AlarmKind = "rolled_back"
	// AlarmHeadFell: the desk had told of leaves that it no longer has.
	AlarmHeadFell AlarmKind = "head_fell"
	// AlarmWithheld: the desk tells of leaves and does not send them.
	AlarmWithheld AlarmKind = "withheld"
	// AlarmBadShape: an answer came whole and is none of the contract.
	AlarmBadShape AlarmKind = "bad_shape"
	// AlarmTooLarge: an answer is larger than any of the contract.
	AlarmTooLarge AlarmKind = "too_large"
	// AlarmRepeatedRecord: the id of a record came again, in another leaf or with another content.
	AlarmRepeatedRecord AlarmKind = "repeated_record"
	// AlarmForeignRecord: a record says that another desk made it.
	AlarmForeignRecord AlarmKind = "foreign_record"
	// AlarmHidden: a record is shown as erased, and no erasure came that names it.
	AlarmHidden AlarmKind = "hidden"
	// AlarmErased: an erasure names what is not the desk's, or not what was followed.
	AlarmErased AlarmKind = "erased"
)

// alarmWords say to an operator what happened.
var alarmWords = map[AlarmKind]string{
	AlarmOtherKey:        "the desk signs its log with another key than the pinned one",
	AlarmOtherDesk:       "who answers in the desk's place says that it is another desk",
	AlarmOtherFeed:       "the feed is not the one that was followed: it begins anew",
	AlarmOtherLog:        "the checkpoint is signed for the log of another desk or feed",
	AlarmNoCheckpoint:    "a page came without a signed checkpoint",
	AlarmStaleCheckpoint: "the checkpoint is older than the leaves it came with",
	AlarmOmitted:         "leaves were left out: the desk signed more of them than it sent",
	AlarmReplayed:        "leaves that were followed before came again as new ones",
	AlarmReordered:       "leaves or records came in another order than the desk signed",
	AlarmRewritten: "the checkpoint does not fit the leaves: a record was changed, left out or " +
		"put in",
	AlarmForked:     "the desk signed two histories of one length: its log was forked",
	AlarmRolledBack: "the desk has lost leaves that were already followed",
	AlarmHeadFell:   "the desk no longer has leaves that it had told of",
	AlarmWithheld:   "the desk tells of new leaves and does not send them",
	AlarmBadShape:   "an answer of the desk has no shape that the contract knows",
	AlarmTooLarge:   "an answer of the desk is larger than the contract allows",
	AlarmRepeatedRecord: "a record came again under the same id, in another leaf or with another " +
		"content",
	AlarmForeignRecord: "a record says that another desk made it",
	AlarmHidden:        feed.ErrOmitted.Error(),
	AlarmErased:        feed.ErrErasure.Error(),
}

// Alarm is what a desk did that an honest one does not. Nothing the desk sends is used while it
// stands; what it issued before works on. It stays until an operator clears it or trusts the desk
// again.
type Alarm struct {
	At   time.Time `json:"at"`
	Kind AlarmKind `json:"kind,omitempty"`
	What string    `json:"what"`
	// Position counts the leaves that were followed until then.
	Position int64 `json:"position,omitempty"`
	// Held is the newest checkpoint that was followed, and Shown the one that does not fit it: both
	// are signed, so a fork can be proven to others.
	Held  []byte `json:"held,omitempty"`
	Shown []byte `json:"shown,omitempty"`
}

// Stands says whether there is an alarm.
func (a Alarm) Stands() bool { return a.What != "" }

// Cleared is an alarm that an operator ended.
type Cleared struct {
	Alarm
	Cleared time.Time `json:"cleared"`
	Reason  string    `json:"reason"`
}

// The refusals of ClearAlarm.
var (
	ErrNoAlarm = errors.New("no alarm stands at this desk")
	ErrReason  = errors.New("a reason of at most 200 letters is needed: it stays beside the alarm")
)

const maxReason = 200

// trustedAgain is the reason of an alarm that ended because its desk was trusted again.
const trustedAgain = "the desk was trusted again"

// ClearAlarm follows a desk again from where it was left, and keeps the alarm with the operator's
// reason. A desk that still does what raised it raises it again.
func (v *Verifier) ClearAlarm(desk, reason string) (Alarm, error) {
	if reason == "" || len(reason) > maxReason {
		return Alarm{}, ErrReason
	}
	var was Alarm
	err := v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(desk))
		switch was = row.Alarm; {
		case err != nil:
			return err
		case !ok:
			return ErrUnknownDesk
		case !was.Stands():
			return ErrNoAlarm
		}
		row.clear(v.clock(), reason)
		return save(tx, deskTable, []byte(desk), row)
	})
	if err != nil {
		return Alarm{}, fmt.Errorf("clear the alarm of desk %s: %w", desk, err)
	}
	v.log.Warn("an alarm is cleared", "desk", desk, "kind", was.Kind)
	v.act()
	return was, nil
}

func (d *deskRow) clear(now time.Time, reason string) {
	if d.Alarm.Stands() {
		d.Cleared = Cleared{Alarm: d.Alarm, Cleared: now, Reason: reason}
		d.Alarm = Alarm{}
	}
	d.Strangers, d.Back = nil, time.Time{}
}

// errAlarmed: nothing of a desk is asked for or used while its alarm stands.
var errAlarmed = errors.New("the desk is under alarm")

// raise stores the first alarm of a desk. While it stands nothing can bring another, and what was
// seen of a card that an operator has replaced meanwhile brings none. If the disk fails the writer of
// attempts finds that, too, and ends the process.
func (f *follower) raise(lie *forgery) {
	f.log.Error("a desk's feed is refused", "desk", f.desk, "kind", lie.kind, "why", lie.Error(),
		systemd.DeskAlarm.Attr())
	err := f.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(f.desk))
		if err != nil || !ok || row.Alarm.Stands() || row.Card != f.card {
			return err
		}
		row.Alarm = Alarm{At: f.clock(), Kind: lie.kind, What: lie.Error(), Shown: lie.shown,
			Held: row.Checkpoint}
		var tail feed.Tail
		if len(row.Tail) > 0 && tail.UnmarshalBinary(row.Tail) == nil {
			row.Alarm.Position = tail.Position()
		}
		return save(tx, deskTable, []byte(f.desk), row)
	})
	if err != nil {
		f.log.Error("record an alarm", "desk", f.desk, "err", err)
	}
}

// nextAct is closed by the next act of an operator on a desk.
func (v *Verifier) nextAct() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.acted
}

func (v *Verifier) act() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.acted)
	v.acted = make(chan struct{})
}
