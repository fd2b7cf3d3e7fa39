package visit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

const (
	// seedSize is the length of HMAC-SHA-1's output, which RFC 4226 section 4 (R6) recommends.
	seedSize = 20
	// window is how many codes are kept to know the token by. It is the look-ahead the verifier
	// allows, too.
	window = 10
)

// writing is the journal of one loan from its intent on.
type writing struct {
	r    *Runner
	grip *grip
	// credential being written.
	credential provisioning.CredentialID
	config     provisioning.SlotConfig
	// openers are tried as SlotConfig.Current, once each.
	openers []secret.AccessCode
	// expected are the first codes of the seed: all that is left of it after the write.
	expected []secret.OTP
}

// write takes the token over, makes and seals the seed, and has the intent committed. Only then is
// the token written to, in Run.
func (r *Runner) write(
	ctx context.Context, o provisioning.Order, c provisioning.Write,
) (done, error) {
	s := r.ledger.Snapshot()
	v, _ := provisioning.Get[provisioning.Visit](s, string(o.Visit))
	g, no := r.grasp(ctx, v.Token)
	c.Hand = provisioning.Hand{Trouble: no}
	if no != nil {
		o.Command = c
		return r.decide(ctx, o)
	}
	c.Hand.Token = g.info
	j, err := r.prepare(s, v, g, &c, o)
	if err != nil {
		r.release(g)
		return done{visit: o.Visit}, err
	}
	o.Command = c
	out, err := r.decide(ctx, o)
	if err != nil || !out.fresh {
		if cerr := j.close(); cerr != nil {
			r.log.Debug("close token", "plug", g.plug, "err", cerr)
		}
		return out, err
	}
	r.begin(j)
	return out, nil
}

// prepare makes the seed, the codes it will give, and its sealed record.
func (r *Runner) prepare(
	s provisioning.Snapshot, v provisioning.Visit, g *grip, c *provisioning.Write,
	o provisioning.Order,
) (*writing, error) {
	person, _ := provisioning.Get[provisioning.Person](s, string(v.Person))
	token, _ := provisioning.Get[provisioning.Token](s, string(v.Token))
	generation := r.generation()
	j := &writing{r: r, grip: g, credential: provisioning.CredentialID(randomID()),
		openers: r.openers(token)}
	j.config = provisioning.SlotConfig{
		Slot: v.Slot, Seed: newSeed(), Digits: r.site.Digits, Enter: true,
	}
	var err error
	if generation != 0 {
		if j.config.New, err = r.codes.Code(generation, g.info.Serial); err != nil {
			return nil, fmt.Errorf("derive the new access code: %w", err)
		}
	}
	if j.expected, err = oath.Expected(j.config.Seed, 0, window, r.site.Digits); err != nil {
		return nil, fmt.Errorf("compute the expected codes: %w", err)
	}
	record, err := r.sealer.SealSeed(r.record(feed.KindSeed, j.credential, r.now()), feed.SeedBody{
		User: person.Account, Site: r.site.ID, Vendor: g.info.Vendor, Serial: g.info.Serial,
		Seed: j.config.Seed, Digits: r.site.Digits,
	})
	if err != nil {
		return nil, fmt.Errorf("seal a seed: %w", err)
	}
	c.Prepared = provisioning.Prepared{Credential: j.credential, Seed: record, Person: person.ID,
		Token: v.Token, Generation: generation}
	return j, nil
}

func (r *Runner) record(
	kind feed.Kind, id provisioning.CredentialID, now provisioning.Now,
) feed.Record {
	return feed.Record{ID: randomID(), Desk: string(r.desk), Kind: kind, Credential: string(id),
		At: now.At.UTC().Truncate(time.Millisecond), Synced: now.Synced}
}

// randomID is 16 random bytes in hex.
func randomID() string {
	raw := make([]byte, 16)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

func newSeed() secret.Seed {
	raw := make([]byte, seedSize)
	defer clear(raw)
	rand.Read(raw)
	return secret.NewSeed(raw)
}

func (j *writing) plug() string { return j.grip.plug }

func (j *writing) close() error {
	j.forget()
	for _, code := range j.expected {
		code.Wipe()
	}
	return j.grip.dev.Close()
}

// forget drops everything that opens or copies a token: the seed and the access codes.
func (j *writing) forget() {
	j.config.Seed.Wipe()
	j.config.New.Wipe()
	j.config.Current.Wipe()
	for _, code := range j.openers {
		code.Wipe()
	}
}

// run writes, waits for the touch, and sends the proof.
func (j *writing) run(ctx context.Context) {
	err := j.program(ctx)
	j.forget()
	if err != nil {
		j.fail(ctx, err)
		return
	}
	if !j.commit(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Wrote(s, j.r.now(), j.credential)
	}) {
		return
	}
	if err := j.prove(ctx); err != nil && ctx.Err() == nil {
		j.fail(ctx, err)
	}
}

// program is not given up when the visit ends or the desk stops: a write cut short helps nobody.
func (j *writing) program(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeFor)
	defer cancel()
	return tryEach(j.openers, func(current secret.AccessCode) error {
		config := j.config
		config.Current = current
		return j.grip.dev.Program(ctx, config)
	})
}

// fail ends the journal with the problem the error stands for.
func (j *writing) fail(ctx context.Context, err error) {
	code, untouched := problem(err)
	j.commit(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Failed(s, j.r.now(), j.credential, code, untouched)
	})
}

// commit makes one step of the journal durable. It returns false when the journal is over.
func (j *writing) commit(
	ctx context.Context, step func(provisioning.Snapshot) (provisioning.Change, error),
) bool {
	_, err := j.r.ledger.Do(context.WithoutCancel(ctx), step)
	if err != nil && !errors.Is(err, provisioning.ErrJournalOver) {
		j.r.log.Error("commit a journal's step", "credential", j.credential, "err", err)
	}
	return err == nil
}

// stopped is a journal that ends with a known problem.
type stopped struct{ code provisioning.Code }

func (s stopped) Error() string { return "the journal stopped: " + string(s.code) }

// problem tells what a failed write was, and whether the slot is certainly as it was. What no
// driver vouched for is in doubt.
func problem(err error) (code provisioning.Code, untouched bool) {
	gone := errors.Is(err, provisioning.ErrGone)
	var known stopped
	switch {
	case errors.As(err, &known):
		return known.code, false
	case errors.Is(err, provisioning.ErrUnknownOutcome) && gone:
		return provisioning.CodePulledWriting, false
	case errors.Is(err, provisioning.ErrUnknownOutcome):
		return provisioning.CodeWriteUnknown, false
	case errors.Is(err, provisioning.ErrProtected):
		return provisioning.CodeSlotProtected, true
	case errors.Is(err, provisioning.ErrUntouched) && gone:
		return provisioning.CodePulledBeforeWrite, true
	case errors.Is(err, provisioning.ErrUntouched):
		return provisioning.CodeWriteRefused, true
	case gone:
		return provisioning.CodePulledWriting, false
	}
	return provisioning.CodeWriteUnknown, false
}
