package visit

import (
	"context"
	"errors"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// wiping empties what we wrote: the loan's slot, and the one of an officer's key.
type wiping struct {
	r     *Runner
	grip  *grip
	token provisioning.TokenID
	slots []slotToWipe
}

// slotToWipe is a slot with the codes that may open it, each to be tried once.
type slotToWipe struct {
	number  int
	openers []secret.AccessCode
}

// written are the slots this desk wrote.
func (r *Runner) written(t provisioning.Token) []slotToWipe {
	slots := []slotToWipe{{t.Slot, r.openers(t)}}
	for key := range provisioning.Find[provisioning.OfficerKey](
		r.ledger.Snapshot(), provisioning.ByToken, string(t.ID)) {
		guarded := t
		if key.Generation != 0 && key.Generation != t.Generation {
			guarded.Generation, guarded.Previous = key.Generation, t.Generation
		}
		slots = append(slots, slotToWipe{key.Slot, r.openers(guarded)})
	}
	return slots
}

// takeBack takes the token of a loan over, has the intent committed, and has it wiped in Run.
func (r *Runner) takeBack(
	ctx context.Context, o provisioning.Order, c provisioning.TakeBack,
) (done, error) {
	loan, _ := provisioning.Get[provisioning.Loan](r.ledger.Snapshot(), string(c.Loan))
	return r.wipe(ctx, loan.Token, func(h provisioning.Hand) (done, error) {
		c.Hand = h
		o.Command = c
		return r.decide(ctx, o)
	})
}

func (r *Runner) restock(
	ctx context.Context, o provisioning.Order, c provisioning.Restock,
) (done, error) {
	return r.wipe(ctx, c.Token, func(h provisioning.Hand) (done, error) {
		c.Hand = h
		o.Command = c
		return r.decide(ctx, o)
	})
}

func (r *Runner) wipe(
	ctx context.Context, id provisioning.TokenID, decide func(provisioning.Hand) (done, error),
) (done, error) {
	g, no := r.grasp(ctx, id)
	if no != nil {
		return decide(provisioning.Hand{Trouble: no})
	}
	token, _ := provisioning.Get[provisioning.Token](r.ledger.Snapshot(), string(id))
	j := &wiping{r: r, grip: g, token: id, slots: r.written(token)}
	out, err := decide(provisioning.Hand{Token: g.info})
	if err != nil || !out.fresh {
		if cerr := j.close(); cerr != nil {
			r.log.Debug("close token", "plug", g.plug, "err", cerr)
		}
		return out, err
	}
	r.begin(j)
	return out, nil
}

func (j *wiping) plug() string { return j.grip.plug }

func (j *wiping) close() error {
	for _, slot := range j.slots {
		for _, code := range slot.openers {
			code.Wipe()
		}
	}
	return j.grip.dev.Close()
}

// run erases and commits what became of it.
func (j *wiping) run(ctx context.Context) {
	err := j.erase(ctx)
	_, cerr := j.r.ledger.Do(context.WithoutCancel(ctx),
		func(s provisioning.Snapshot) (provisioning.Change, error) {
			if err != nil {
				return provisioning.WipeFailed(s, j.r.now(), j.token, wipeProblem(err))
			}
			return provisioning.Wiped(s, j.r.now(), j.token)
		})
	if cerr != nil && !errors.Is(cerr, provisioning.ErrJournalOver) {
		j.r.log.Error("commit a wipe's outcome", "token", j.token, "err", cerr)
	}
}

// erase empties the slots we wrote. One that is empty already, after a wipe whose outcome nobody
// recorded, or a token we never wrote, needs nothing.
func (j *wiping) erase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeFor)
	defer cancel()
	for _, slot := range j.slots {
		if !configured(j.grip.info, slot.number) {
			continue
		}
		err := tryEach(slot.openers, func(code secret.AccessCode) error {
			return j.grip.dev.Erase(ctx, slot.number, code)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func configured(info provisioning.TokenInfo, number int) bool {
	for _, slot := range info.Slots {
		if slot.Number == number {
			return slot.Configured
		}
	}
	return false
}

func wipeProblem(err error) provisioning.Code {
	gone := errors.Is(err, provisioning.ErrGone)
	switch {
	case errors.Is(err, provisioning.ErrUnknownOutcome) && gone:
		return provisioning.CodePulledWiping
	case errors.Is(err, provisioning.ErrUnknownOutcome):
		return provisioning.CodeWipeUnknown
	case errors.Is(err, provisioning.ErrProtected):
		return provisioning.CodeWipeProtected
	case errors.Is(err, provisioning.ErrUntouched) && gone:
		return provisioning.CodePulledBeforeWipe
	case errors.Is(err, provisioning.ErrUntouched):
		return provisioning.CodeWipeRefused
	case gone:
		return provisioning.CodePulledWiping
	}
	return provisioning.CodeWipeUnknown
}
