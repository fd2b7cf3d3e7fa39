// Package officer checks who stands behind the desk: a PIN hashed with argon2id, an answer of the
// officer's own token, and a limit on failed tries that holds however many are made at once.
//
// A try is reserved by a Change before the slow part runs and its outcome is a second Change, so a
// crash between the two costs a try and never gives one away.
//
// Of a token the desk keeps challenges and digests of their answers, made while the key was here to
// be programmed. Each challenge is asked once, so that one touch unlocks; when the last is used up,
// a second touch answers a fresh one whose digest is kept for the next time. Which one is asked
// next is drawn when the one before is used: answers collected from a borrowed token are worth
// little.
//
// The package refuses to know sessions and screens.
package officer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/phc"
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
	// CodeLockedOut: so many tries failed that an operator has to unlock the officer.
	CodeLockedOut provisioning.Code = "officer_locked"
	// CodeTaken: an officer with this name exists.
	CodeTaken provisioning.Code = "officer_taken"
)

// Codes lists the refusals.
func Codes() []provisioning.Code {
	return []provisioning.Code{
		CodePINWrong, CodePINLocked, CodePINUnknown, CodeDisabled, CodePINWeak, CodeTaken,
		CodePINUnset, CodeLockedOut, CodeKeyNone, CodeKeyNobody, CodeKeyWrong, CodeKeyAbsent, CodeKeyNoTouch,
		CodeKeyPulled, CodeKeyUnread, CodeKeyNotLent, CodeKeyOther, CodeKeyUnwritten, CodeKeyDoubtful,
	}
}

// Tries is how many tries may fail, of a PIN or of a token, before the next is taken only after
// shortLock; after MostTries none is, until a supervisor or an operator unlocks the officer.
const (
	Tries     = 5
	MostTries = provisioning.MostTries
	shortLock = time.Minute
)

// errHash is returned for a row whose PIN hash is none: the row is damaged.
var errHash = errors.New("officer: the PIN hash is not an argon2id PHC string")

// Clock tells the time and whether the network set it.
type Clock func() (now time.Time, synced bool)

// Officers checks PINs and keeps the list of officers.
type Officers struct {
	ledger provisioning.Ledger
	desk   provisioning.DeskID
	clock  Clock
	tokens Tokens
	hasher phc.Hasher
	// nobody is hashed against when the name is unknown, so that it takes the same time.
	nobody phc.Hash
}

// New returns the officers of a ledger.
func New(
	ledger provisioning.Ledger, desk provisioning.DeskID, clock Clock, tokens Tokens,
) *Officers {
	return &Officers{ledger: ledger, desk: desk, clock: clock, tokens: tokens, hasher: phc.NewHasher(),
		nobody: phc.Nobody()}
}

// Check takes a PIN and nothing else, of an officer who acts at a desk that is unlocked already. It
// refuses with CodePINWrong, CodePINLocked, CodeLockedOut, CodePINUnknown, CodePINUnset
// or CodeDisabled.
func (o *Officers) Check(
	ctx context.Context, id provisioning.OfficerID, pin secret.PIN,
) (provisioning.Officer, error) {
	t, err := o.try(ctx, id, pin)
	if err != nil {
		return provisioning.Officer{}, err
	}
	return o.admit(ctx, t, nil)
}

// try is one try whose PIN was right. It counts as failed until it is settled.
type try struct {
	id       provisioning.OfficerID
	hash     string
	failures int
}

func (o *Officers) try(
	ctx context.Context, id provisioning.OfficerID, pin secret.PIN,
) (try, error) {
	row, known := provisioning.Get[provisioning.Officer](o.ledger.Snapshot(), string(id))
	if !known {
		if _, err := o.hasher.Matches(ctx, o.nobody, pin); err != nil {
			return try{}, err
		}
		return try{}, provisioning.Refuse(CodePINUnknown)
	}
	if row.PINHash == "" {
		return try{}, provisioning.Refuse(CodePINUnset)
	}
	failures, err := o.reserve(ctx, id)
	if err != nil {
		return try{}, err
	}
	hash, ok := phc.Parse(row.PINHash)
	if !ok {
		return try{}, errHash
	}
	right, err := o.hasher.Matches(ctx, hash, pin)
	if err != nil {
		return try{}, err
	}
	if !right {
		return try{}, wrong(CodePINWrong, failures)
	}
	return try{id, row.PINHash, failures}, nil
}

// wrong is the refusal of a try that failed.
func wrong(code provisioning.Code, failures int) error {
	if failures >= MostTries {
		return provisioning.Refuse(CodeLockedOut)
	}
	left := (Tries - failures%Tries) % Tries
	return provisioning.Refuse(code, "left", strconv.Itoa(left))
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
		case row.LockedOut():
			return provisioning.Change{}, provisioning.Refuse(CodeLockedOut)
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
	return now.Add(shortLock)
}

// admit records a try that succeeded, with the key as the token left it, unless the officer was
// disabled, got another PIN or another key meanwhile.
func (o *Officers) admit(ctx context.Context, t try, p *proof) (provisioning.Officer, error) {
	var admitted provisioning.Officer
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		row, ok := provisioning.Get[provisioning.Officer](s, string(t.id))
		if !ok || row.PINHash != t.hash {
			return provisioning.Change{}, provisioning.Refuse(CodePINUnknown)
		}
		if row.Disabled {
			return provisioning.Change{}, provisioning.Refuse(CodeDisabled)
		}
		row.Failures, row.LockedUntil = 0, time.Time{}
		admitted = row
		change := provisioning.NewChange(o.entry(string(t.id), "officer.admit", "done")).Put(row)
		return p.settle(s, change)
	})
	return admitted, err
}

// giveBack takes a try back that neither succeeded nor failed: nobody touched the token.
func (o *Officers) giveBack(ctx context.Context, t try) error {
	_, err := o.ledger.Do(context.WithoutCancel(ctx),
		func(s provisioning.Snapshot) (provisioning.Change, error) {
			row, _ := provisioning.Get[provisioning.Officer](s, string(t.id))
			entry := o.entry(string(t.id), "officer.untried", "done")
			return provisioning.NewChange(entry).Put(untried(row, t.failures)), nil
		})
	return err
}

// untried is an officer without the try that made this many failures.
func untried(row provisioning.Officer, failures int) provisioning.Officer {
	if row.Failures == failures {
		row.LockedUntil = time.Time{}
	}
	row.Failures = max(0, row.Failures-1)
	return row
}

func (o *Officers) entry(actor string, act provisioning.Act, outcome string) provisioning.Entry {
	now, synced := o.clock()
	return provisioning.Entry{At: now, Synced: synced, Desk: o.desk, Actor: actor, Act: act,
		Rule: "officer.pin", Outcome: outcome}
}
