package visit

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// IssueAlone issues the recovery passcode of a person nobody sees, once every answer of theirs
// matched. Digits shows it when the verifier has taken it.
func (r *Runner) IssueAlone(
	ctx context.Context, person provisioning.Person, address string,
) (provisioning.PasscodeID, error) {
	terms, known := r.site.PasscodesOf(provisioning.PasscodeRecovery)
	if !known {
		return "", provisioning.Refuse(provisioning.CodeRecoveryClosed)
	}
	prepared, err := r.prepareFor(person, terms)
	if err != nil {
		return "", err
	}
	_, err = r.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Recovered(s, r.site, r.now(), person, address, prepared)
	})
	return r.granted(prepared.ID, err)
}

// IssueByMail carries out an officer's order of a passcode for somebody who wrote a message. Digits
// gives it to whoever delivers it; Delivered says what became of that.
func (r *Runner) IssueByMail(
	ctx context.Context, o provisioning.Order, c provisioning.IssueByMail,
) (provisioning.PasscodeID, error) {
	_, terms, _ := r.site.PasscodeFor(c.Situation)
	prepared, err := r.prepareFor(c.Person, terms)
	if err != nil {
		return "", err
	}
	now := r.now()
	o.Desk, o.At, o.Synced = now.Desk, now.At, now.Synced
	c.Prepared = prepared
	o.Command = c
	done, err := r.decide(ctx, o)
	if err == nil && done.refusal != nil {
		err = done.refusal
	}
	if err == nil && !done.fresh {
		err = provisioning.Refuse(provisioning.CodePostedBefore)
	}
	return r.granted(prepared.ID, err)
}

// prepareFor makes and seals the codes of a person, and keeps them.
func (r *Runner) prepareFor(
	person provisioning.Person, terms provisioning.PasscodeTerms,
) (provisioning.PreparedPasscode, error) {
	codes := newPasscodes(terms.Codes())
	prepared, err := r.preparePasscode(person, terms, codes)
	if err != nil {
		wipePasscodes(codes)
		return prepared, err
	}
	r.keep(prepared.ID, codes)
	return prepared, nil
}

// granted keeps the codes only of a passcode that was issued.
func (r *Runner) granted(
	id provisioning.PasscodeID, err error,
) (provisioning.PasscodeID, error) {
	if err == nil {
		return id, nil
	}
	r.forget(id)
	var refusal *provisioning.Refusal
	if errors.As(err, &refusal) {
		return "", refusal
	}
	return "", fmt.Errorf("issue a passcode: %w", err)
}

// Digits returns copies of the codes of a passcode without a visit, once the verifier has taken it.
// It refuses with passcode_waiting before, and with passcode_gone when there is nothing to wait
// for.
func (r *Runner) Digits(id provisioning.PasscodeID) ([]secret.Passcode, error) {
	p, ok := provisioning.Get[provisioning.Passcode](r.ledger.Snapshot(), string(id))
	switch {
	case !ok || p.Visit != "":
		return nil, provisioning.Refuse(provisioning.CodePasscodeGone)
	case p.State == provisioning.PasscodeIssued:
		return nil, provisioning.Refuse(provisioning.CodePasscodeWaiting)
	}
	codes := r.copies(id)
	if len(codes) == 0 {
		return nil, provisioning.Refuse(provisioning.CodePasscodeGone)
	}
	return codes, nil
}

// RevealAlone puts on record that the person asked to see the digits.
func (r *Runner) RevealAlone(ctx context.Context, id provisioning.PasscodeID) error {
	_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.RevealedAlone(s, r.now(), id)
	})
	return err
}

// Delivered puts on record what became of a passcode sent by mail, and drops its digits.
func (r *Runner) Delivered(ctx context.Context, id provisioning.PasscodeID, ok bool) error {
	defer r.forget(id)
	_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
		return provisioning.SentByMail(s, r.now(), id, ok)
	})
	return err
}

// Forget drops the digits of a passcode without a visit: the person has them, or has left.
func (r *Runner) Forget(id provisioning.PasscodeID) { r.forget(id) }
