package remote

import (
	"context"
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// AnswerAfter is how long after the last form every recovery is answered: more than a directory
// takes, so that the time tells nothing. What takes longer is answered at the next multiple.
const AnswerAfter = 1500 * time.Millisecond

// Alone issues passcodes to people without an officer, and keeps the digits until they were seen.
type Alone interface {
	// Away says that the verifier would take no passcode now, or nil.
	Away() *provisioning.Refusal
	IssueAlone(ctx context.Context, person provisioning.Person,
		address string) (provisioning.PasscodeID, error)
	Digits(id provisioning.PasscodeID) ([]secret.Passcode, error)
	RevealAlone(ctx context.Context, id provisioning.PasscodeID) error
	Forget(id provisioning.PasscodeID)
}

// Recoveries are recoveries without an officer.
type Recoveries struct {
	c      Config
	alone  Alone
	answer time.Duration
}

// NewRecoveries checks the configuration. Every answer comes after the same time; 0 means
// AnswerAfter.
func NewRecoveries(c Config, alone Alone, answer time.Duration) (*Recoveries, error) {
	if alone == nil {
		return nil, errors.New("remote: recoveries need somebody who issues passcodes")
	}
	if answer == 0 {
		answer = AnswerAfter
	}
	return &Recoveries{c, alone, answer}, c.check()
}

// Shown returns copies of the digits once the verifier has them; see visit.Runner.Digits.
func (r *Recoveries) Shown(id provisioning.PasscodeID) ([]secret.Passcode, error) {
	return r.alone.Digits(id)
}

// Reveal puts on record that the person asked to see them.
func (r *Recoveries) Reveal(ctx context.Context, id provisioning.PasscodeID) error {
	return r.alone.RevealAlone(ctx, id)
}

// Forget drops the digits.
func (r *Recoveries) Forget(id provisioning.PasscodeID) { r.alone.Forget(id) }

// Closed says why nobody is served now, or nil.
func (r *Recoveries) Closed(ctx context.Context) *provisioning.Refusal {
	if _, offered := r.c.Site.PasscodesOf(provisioning.PasscodeRecovery); !offered {
		return provisioning.Refuse(provisioning.CodeRecoveryClosed)
	}
	if !r.c.Directory.Up(ctx) {
		return provisioning.Refuse(provisioning.CodeDirectoryDown)
	}
	return r.alone.Away()
}

// Recover judges a claim and a password together and issues the passcode if all of it is right.
// Every other answer is CodeRecoveryNo, but for a desk that serves nobody now. The answer comes at a
// fixed time.
func (r *Recoveries) Recover(
	ctx context.Context, claim provisioning.Claim, password secret.Password, address string,
) (provisioning.PasscodeID, error) {
	began := time.Now()
	id, err := r.judge(ctx, claim, password, address)
	wait := r.answer - time.Since(began)%r.answer
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return id, err
}

func (r *Recoveries) judge(
	ctx context.Context, claim provisioning.Claim, password secret.Password, address string,
) (provisioning.PasscodeID, error) {
	// Asked before anything is compared: later it would tell that the claim was right.
	if refusal := r.alone.Away(); refusal != nil {
		return "", refusal
	}
	named, err := r.c.named(ctx, claim.Account)
	if err != nil {
		return "", err
	}
	_, err = r.c.Ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.TryRecovery(s, r.c.Site, r.c.now(),
			provisioning.TriedAs(named.ID, claim.Account), address)
	})
	if err != nil {
		return "", err
	}
	person, right, err := r.matches(ctx, claim, password)
	switch {
	case err != nil:
		return "", err
	case !right:
		return "", r.failed(ctx, named, address)
	}
	id, err := r.alone.IssueAlone(ctx, person, address)
	var refusal *provisioning.Refusal
	if errors.As(err, &refusal) {
		// The claim was right; a limit or the role says no. It is told like any other no.
		return "", r.failed(ctx, named, address)
	}
	return id, err
}

// matches asks the directory both questions, whatever the first answer is.
func (r *Recoveries) matches(
	ctx context.Context, claim provisioning.Claim, password secret.Password,
) (provisioning.Person, bool, error) {
	person, knows, err := r.c.Directory.Matches(ctx, claim)
	if err != nil {
		return person, false, err
	}
	admitted, err := r.c.Directory.Authenticate(ctx, claim.Account, password)
	return person, knows && admitted, err
}

// failed puts the failure on record, about the person whose account it was, so that they are told.
func (r *Recoveries) failed(
	ctx context.Context, person provisioning.Person, address string,
) error {
	_, err := r.c.Ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.FailRecovery(s, r.c.now(), person, address), nil
	})
	if err != nil {
		return err
	}
	return provisioning.Refuse(provisioning.CodeRecoveryNo)
}
