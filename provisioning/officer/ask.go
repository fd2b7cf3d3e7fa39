package officer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// errWrong is an answer that does not match.
var errWrong = errors.New("the token's answer is wrong")

// plugGrace is how long a token may be missing before it is asked for: one that was just used is
// identified again.
const plugGrace = 600 * time.Millisecond

// token is an open one that answers challenges.
type token interface {
	provisioning.Device
	provisioning.Challenger
}

// take waits until a token is plugged in that counts as a key of the officers wanted, and opens it.
func (o *Officers) take(
	ctx context.Context, who provisioning.Whose, tell func(provisioning.KeyWait),
) (provisioning.OfficerKey, token, error) {
	if err := o.anyKey(who); err != nil {
		return provisioning.OfficerKey{}, nil, err
	}
	var key provisioning.OfficerKey
	plug, err := o.await(ctx, tell, func(id provisioning.TokenID) (ok bool) {
		key, ok = o.keyIn(who, id)
		return ok
	})
	if err != nil {
		return key, nil, err
	}
	dev, err := o.open(ctx, plug)
	return key, dev, err
}

// keyIn is the key in a token, where it is one of those wanted.
func (o *Officers) keyIn(
	who provisioning.Whose, id provisioning.TokenID,
) (provisioning.OfficerKey, bool) {
	s := o.ledger.Snapshot()
	holder, ok := provisioning.KeyHolder(s, id)
	if !ok || (holder == who.ID) == who.Other {
		return provisioning.OfficerKey{}, false
	}
	return provisioning.KeyOf(s, holder)
}

// anyKey refuses to wait for a token that nobody has.
func (o *Officers) anyKey(who provisioning.Whose) error {
	s := o.ledger.Snapshot()
	if !who.Other {
		if _, has := provisioning.KeyOf(s, who.ID); !has {
			return provisioning.Refuse(CodeKeyNone)
		}
		return nil
	}
	for key := range provisioning.All[provisioning.OfficerKey](s) {
		if _, has := provisioning.KeyOf(s, key.Officer); has && key.Officer != who.ID {
			return nil
		}
	}
	return provisioning.Refuse(CodeKeyNobody)
}

// await waits until a token that fits is plugged in and identified.
func (o *Officers) await(
	ctx context.Context, tell func(provisioning.KeyWait), fits func(provisioning.TokenID) bool,
) (plug string, err error) {
	if o.tokens.Bench == nil {
		return "", provisioning.Refuse(CodeKeyAbsent)
	}
	absent := time.NewTimer(plugGrace)
	defer absent.Stop()
	for {
		changed := o.tokens.Bench.Changed()
		for _, p := range o.tokens.Bench.Plugs() {
			if p.Usable && p.Info != nil && p.Info.Serial != "" && fits(p.Info.ID()) {
				return p.ID, nil
			}
		}
		select {
		case <-changed:
		case <-absent.C:
			tell(provisioning.WaitPlug)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", provisioning.Refuse(CodeKeyAbsent)
			}
			return "", ctx.Err()
		}
	}
}

func (o *Officers) open(ctx context.Context, plug string) (token, error) {
	dev, err := o.tokens.Bench.Open(ctx, plug)
	if err != nil {
		return nil, unanswered(err)
	}
	able, ok := dev.(token)
	if !ok {
		return nil, errors.Join(provisioning.Refuse(CodeKeyUnread), dev.Close())
	}
	return able, nil
}

// ask has the token answer the key's next challenge, and a fresh one where that was the last. It
// gives the token back.
func (o *Officers) ask(
	ctx context.Context, dev token, key provisioning.OfficerKey, tell func(provisioning.KeyWait),
) (*proof, error) {
	next, err := answered(ctx, dev, key, tell)
	// A token that cannot be closed has been pulled out: it has answered all the same.
	_ = dev.Close()
	if err != nil {
		return nil, err
	}
	return &proof{was: key, is: next}, nil
}

func answered(
	ctx context.Context, dev provisioning.Challenger, key provisioning.OfficerKey, tell func(provisioning.KeyWait),
) (provisioning.OfficerKey, error) {
	response, err := respond(ctx, dev, key, key.Next, func() { tell(provisioning.WaitTouch) })
	if err != nil {
		return key, err
	}
	defer response.Wipe()
	if !right(key, response) {
		return key, errWrong
	}
	next := spend(key)
	if next.Answers != "" {
		return next, nil
	}
	more, err := respond(ctx, dev, next, next.Made, func() { tell(provisioning.WaitAgain) })
	if err != nil {
		return key, err
	}
	defer more.Wipe()
	return restock(next, more), nil
}

// respond asks until somebody touches the token: it gives up by itself after some seconds.
func respond(
	ctx context.Context, dev provisioning.Challenger, key provisioning.OfficerKey, n uint32,
	waiting func(),
) (secret.Response, error) {
	for {
		response, err := dev.Challenge(ctx, key.Slot, challenge(key, n), waiting)
		if errors.Is(err, provisioning.ErrNoTouch) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return secret.Response{}, unanswered(err)
		}
		return response, nil
	}
}

// unanswered says why a token gave no answer.
func unanswered(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("ask an officer's token: %w", err)
	case errors.Is(err, provisioning.ErrNoTouch), errors.Is(err, context.DeadlineExceeded):
		return provisioning.Refuse(CodeKeyNoTouch)
	case errors.Is(err, provisioning.ErrGone):
		return provisioning.Refuse(CodeKeyPulled)
	}
	return provisioning.Refuse(CodeKeyUnread)
}
