package officer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// writeFor is how long writing a slot may take. It is not given up because somebody left.
const writeFor = 10 * time.Second

// Enrol makes the token that is on loan to the officer their key: it writes a fresh key into the
// slot the loan does not use, and has one touch prove it. overwrite confirms that what is in the
// slot may be erased. The intent is durable before the token is written, and the key counts only
// once the proof is durable.
func (o *Officers) Enrol(
	ctx context.Context, id provisioning.OfficerID, overwrite bool, tell func(provisioning.KeyWait),
) error {
	ctx, cancel := context.WithTimeout(ctx, provisioning.TouchFor)
	defer cancel()
	e, err := o.enrolment(id)
	if err != nil {
		return err
	}
	plug, err := o.await(ctx, tell, func(t provisioning.TokenID) bool { return t == e.key.Token })
	if err != nil {
		return err
	}
	dev, err := o.open(ctx, plug)
	if err != nil {
		return err
	}
	defer dev.Close()
	if err := e.mayWrite(ctx, dev, overwrite, o.tokens.KeepForeign); err != nil {
		return err
	}
	if err := o.write(ctx, dev, e); err != nil {
		return err
	}
	next, err := answered(ctx, dev, e.key, tell)
	if err != nil {
		return e.failed(ctx, provisioning.Refuse(CodeKeyDoubtful))
	}
	next.State = provisioning.KeyReady
	return e.commit(ctx, "officer.enrolled", "done", next)
}

// enrolment is one under way.
type enrolment struct {
	o       *Officers
	officer provisioning.Officer
	// old is the key before, if there is one; key the one that is made.
	old, key provisioning.OfficerKey
	had      bool
}

// enrolment finds the token that was lent to the officer.
func (o *Officers) enrolment(id provisioning.OfficerID) (*enrolment, error) {
	s := o.ledger.Snapshot()
	row, known := provisioning.Get[provisioning.Officer](s, string(id))
	if !known || row.Disabled {
		return nil, provisioning.Refuse(CodeDisabled)
	}
	loan, lent := provisioning.OpenLoan(s, row.Person)
	if row.Person == "" || !lent || loan.State != provisioning.LoanOpen {
		return nil, provisioning.Refuse(CodeKeyNotLent)
	}
	if holder, held := provisioning.KeyHolder(s, loan.Token); held && holder != id {
		return nil, provisioning.Refuse(CodeKeyOther)
	}
	lentToken, _ := provisioning.Get[provisioning.Token](s, string(loan.Token))
	e := &enrolment{o: o, officer: row}
	e.old, e.had = provisioning.Get[provisioning.OfficerKey](s, string(id))
	now, _ := o.clock()
	e.key = provisioning.OfficerKey{Officer: id, Token: loan.Token, Slot: 3 - lentToken.Slot,
		State: provisioning.KeyIntended, Since: now}
	if o.tokens.Codes != nil {
		e.key.Generation = o.tokens.Codes.Generation()
	}
	return e, nil
}

// mayWrite refuses a slot that holds what this desk did not write, unless that was confirmed.
func (e *enrolment) mayWrite(
	ctx context.Context, dev provisioning.Device, overwrite, keepForeign bool,
) error {
	info, err := dev.Identify(ctx)
	if err != nil {
		return unanswered(err)
	}
	ours := e.had && e.old.Token == e.key.Token && e.old.Slot == e.key.Slot
	for _, slot := range info.Slots {
		if slot.Number == e.key.Slot && slot.Configured && !ours && (!overwrite || keepForeign) {
			return provisioning.Refuse(provisioning.CodeSlotInUse, "slot", strconv.Itoa(e.key.Slot))
		}
	}
	return nil
}

// write commits the intent and programs the slot. The key is here from its making to the end of
// this.
func (o *Officers) write(ctx context.Context, dev provisioning.Challenger, e *enrolment) error {
	row, key := newKey(e.key)
	defer key.Wipe()
	e.key = row
	if err := e.commit(ctx, "officer.enrol", provisioning.OutcomeIntended, row); err != nil {
		return err
	}
	config := provisioning.ChallengeConfig{Slot: row.Slot, Key: key}
	config.Current, config.New = o.guards(e)
	defer config.Current.Wipe()
	defer config.New.Wipe()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeFor)
	defer cancel()
	err := dev.ProgramChallenge(bounded, config)
	switch {
	case errors.Is(err, provisioning.ErrUntouched):
		return e.untouched(ctx, provisioning.Refuse(CodeKeyUnwritten))
	case err != nil:
		return e.failed(ctx, provisioning.Refuse(CodeKeyDoubtful))
	}
	return nil
}

// guards are the access code that may open the slot and the one that guards it from now on.
func (o *Officers) guards(e *enrolment) (current, next secret.AccessCode) {
	if o.tokens.Codes == nil || e.key.Generation == 0 {
		return current, next
	}
	serial := provisioning.SerialOf(e.key.Token)
	next, err := o.tokens.Codes.Code(e.key.Generation, serial)
	if err != nil {
		return current, secret.AccessCode{}
	}
	if e.had && e.old.Token == e.key.Token && e.old.Generation != 0 {
		current, _ = o.tokens.Codes.Code(e.old.Generation, serial)
	}
	return current, next
}

// untouched puts the key back that was there before: the slot is as it was.
func (e *enrolment) untouched(ctx context.Context, why error) error {
	back := e.old
	if !e.had {
		back = e.key
		back.State, back.Nonce, back.Answers = provisioning.KeyDropped, "", ""
	}
	return errors.Join(why, e.commit(ctx, "officer.unenrolled", "done", back))
}

// failed leaves the key intended: nobody can use it, and it is enrolled anew.
func (e *enrolment) failed(ctx context.Context, why error) error {
	e.key.Nonce, e.key.Answers = "", ""
	return errors.Join(why,
		e.commit(ctx, "officer.unenrolled", provisioning.OutcomeDoubtful, e.key))
}

func (e *enrolment) commit(
	ctx context.Context, act provisioning.Act, outcome string, row provisioning.OfficerKey,
) error {
	_, err := e.o.ledger.Do(context.WithoutCancel(ctx),
		func(provisioning.Snapshot) (provisioning.Change, error) {
			entry := e.o.entry(string(e.officer.ID), act, outcome)
			entry.Rule, entry.Token = "officer.key", row.Token
			entry.Detail = map[string]string{"slot": strconv.Itoa(row.Slot)}
			return provisioning.NewChange(entry).Put(row), nil
		})
	return err
}
