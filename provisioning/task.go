package provisioning

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// TaskID is the id of the record that was refused.
type TaskID string

// Task is something a person has to see to, because the verifier did not take what this desk sent.
// It stays on the list until an officer says that it is done.
type Task struct {
	ID TaskID
	// Why is one of Codes; its sentence says what to do.
	Why Code
	// Token and Person it is about, each where there is one, and the Credential or passcode.
	Token      TokenID
	Person     PersonID
	Credential CredentialID
	// Elsewhere is the other desk it has to do with.
	Elsewhere DeskID
	// Officer did what was refused.
	Officer OfficerID
	At      time.Time
	// Done is when it was seen to, DoneBy by whom.
	Done   time.Time
	DoneBy OfficerID
}

// KindTask is the table of tasks.
const KindTask Kind = "task"

// Kind implements Row.
func (Task) Kind() Kind { return KindTask }

// Key implements Row.
func (t Task) Key() string { return string(t.ID) }

// Subject implements Row.
func (t Task) Subject() PersonID { return t.Person }

// Tags implements Row.
func (t Task) Tags() []Tag {
	return []Tag{{ByToken, string(t.Token)}, {ByPerson, string(t.Person)}}
}

// Live implements Row.
func (t Task) Live() bool { return t.Done.IsZero() }

// Tasks lists what is to be seen to, oldest first.
func Tasks(s Snapshot) []Task {
	list := slices.Collect(All[Task](s))
	slices.SortStableFunc(list, func(a, b Task) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (d *draft) addTask(t Task) {
	t.At = d.now.At
	d.put(t)
}

// FinishTask says that a task was seen to.
type FinishTask struct{ Task TaskID }

func (FinishTask) command() {}

func (d *decision) finishTask(c FinishTask) *Refusal {
	t, known := Get[Task](d.s, string(c.Task))
	if no := d.all(rule{"task.known", refuseUnless(known, CodeTaskUnknown)}); no != nil {
		return no
	}
	d.entry.Token, d.entry.Person, d.entry.Credential = t.Token, t.Person, t.Credential
	d.finished(t)
	return nil
}

func (d *decision) finished(t Task) {
	t.Done, t.DoneBy = d.now.At, d.o.By
	d.put(t)
	d.detail("task", string(t.ID))
}

// finishTasksOf: what wipes a token, or writes it anew, is what its tasks ask for.
func (d *decision) finishTasksOf(id TokenID) {
	for t := range Find[Task](d.s, ByToken, string(id)) {
		d.finished(t)
	}
}

// refusedCode is the problem a refusal of a token makes. A reason this version does not know is as
// good as none.
func refusedCode(v feed.Verdict) Code {
	switch v.Reason {
	case feed.ReasonLent:
		return CodeVerdictLent
	case feed.ReasonTaken:
		return CodeVerdictTaken
	case feed.ReasonExcluded:
		return CodeVerdictExcluded
	case feed.ReasonRevoked:
		return CodeVerdictRevoked
	case feed.ReasonTooMany:
		return CodeVerdictTooMany
	}
	return CodeVerdictRefused
}

func passcodeCode(v feed.Verdict) Code {
	switch v.Reason {
	case feed.ReasonExcluded:
		return CodePasscodeExcluded
	case feed.ReasonRevoked:
		return CodePasscodeRevoked
	case feed.ReasonTooMany:
		return CodePasscodeTooMany
	}
	return CodePasscodeRefused
}
