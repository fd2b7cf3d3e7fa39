package officer

import (
	"context"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Lift unlocks an officer whose tries were used up, in the name of an operator.
func (o *Officers) Lift(ctx context.Context, operator string, id provisioning.OfficerID) error {
	return o.amend(ctx, operator, "officer.unlock", id, lift)
}

// LiftAs does it in the name of a supervisor at the counter, who is not the one that is locked.
func (o *Officers) LiftAs(ctx context.Context, by, id provisioning.OfficerID) error {
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		supervisor, known := provisioning.Get[provisioning.Officer](s, string(by))
		row, exists := provisioning.Get[provisioning.Officer](s, string(id))
		switch {
		case !known || !supervisor.Supervisor || supervisor.Disabled || by == id:
			return provisioning.Change{}, provisioning.Refuse(provisioning.CodeSupervisorNot)
		case !exists:
			return provisioning.Change{}, provisioning.Refuse(provisioning.CodeOfficerUnknown)
		}
		lift(&row)
		e := o.entry(string(by), "officer.unlock", "done")
		e.Rule, e.Detail = "officer.supervisor", map[string]string{"officer": string(id)}
		return provisioning.NewChange(e).Put(row), nil
	})
	return err
}

func lift(row *provisioning.Officer) { row.Failures, row.LockedUntil = 0, time.Time{} }

// DropKey makes an officer's token open nothing here any more, in the name of an operator: it was
// lost.
func (o *Officers) DropKey(
	ctx context.Context, operator string, id provisioning.OfficerID,
) error {
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		row, ok := provisioning.Get[provisioning.OfficerKey](s, string(id))
		if !ok {
			return provisioning.Change{}, provisioning.Refuse(CodeKeyNone)
		}
		e := o.entry(operator, "officer.token-lost", "done")
		e.Rule, e.Token = "officer.operator", row.Token
		e.Detail = map[string]string{"officer": string(id)}
		row.State, row.Nonce, row.Answers = provisioning.KeyDropped, "", ""
		row.Since, row.Reason = e.At, "lost"
		return provisioning.NewChange(e).Put(row), nil
	})
	return err
}
