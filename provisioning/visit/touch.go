package visit

import (
	"context"
	"errors"
	"sync"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// touches is how often a token may type something else before it is a problem.
const touches = 3

// prove waits until the token types one of the codes its seed gives, and sends that to the
// verifier.
func (j *writing) prove(ctx context.Context) error {
	ctx, stop := j.whileWritten(ctx)
	defer stop()
	for try := 1; ; try++ {
		typed, err := j.awaitTouch(ctx)
		if err != nil {
			return err
		}
		if at, ok := oath.Find(j.expected, typed); ok {
			err := j.proven(ctx, typed, uint64(at)+1)
			typed.Wipe()
			return err
		}
		typed.Wipe()
		if try == touches {
			return stopped{provisioning.CodeOTPUnknown}
		}
		j.commit(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.Mistouched(s, j.r.now(), j.credential, try)
		})
	}
}

// awaitTouch reads until the visit's TouchBy, which moves when somebody says that they are still
// there.
func (j *writing) awaitTouch(ctx context.Context) (secret.OTP, error) {
	for {
		until := j.visit().TouchBy
		left := until.Sub(j.r.clock.Now())
		if left <= 0 {
			return secret.OTP{}, stopped{provisioning.CodeNoTouch}
		}
		reading, cancel := context.WithTimeout(ctx, left)
		typed, err := j.grip.dev.ReadOTP(reading, j.config.Digits)
		late := reading.Err() != nil || errors.Is(err, provisioning.ErrNoTouch)
		cancel()
		switch {
		case err == nil:
			return typed, nil
		case ctx.Err() != nil:
			return secret.OTP{}, ctx.Err()
		case errors.Is(err, provisioning.ErrGone):
			return secret.OTP{}, stopped{provisioning.CodePulledTouch}
		case !late:
			return secret.OTP{}, stopped{provisioning.CodeTouchUnread}
		case !j.visit().TouchBy.After(until):
			return secret.OTP{}, stopped{provisioning.CodeNoTouch}
		}
	}
}

// visit is the visit this journal is about, or none when it is over.
func (j *writing) visit() provisioning.Visit {
	s := j.r.ledger.Snapshot()
	c, _ := provisioning.Get[provisioning.Credential](s, string(j.credential))
	if c.State != provisioning.CredentialWritten {
		return provisioning.Visit{}
	}
	v, _ := provisioning.Get[provisioning.Visit](s, string(c.Visit))
	return v
}

// whileWritten ends the context when the journal is over: the visit ended, or was dropped.
func (j *writing) whileWritten(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			changed := j.r.ledger.Changed()
			if j.visit().ID == "" {
				cancel()
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	})
	return ctx, func() {
		cancel()
		watching.Wait()
	}
}

// proven seals what the token typed and commits it with the counter after it.
func (j *writing) proven(ctx context.Context, typed secret.OTP, next uint64) error {
	proof, err := j.r.sealer.SealProof(j.r.record(feed.KindProof, j.credential, j.r.now()),
		feed.ProofBody{OTPs: []secret.OTP{typed}})
	if err != nil {
		j.r.log.Error("seal a proof", "credential", j.credential, "err", err)
		return stopped{provisioning.CodeInterrupted}
	}
	j.commit(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Proved(s, j.r.now(), j.credential, next, proof)
	})
	return nil
}
