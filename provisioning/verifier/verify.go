package verifier

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// ErrTooMany says that a caller failed too often and must wait. It says nothing about any user.
var ErrTooMany = errors.New("too many failures from this caller")

// batchSize is how many attempts share one commit. Whatever waits when the writer becomes free goes
// together, so a commit costs the same for one and for all.
const batchSize = 256

// ghosts is how many rows the attempts at users without a token share: enough that strangers do not
// wait for each other, few enough that made-up names cannot fill the disk.
const ghosts = 1 << 14

// attempt is one OTP on its way to the writer. What it matches was computed outside. One without a
// user only asks whether the writer lives.
type attempt struct {
	user       []byte
	credential string
	match      match
	// hash is what a passcode came to; without it the attempt is an OTP. Purpose is what the sign-in
	// is for.
	hash    []byte
	purpose string

	accepted bool
	err      error
	done     chan struct{}
}

// Verify says whether an OTP signs a user in. The attempt is durably counted before the answer; an
// accepted OTP is never accepted again. A user who has no token, is suspended or must wait gets the
// same answer as a wrong OTP, for the same work.
func (v *Verifier) Verify(ctx context.Context, caller, user string, otp secret.OTP) (bool, error) {
	return v.VerifyFor(ctx, caller, user, otp, "")
}

// VerifyFor is Verify for a purpose: with feed.PurposeEnrol a passcode that is good for enrolling a
// device and nothing else is taken, too.
func (v *Verifier) VerifyFor(ctx context.Context, caller, user string, otp secret.OTP,
	purpose string) (bool, error) {
	if !v.callers.open(caller, v.clock()) {
		return false, ErrTooMany
	}
	var a *attempt
	var err error
	if isPasscode(otp) {
		a, err = v.lookPasscode(ctx, user, otp, purpose)
	} else {
		a, err = v.look(user, otp)
	}
	if err != nil {
		return false, fmt.Errorf("look an OTP up: %w", err)
	}
	select {
	case v.attempts <- a:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	// From here on it will be counted, so it is waited for: the answer must not depend on who
	// leaves.
	<-a.done
	if a.err != nil {
		return false, fmt.Errorf("count an attempt: %w", a.err)
	}
	if !a.accepted {
		v.callers.fail(caller, v.clock())
	}
	v.count(a.accepted)
	return a.accepted, nil
}

// Alive goes the whole way of an attempt, to the disk and back, and counts nothing: the watchdog's
// question.
func (v *Verifier) Alive(ctx context.Context) error {
	if v.file.Compacting() {
		return nil // the writer waits for the file to be written anew, which has an end
	}
	a := &attempt{done: make(chan struct{})}
	select {
	case v.attempts <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-a.done:
		if errors.Is(a.err, ErrMoved) {
			return nil // it is not to be started anew for that
		}
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look finds the user's credential and what the OTP matches, for a decoy if there is none.
func (v *Verifier) look(user string, otp secret.OTP) (*attempt, error) {
	a := &attempt{user: v.userKey(user), done: make(chan struct{})}
	seed, digits, next := v.decoy(a.user), otp.Len(), uint64(0)
	err := v.file.View(func(tx *boltfile.Tx) error {
		c, ok, err := index(tx, userTable, a.user)
		if err != nil || !ok || c.State != active {
			return err
		}
		a.credential, digits, next = c.ID, c.Digits, c.Next
		seed, err = seedOf(tx, c.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer seed.Wipe()
	if digits < 6 || digits > 8 {
		digits = 6
	}
	a.match, err = search(seed, digits, next, v.reach(), otp)
	return a, err
}

// decoy is a seed nobody has, the same each time.
func (v *Verifier) decoy(user []byte) secret.Seed {
	return secret.NewSeed(append(v.file.Blind("decoy", string(user)), "decoy"[:4]...))
}

// decideAll is the one writer of attempts: it takes what waits, decides it in order and answers
// after the commit.
func (v *Verifier) decideAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-v.attempts:
			if err := v.decide(v.waiting(a)); err != nil {
				return err
			}
		}
	}
}

// waiting adds whoever waits at this moment.
func (v *Verifier) waiting(first *attempt) []*attempt {
	batch := []*attempt{first}
	for len(batch) < batchSize {
		select {
		case a := <-v.attempts:
			batch = append(batch, a)
		default:
			return batch
		}
	}
	return batch
}

func (v *Verifier) decide(batch []*attempt) error {
	now := v.clock()
	err := v.file.Update(func(tx *boltfile.Tx) error {
		for _, a := range batch {
			// A row that does not open is that user's misfortune alone: nothing was written for it.
			a.accepted, a.err = v.decideOne(tx, a, now)
		}
		return nil
	})
	for _, a := range batch {
		if a.err = errors.Join(a.err, err); a.err != nil {
			a.accepted = false
		}
		close(a.done)
	}
	if errors.Is(err, boltfile.ErrCommit) {
		return err
	}
	return nil
}

// decideOne decides on the row as it is now, not as it was when the OTP was looked up: of many
// attempts with one OTP the first raises the counter above the others.
func (v *Verifier) decideOne(tx *boltfile.Tx, a *attempt, now time.Time) (bool, error) {
	if a.user == nil {
		return false, nil
	}
	if a.hash != nil {
		return decidePasscode(tx, a, now)
	}
	c, ok, err := index(tx, userTable, a.user)
	if err != nil {
		return false, err
	}
	if !ok || c.State != active || c.ID != a.credential {
		return false, countGhost(tx, a.user, now)
	}
	accepted := c.try(a.match, now)
	return accepted, saveCredential(tx, c)
}

// try moves the credential by one attempt and says whether it was accepted.
func (c *credential) try(m match, now time.Time) bool {
	if !c.Limit.open(now) {
		return false
	}
	right := m.found && m.counter >= c.Next
	if right && (m.near && !c.Unsure || c.Far.continues(m.counter, now)) {
		c.Next, c.Limit, c.Far, c.Unsure = m.counter+1, limit{}, far{}, false
		return true
	}
	c.Limit = c.Limit.fail(now)
	if right {
		c.Far = far{Counter: m.counter, At: now}
	}
	return false
}

// countGhost counts an attempt at a user without an active token, as one at a user with one is.
func countGhost(tx *boltfile.Tx, user []byte, now time.Time) error {
	key := binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(user)%ghosts)
	row, _, err := load[credential](tx, ghostTable, key)
	if err != nil {
		return err
	}
	row.try(match{}, now)
	return save(tx, ghostTable, key, row)
}
