package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// ByMail issues passcodes that are sent, and keeps the digits until they were.
type ByMail interface {
	IssueByMail(ctx context.Context, o provisioning.Order,
		c provisioning.IssueByMail) (provisioning.PasscodeID, error)
	Digits(id provisioning.PasscodeID) ([]secret.Passcode, error)
	Delivered(ctx context.Context, id provisioning.PasscodeID, ok bool) error
}

// Deliver sends digits to a person's registered mail address, and returns once the mail server has
// taken them.
type Deliver func(ctx context.Context, person provisioning.Person, p provisioning.Passcode,
	codes []secret.Passcode) error

// Requests are requests by mail.
type Requests struct {
	c       Config
	byMail  ByMail
	deliver Deliver
	// comparing is held from the look at the misses to their count: one officer's forms, posted at
	// once, are compared one after the other.
	comparing sync.Mutex
}

// NewRequests checks the configuration.
func NewRequests(c Config, byMail ByMail, deliver Deliver) (*Requests, error) {
	if byMail == nil || deliver == nil {
		return nil, errors.New("remote: requests need somebody who issues passcodes and delivers mail")
	}
	return &Requests{c: c, byMail: byMail, deliver: deliver}, c.check()
}

// Answer compares number and characters, issues the short passcode and sends it to the registered
// contact. It returns when the mail server has taken it; a passcode that could not be sent is
// revoked, and the refusal says so. The officer learns match or no match, and never a digit.
func (r *Requests) Answer(
	ctx context.Context, f provisioning.MailForm,
) (provisioning.Passcode, error) {
	person, err := r.compare(ctx, f)
	if err != nil {
		return provisioning.Passcode{}, err
	}
	id, err := r.byMail.IssueByMail(ctx, provisioning.Order{By: f.By, Op: f.Op},
		provisioning.IssueByMail{Person: person, Situation: f.Situation,
			Justification: f.Justification, Request: f.Request})
	if err != nil {
		return provisioning.Passcode{}, err
	}
	return r.send(ctx, person, id)
}

// compare finds the person a form is about, if number and characters belong together, and counts a
// miss if they do not.
func (r *Requests) compare(
	ctx context.Context, f provisioning.MailForm,
) (provisioning.Person, error) {
	r.comparing.Lock()
	defer r.comparing.Unlock()
	named, err := r.c.named(ctx, f.Number)
	if err != nil {
		return provisioning.Person{}, err
	}
	who := provisioning.TriedAs(named.ID, f.Number)
	no := provisioning.MayRequest(r.c.Ledger.Snapshot(), r.c.Site, r.c.now(), who)
	if no != nil {
		return provisioning.Person{}, cmp.Or[error](r.missed(ctx, f, who), no)
	}
	person, right, err := r.c.Directory.Matches(ctx,
		provisioning.Claim{Account: f.Number, DocumentHead: f.Head})
	if err != nil || right {
		return person, err
	}
	if err := r.missed(ctx, f, who); err != nil {
		return person, err
	}
	left := provisioning.RequestTriesLeft(r.c.Ledger.Snapshot(), r.c.now(), who)
	return person, provisioning.Refuse(provisioning.CodeRequestNoMatch, "left", strconv.Itoa(left))
}

// missed counts a miss. One too many is refused, and that is on record too.
func (r *Requests) missed(ctx context.Context, f provisioning.MailForm, who string) error {
	now := r.c.now()
	var no *provisioning.Refusal
	_, err := r.c.Ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, err := provisioning.Decide(s, r.c.Site, provisioning.Order{By: f.By, Op: f.Op,
			At: now.At, Synced: now.Synced, Desk: now.Desk,
			Command: provisioning.MissRequest{Who: who, Request: f.Request}})
		if errors.As(err, &no) && !change.IsZero() {
			return change, nil
		}
		return change, err
	})
	var repeated *provisioning.Repeated
	if errors.As(err, &repeated) || no != nil && errors.Is(err, no) {
		return nil
	}
	return err
}

// send waits until the verifier has the passcode and sends it. Nothing is sent that does not
// work, and nothing works that was not sent.
func (r *Requests) send(
	ctx context.Context, person provisioning.Person, id provisioning.PasscodeID,
) (provisioning.Passcode, error) {
	codes, err := r.digits(ctx, id)
	defer func() {
		for _, code := range codes {
			code.Wipe()
		}
	}()
	p, _ := provisioning.Get[provisioning.Passcode](r.c.Ledger.Snapshot(), string(id))
	if err == nil {
		err = r.deliver(ctx, person, p, codes)
	}
	// What became of it is put on record even when the officer's browser has left meanwhile.
	done := r.byMail.Delivered(context.WithoutCancel(ctx), id, err == nil)
	if done != nil {
		return p, fmt.Errorf("record a delivery: %w", done)
	}
	if err != nil {
		r.c.Log.Warn("a passcode was not delivered and is revoked", "passcode", string(id), "err", err)
		return p, provisioning.Refuse(provisioning.CodeNotDelivered)
	}
	return p, nil
}

// verdictFor is how long the verifier is waited for.
const verdictFor = 20 * time.Second

// digits waits until the verifier has taken the passcode.
func (r *Requests) digits(
	ctx context.Context, id provisioning.PasscodeID,
) ([]secret.Passcode, error) {
	ctx, cancel := context.WithTimeout(ctx, verdictFor)
	defer cancel()
	for {
		changed := r.c.Ledger.Changed()
		codes, err := r.byMail.Digits(id)
		if !errors.Is(err, provisioning.Refuse(provisioning.CodePasscodeWaiting)) {
			return codes, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
