package officer

import (
	"context"
	"errors"

	"github.com/tokendesk/tokendesk/provisioning"
)

// actorDirectory is who acts when the university's staff list does.
const actorDirectory = "directory"

// errSame stops a change that would change nothing.
var errSame = errors.New("nothing to change")

// Match makes the officers of this desk those of the university's staff list, the same at every
// desk. Whoever is new appears without a PIN, which an operator sets. Whoever is not on the list may
// not work here from now on; a list that names them again lets them back, unless an operator
// disabled them. An empty list is a broken one and changes nobody.
func (o *Officers) Match(ctx context.Context, staff []provisioning.Officer) error {
	if len(staff) == 0 {
		return errors.New("match the officers: the staff list is empty")
	}
	listed := make(map[provisioning.OfficerID]bool, len(staff))
	for _, member := range staff {
		listed[member.ID] = true
		if err := o.follow(ctx, member.ID, admitted(member)); err != nil {
			return err
		}
	}
	for _, row := range o.List() {
		if listed[row.ID] {
			continue
		}
		if err := o.follow(ctx, row.ID, dismissed); err != nil {
			return err
		}
	}
	return nil
}

// verdict is what a staff list makes of one officer, and under which act.
type verdict func(row provisioning.Officer, exists bool) (provisioning.Officer, provisioning.Act)

// admitted is an officer as the list has them. What the desk knows on its own, PIN and tries, stays.
func admitted(member provisioning.Officer) verdict {
	return func(row provisioning.Officer, exists bool) (provisioning.Officer, provisioning.Act) {
		act := provisioning.Act("officer.amend")
		switch {
		case !exists:
			act = "officer.add"
		case row.Dismissed:
			act, row.Disabled, row.Dismissed = "officer.enable", false, false
		}
		row.ID, row.Name, row.Person = member.ID, member.Name, member.Person
		row.Supervisor = member.Supervisor
		return row, act
	}
}

// dismissed is an officer whom the list no longer has.
func dismissed(row provisioning.Officer, _ bool) (provisioning.Officer, provisioning.Act) {
	if !row.Disabled {
		row.Disabled, row.Dismissed = true, true
	}
	return row, "officer.disable"
}

// follow commits what a list makes of one officer, if that is anything new. It costs no commit
// otherwise: lists come every minute.
func (o *Officers) follow(ctx context.Context, id provisioning.OfficerID, judge verdict) error {
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		old, exists := provisioning.Get[provisioning.Officer](s, string(id))
		row, act := judge(old, exists)
		if exists && row == old {
			return provisioning.Change{}, errSame
		}
		e := o.entry(actorDirectory, act, "done")
		e.Rule = "officer.staff"
		e.Detail = map[string]string{"officer": string(id)}
		return provisioning.NewChange(e).Put(row), nil
	})
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}
