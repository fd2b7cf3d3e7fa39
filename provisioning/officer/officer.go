// Package officer checks who stands behind the desk: PINs hashed with argon2id, and a limit on
// failed tries that holds however many are posted at once.
//
// A try is reserved by a Change before the slow hash runs and its outcome is a second Change, so a
// crash between the two costs a try and never gives one away. The package refuses to know sessions
// and screens.
package officer

import (
	"context"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The refusals of this package; the kiosk's catalogue has a sentence for each.
const (
	// CodePINWrong: param left is how many tries remain before the next lock.
	CodePINWrong provisioning.Code = "pin_wrong"
	// CodePINLocked: param until is when the next try is taken, RFC 3339.
	CodePINLocked provisioning.Code = "pin_locked"
	// CodePINUnknown: no officer has this name.
	CodePINUnknown provisioning.Code = "pin_unknown"
	// CodeDisabled: the officer may not work here any more.
	CodeDisabled provisioning.Code = "officer_disabled"
	// CodePINUnset: the officer is on the staff list and has no PIN yet.
	CodePINUnset provisioning.Code = "pin_unset"
	// CodePINWeak: a new PIN has 6 to 12 digits and is not one digit over and over, or a run.
	CodePINWeak provisioning.Code = "pin_weak"
	// CodeTaken: an officer with this name exists.
	CodeTaken provisioning.Code = "officer_taken"
)

// Codes lists the refusals.
func Codes() []provisioning.Code {
	return []provisioning.Code{
		CodePINWrong, CodePINLocked, CodePINUnknown, CodeDisabled, CodePINWeak, CodeTaken,
		CodePINUnset,
	}
}

// Tries is how many wrong PINs are taken before a lock. The first lock lasts firstLock and each
// further one twice as long, up to longestLock.
const (
	Tries       = 5
	firstLock   = time.Minute
	longestLock = time.Hour
)

// Clock tells the time and whether the network set it.
type Clock func() (now time.Time, synced bool)

// Officers checks PINs and keeps the list of officers.
type Officers struct {
	ledger provisioning.Ledger
	desk   provisioning.DeskID
	clock  Clock
	hasher hasher
	// nobody is hashed against when the name is unknown, so that it takes the same time.
	nobody string
}

// New returns the officers of a ledger.
func New(ledger provisioning.Ledger, desk provisioning.DeskID, clock Clock) *Officers {
	return &Officers{ledger: ledger, desk: desk, clock: clock, hasher: newHasher(),
		nobody: format(make([]byte, saltLen), make([]byte, hashLen))}
}

// Check takes a PIN. It refuses with CodePINWrong, CodePINLocked, CodePINUnknown,
// CodePINUnset or CodeDisabled.
func (o *Officers) Check(
	ctx context.Context, id provisioning.OfficerID, pin secret.PIN,
) (provisioning.Officer, error) {
	row, known := provisioning.Get[provisioning.Officer](o.ledger.Snapshot(), string(id))
	if !known {
		if _, err := o.hasher.matches(ctx, o.nobody, pin); err != nil {
			return provisioning.Officer{}, err
		}
		return provisioning.Officer{}, provisioning.Refuse(CodePINUnknown)
	}
	if row.PINHash == "" {
		return provisioning.Officer{}, provisioning.Refuse(CodePINUnset)
	}
	failures, err := o.reserve(ctx, id)
	if err != nil {
		return provisioning.Officer{}, err
	}
	right, err := o.hasher.matches(ctx, row.PINHash, pin)
	if err != nil {
		return provisioning.Officer{}, err
	}
	if !right {
		left := (Tries - failures%Tries) % Tries
		return provisioning.Officer{}, provisioning.Refuse(CodePINWrong, "left", strconv.Itoa(left))
	}
	return o.admit(ctx, id, row.PINHash)
}

// reserve counts one try as failed before it is judged, and returns the count.
func (o *Officers) reserve(ctx context.Context, id provisioning.OfficerID) (failures int, err error) {
	now, _ := o.clock()
	_, err = o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		row, ok := provisioning.Get[provisioning.Officer](s, string(id))
		switch {
		case !ok:
			return provisioning.Change{}, provisioning.Refuse(CodePINUnknown)
		case row.Disabled:
			return provisioning.Change{}, provisioning.Refuse(CodeDisabled)
		case now.Before(row.LockedUntil):
			return provisioning.Change{}, provisioning.Refuse(CodePINLocked,
				"until", row.LockedUntil.UTC().Format(time.RFC3339))
		}
		row.Failures++
		failures = row.Failures
		row.LockedUntil = lockAfter(row.Failures, now)
		return provisioning.NewChange(o.entry(string(id), "officer.try", "intended")).Put(row), nil
	})
	return failures, err
}

// lockAfter is when the next try is taken after so many failures in a row.
func lockAfter(failures int, now time.Time) time.Time {
	if failures%Tries != 0 {
		return time.Time{}
	}
	lock := firstLock
	for range failures/Tries - 1 {
		lock = min(2*lock, longestLock)
	}
	return now.Add(lock)
}

// admit records the right PIN, unless the officer was disabled or got another PIN meanwhile.
func (o *Officers) admit(
	ctx context.Context, id provisioning.OfficerID, hash string,
) (provisioning.Officer, error) {
	var admitted provisioning.Officer
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		row, ok := provisioning.Get[provisioning.Officer](s, string(id))
		if !ok || row.PINHash != hash {
			return provisioning.Change{}, provisioning.Refuse(CodePINUnknown)
		}
		if row.Disabled {
			return provisioning.Change{}, provisioning.Refuse(CodeDisabled)
		}
		row.Failures, row.LockedUntil = 0, time.Time{}
		admitted = row
		return provisioning.NewChange(o.entry(string(id), "officer.admit", "done")).Put(row), nil
	})
	return admitted, err
}

func (o *Officers) entry(actor string, act provisioning.Act, outcome string) provisioning.Entry {
	now, synced := o.clock()
	return provisioning.Entry{At: now, Synced: synced, Desk: o.desk, Actor: actor, Act: act,
		Rule: "officer.pin", Outcome: outcome}
}
