package officer

import (
	"context"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// A PIN's length in digits.
const (
	minPIN = 6
	maxPIN = 12
)

// Add makes a new officer, in the name of an operator at the box.
func (o *Officers) Add(
	ctx context.Context, operator string, row provisioning.Officer, pin secret.PIN,
) error {
	hash, err := o.newPIN(ctx, pin)
	if err != nil {
		return err
	}
	return o.change(ctx, operator, "officer.add", row.ID,
		func(old provisioning.Officer, exists bool) (provisioning.Officer, error) {
			if exists {
				return old, provisioning.Refuse(CodeTaken)
			}
			row.PINHash = hash
			return row, nil
		})
}

// SetPIN gives an officer a new PIN and lifts a lock.
func (o *Officers) SetPIN(
	ctx context.Context, operator string, id provisioning.OfficerID, pin secret.PIN,
) error {
	hash, err := o.newPIN(ctx, pin)
	if err != nil {
		return err
	}
	return o.amend(ctx, operator, "officer.pin", id, func(row *provisioning.Officer) {
		row.PINHash, row.Failures, row.LockedUntil = hash, 0, time.Time{}
	})
}

// Disable ends an officer's work here; Enable lets them back.
func (o *Officers) Disable(ctx context.Context, operator string, id provisioning.OfficerID) error {
	return o.amend(ctx, operator, "officer.disable", id,
		func(row *provisioning.Officer) { row.Disabled, row.Dismissed = true, false })
}

// Enable lets a disabled or locked officer work again.
func (o *Officers) Enable(ctx context.Context, operator string, id provisioning.OfficerID) error {
	return o.amend(ctx, operator, "officer.enable", id, func(row *provisioning.Officer) {
		row.Disabled, row.Dismissed, row.Failures, row.LockedUntil = false, false, 0, time.Time{}
	})
}

// List returns the officers in the order of their names.
func (o *Officers) List() []provisioning.Officer {
	var list []provisioning.Officer
	for row := range provisioning.All[provisioning.Officer](o.ledger.Snapshot()) {
		list = append(list, row)
	}
	return list
}

func (o *Officers) newPIN(ctx context.Context, pin secret.PIN) (string, error) {
	if weak(pin) {
		return "", provisioning.Refuse(CodePINWeak)
	}
	hash, err := o.hasher.New(ctx, pin)
	if err != nil {
		return "", err
	}
	return hash.String(), nil
}

// weak refuses what a stranger tries first: too short, no digits, one digit repeated, a run.
func weak(pin secret.PIN) bool {
	digits := pin.Expose()
	defer clear(digits)
	if len(digits) < minPIN || len(digits) > maxPIN {
		return true
	}
	same, up, down := true, true, true
	for i, d := range digits {
		if d < '0' || d > '9' {
			return true
		}
		if i > 0 {
			same = same && d == digits[i-1]
			up = up && d == digits[i-1]+1
			down = down && d == digits[i-1]-1
		}
	}
	return same || up || down
}

func (o *Officers) amend(
	ctx context.Context, operator string, act provisioning.Act, id provisioning.OfficerID,
	edit func(*provisioning.Officer),
) error {
	return o.change(ctx, operator, act, id,
		func(row provisioning.Officer, exists bool) (provisioning.Officer, error) {
			if !exists {
				return row, provisioning.Refuse(CodePINUnknown)
			}
			edit(&row)
			return row, nil
		})
}

func (o *Officers) change(
	ctx context.Context, operator string, act provisioning.Act, id provisioning.OfficerID,
	edit func(provisioning.Officer, bool) (provisioning.Officer, error),
) error {
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		old, exists := provisioning.Get[provisioning.Officer](s, string(id))
		row, err := edit(old, exists)
		if err != nil {
			return provisioning.Change{}, err
		}
		e := o.entry(operator, act, "done")
		e.Rule = "officer.operator"
		e.Detail = map[string]string{"officer": string(id)}
		return provisioning.NewChange(e).Put(row), nil
	})
	return err
}
