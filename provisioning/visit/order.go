package visit

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Do carries an order out, as kiosk.Visits says. It returns once the order is durable: what it set
// going on a token goes on in Run, and its visit's row says how far it is.
func (r *Runner) Do(
	ctx context.Context, o provisioning.Order,
) (provisioning.VisitID, error) {
	now := r.now()
	o.Desk, o.At, o.Synced = now.Desk, now.At, now.Synced
	switch c := o.Command.(type) {
	case provisioning.Open:
		o.Tag = r.tag(c.Person.Account)
	case provisioning.Choose, provisioning.Confirm:
		o.Tag = r.tagOf(o.Visit)
	case provisioning.OrderElsewhere:
		d, err := r.orderElsewhere(ctx, o, c)
		return d.result(err)
	case provisioning.Write:
		o.Tag = r.tagOf(o.Visit)
		return r.withHand(ctx, o, func() (done, error) { return r.write(ctx, o, c) })
	case provisioning.TakeBack:
		if !c.ByHand {
			return r.withHand(ctx, o, func() (done, error) { return r.takeBack(ctx, o, c) })
		}
	case provisioning.IssuePasscode:
		return r.withHand(ctx, o, func() (done, error) { return r.issue(ctx, o, c) })
	case provisioning.Reveal:
		v, _ := provisioning.Get[provisioning.Visit](r.ledger.Snapshot(), string(o.Visit))
		o.Command = provisioning.Reveal{Held: r.holdsDigits(v.Passcode)}
	case provisioning.Restock:
		return r.withHand(ctx, o, func() (done, error) { return r.restock(ctx, o, c) })
	}
	d, err := r.decide(ctx, o)
	return d.result(err)
}

// done is what became of an order.
type done struct {
	visit   provisioning.VisitID
	refusal *provisioning.Refusal
	// fresh: the order was allowed just now, and not by an earlier post of the same form.
	fresh bool
}

// result is what the caller of Do gets: a nil *Refusal is no error.
func (d done) result(err error) (provisioning.VisitID, error) {
	if err == nil && d.refusal != nil {
		err = d.refusal
	}
	return d.visit, err
}

// withHand runs an order that takes a token over. Orders of this kind wait for each other; one that
// waited for its own twin finds the op known and repeats nothing.
func (r *Runner) withHand(
	ctx context.Context, o provisioning.Order, order func() (done, error),
) (provisioning.VisitID, error) {
	select {
	case r.hand <- struct{}{}:
		defer func() { <-r.hand }()
	case <-ctx.Done():
		return o.Visit, ctx.Err()
	}
	if _, known := provisioning.Get[provisioning.OpResult](r.ledger.Snapshot(), string(o.Op)); known {
		d, err := r.decide(ctx, o)
		return d.result(err)
	}
	d, err := order()
	return d.result(err)
}

// decide asks the rules inside the single writer. A refusal that is on record is committed, too.
func (r *Runner) decide(ctx context.Context, o provisioning.Order) (done, error) {
	var out done
	_, err := r.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, err := provisioning.Decide(s, r.site, o)
		out = done{visit: resultOf(change, o), fresh: err == nil}
		if errors.As(err, &out.refusal) && !change.IsZero() {
			return change, nil
		}
		return change, err
	})
	var repeated *provisioning.Repeated
	switch {
	case errors.As(err, &repeated):
		return done{visit: repeated.Result.Visit, refusal: repeated.Refusal()}, nil
	case out.refusal != nil && errors.Is(err, out.refusal):
		return out, nil
	case err != nil:
		return done{visit: o.Visit}, fmt.Errorf("carry out an order: %w", err)
	}
	return out, nil
}

// resultOf is the visit an order led to.
func resultOf(c provisioning.Change, o provisioning.Order) provisioning.VisitID {
	for _, row := range c.Rows() {
		if op, ok := row.(provisioning.OpResult); ok {
			return op.Visit
		}
	}
	return o.Visit
}
