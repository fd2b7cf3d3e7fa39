package officer

import (
	"context"
	"errors"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Refusals about officers' own tokens.
const (
	// CodeKeyNone: the officer has no token as a key, and here a PIN alone is not enough.
	CodeKeyNone provisioning.Code = "key_none"
	// CodeKeyNobody: no other officer has a token as a key.
	CodeKeyNobody provisioning.Code = "key_nobody"
	// CodeKeyWrong: the token gave a wrong answer; param left as in CodePINWrong.
	CodeKeyWrong provisioning.Code = "key_wrong"
	// CodeKeyAbsent: the officer's token was not plugged in in time. No try was taken.
	CodeKeyAbsent provisioning.Code = "key_absent"
	// CodeKeyNoTouch: it was not touched in time. No try was taken.
	CodeKeyNoTouch provisioning.Code = "key_no_touch"
	// CodeKeyPulled: it was pulled out before it had answered. No try was taken.
	CodeKeyPulled provisioning.Code = "key_pulled"
	// CodeKeyUnread: it does not answer, or something else has it. No try was taken.
	CodeKeyUnread provisioning.Code = "key_unread"
	// CodeKeyNotLent: to enrol, a token has to be on loan to the officer.
	CodeKeyNotLent provisioning.Code = "key_not_lent"
	// CodeKeyOther: the token is another officer's key.
	CodeKeyOther provisioning.Code = "key_other"
	// CodeKeyUnwritten: the token refused to be enrolled; nothing was changed.
	CodeKeyUnwritten provisioning.Code = "key_unwritten"
	// CodeKeyDoubtful: the enrolment was cut short; the officer has no key until it is done again.
	CodeKeyDoubtful provisioning.Code = "key_doubtful"
)

// AccessCodes derives the codes that guard slots.
type AccessCodes interface {
	// Generation is the current one; 0 means that the site has no codes.
	Generation() int
	// Code is the code of one generation for one token.
	Code(generation int, serial string) (secret.AccessCode, error)
}

// Tokens say how officers' own tokens are reached and what is asked of them. Without a Bench there
// are none.
type Tokens struct {
	Bench provisioning.Bench
	// Codes guard the slots; nil where the site uses none.
	Codes AccessCodes
	// PINAlone lets an officer without a token unlock the desk.
	PINAlone bool
	// KeepForeign refuses to overwrite what a slot holds, whoever confirms it.
	KeepForeign bool
}

// proof is a key as it was when its token was asked, and as the answer leaves it. A nil proof is
// none.
type proof struct{ was, is provisioning.OfficerKey }

// settle puts the answered key into a change, if it still is the one that was asked.
func (p *proof) settle(
	s provisioning.Snapshot, c provisioning.Change,
) (provisioning.Change, error) {
	if p == nil {
		return c, nil
	}
	if now, ok := provisioning.KeyOf(s, p.was.Officer); !ok || now != p.was {
		return provisioning.Change{}, provisioning.Refuse(CodeKeyUnread)
	}
	return c.Put(p.is), nil
}

// Unlock takes a PIN and then, of an officer who has one, the answer of their token. It tells what
// it waits for, and takes no longer than provisioning.TouchFor. An officer without a token is let
// in only where a PIN alone is enough.
func (o *Officers) Unlock(
	ctx context.Context, id provisioning.OfficerID, pin secret.PIN, tell func(provisioning.KeyWait),
) (provisioning.Officer, error) {
	t, err := o.try(ctx, id, pin)
	if err != nil {
		return provisioning.Officer{}, err
	}
	if _, has := provisioning.KeyOf(o.ledger.Snapshot(), id); !has {
		if o.tokens.PINAlone {
			return o.admit(ctx, t, nil)
		}
		return provisioning.Officer{}, o.unsettled(ctx, t, provisioning.Refuse(CodeKeyNone))
	}
	ctx, cancel := context.WithTimeout(ctx, provisioning.TouchFor)
	defer cancel()
	key, dev, err := o.take(ctx, provisioning.Whose{ID: id}, tell)
	if err == nil {
		var p *proof
		if p, err = o.ask(ctx, dev, key, tell); err == nil {
			return o.admit(context.WithoutCancel(ctx), t, p)
		}
	}
	return provisioning.Officer{}, o.unsettled(ctx, t, err)
}

// unsettled ends a try that did not succeed: a wrong answer stays counted, anything else was no try.
func (o *Officers) unsettled(ctx context.Context, t try, why error) error {
	if errors.Is(why, errWrong) {
		return wrong(CodeKeyWrong, t.failures)
	}
	return errors.Join(why, o.giveBack(ctx, t))
}

// Touch takes the answer of a token alone, and returns whose it was.
func (o *Officers) Touch(
	ctx context.Context, who provisioning.Whose, tell func(provisioning.KeyWait),
) (provisioning.OfficerID, error) {
	ctx, cancel := context.WithTimeout(ctx, provisioning.TouchFor)
	defer cancel()
	key, dev, err := o.take(ctx, who, tell)
	if err != nil {
		return "", err
	}
	failures, err := o.reserve(ctx, key.Officer)
	if err != nil {
		return "", errors.Join(err, dev.Close())
	}
	t := try{id: key.Officer, failures: failures}
	p, err := o.ask(ctx, dev, key, tell)
	if err != nil {
		return "", o.unsettled(ctx, t, err)
	}
	return key.Officer, o.touched(context.WithoutCancel(ctx), t, p)
}

// touched records a touch. It forgives no failures but its own: no PIN was asked for.
func (o *Officers) touched(ctx context.Context, t try, p *proof) error {
	_, err := o.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		row, ok := provisioning.Get[provisioning.Officer](s, string(t.id))
		if !ok || row.Disabled {
			return provisioning.Change{}, provisioning.Refuse(CodeDisabled)
		}
		e := o.entry(string(t.id), "officer.touch", "done")
		e.Token, e.Rule = p.is.Token, "officer.touch"
		return p.settle(s, provisioning.NewChange(e).Put(untried(row, t.failures)))
	})
	return err
}
