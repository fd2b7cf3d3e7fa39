package verifier

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// What an operator renews at the verifier, and the steps of it.
const (
	RenewFollower = "follower"
	RenewSealing  = "sealing"
	RenewAPI      = "api"
	RenewCaller   = "caller"

	// StepBegin puts a new key beside the old one. The follower's certificate then goes on by
	// itself, desk by desk.
	StepBegin = "begin"
	// StepSwitch has the API use its new certificate.
	StepSwitch = "switch"
	// StepRetire gives the old key up.
	StepRetire = "retire"
)

// RenewOrder is one step of a renewal.
type RenewOrder struct {
	What string `json:"what,omitempty"`
	Step string `json:"step,omitempty"`
	// Caller and Pin name a caller's new certificate, which ends at Ends.
	Caller string    `json:"caller,omitempty"`
	Pin    string    `json:"pin,omitempty"`
	Ends   time.Time `json:"ends,omitzero"`
}

// sealGrace is how long after it took a new bundle a desk may still commit what it had sealed by
// the old one: an order at the counter is over in seconds.
const sealGrace = 10 * time.Minute

// Renew carries one step out.
func (v *Verifier) Renew(o RenewOrder) error {
	v.renewing.Lock()
	defer v.renewing.Unlock()
	err := v.renew(o)
	if err != nil {
		return fmt.Errorf("renew the %s key: %w", o.What, err)
	}
	v.log.Info("a step of a renewal is done", "what", o.What, "step", o.Step, "caller", o.Caller)
	v.spreadSoon()
	return nil
}

func (v *Verifier) renew(o RenewOrder) error {
	switch o.What + " " + o.Step {
	case RenewFollower + " " + StepBegin:
		return v.beginFollower()
	case RenewSealing + " " + StepBegin:
		return v.beginSealing()
	case RenewSealing + " " + StepRetire:
		return v.retireSealing()
	case RenewAPI + " " + StepBegin:
		return v.beginAPI()
	case RenewAPI + " " + StepSwitch:
		return v.switchAPI()
	case RenewAPI + " " + StepRetire:
		return v.retireAPI()
	case RenewCaller + " " + StepBegin:
		return v.beginCaller(o.Caller, o.Pin, o.Ends)
	case RenewCaller + " " + StepRetire:
		return v.retireCaller(o.Caller)
	}
	return fmt.Errorf("there is no step %q of it", o.Step)
}

// makePair makes the next key and certificate of a kind. What a power cut left of an earlier try is
// removed: a key has no use before its certificate is there.
func (v *Verifier) makePair(base string, i Identity) (pin string, err error) {
	name, err := unused(v.dir, base, ".crt")
	if err != nil {
		return "", err
	}
	cert, key := filepath.Join(v.dir, name+".crt"), filepath.Join(v.dir, name+".key")
	if err := errors.Join(boltfile.RemoveDrafts(cert), boltfile.RemoveDrafts(key),
		boltfile.Remove(key)); err != nil {
		return "", err
	}
	return i.Write(cert, key)
}

// beginFollower announces another certificate to pull with. One that is under way goes on.
func (v *Verifier) beginFollower() error {
	b := v.InForce()
	if b.NextFollowerPin != "" || b.OldFollowerPin != "" {
		return nil
	}
	pin, err := v.makePair("follower", Identity{Name: b.Name, Now: v.clock()})
	if err != nil {
		return err
	}
	b.NextFollowerPin = pin
	return v.publish(b)
}

// advance goes on with a renewal of the follower's certificate that waited for the desks: once each
// holds the bundle with both pins it is used, and once each knows that, the old one is given up.
func (v *Verifier) advance() error {
	v.renewing.Lock()
	defer v.renewing.Unlock()
	b := v.InForce()
	if b.NextFollowerPin == "" && b.OldFollowerPin == "" {
		return nil
	}
	if behind, err := v.behind(); err != nil || len(behind) > 0 {
		return err
	}
	if b.NextFollowerPin != "" {
		b.FollowerPin, b.OldFollowerPin, b.NextFollowerPin = b.NextFollowerPin, b.FollowerPin, ""
		v.log.Info("desks are called with the new certificate from now on")
		defer v.spreadSoon()
		return v.publish(b)
	}
	if over, err := v.reconnected(b.FollowerPin); err != nil || !over {
		return err // a follower says so when it did
	}
	old := b.OldFollowerPin
	b.OldFollowerPin = ""
	v.log.Info("the old certificate for calling desks is good for nothing any more")
	defer v.spreadSoon()
	if err := v.publish(b); err != nil {
		return err
	}
	return errors.Join(dropPair(v.dir, "follower", old), v.reload())
}

// reconnected says whether no connection to a desk was made with another certificate. A revoked
// desk counts for nothing: it is not told of the new one, and its connection may go on for as long
// as a poll takes.
func (v *Verifier) reconnected(pin string) (bool, error) {
	desks, err := v.desks()
	if err != nil {
		return false, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, link := range v.links {
		if desks[id].Revoked.IsZero() && link.shown != "" && link.shown != pin {
			return false, nil
		}
	}
	return true, nil
}

// beginSealing has desks seal to another key from now on. What is sealed to the old one opens until
// that is retired.
func (v *Verifier) beginSealing() error {
	name, err := unused(v.dir, "feed", ".key")
	if err != nil {
		return err
	}
	b := v.InForce()
	if b.VerifierKey, err = makeFeedKey(filepath.Join(v.dir, name+".key")); err != nil {
		return err
	}
	return v.publish(b)
}

// retireSealing gives the old sealing keys up. It is refused while a desk may still send what is
// sealed to one of them.
func (v *Verifier) retireSealing() error {
	waits, err := v.mayStillSeal()
	if err != nil {
		return err
	}
	if len(waits) > 0 {
		return errors.New("what is sealed to the old key may still come from: " +
			strings.Join(waits, "; ") + "; nothing was changed")
	}
	err = errors.Join(dropOpeners(v.dir, v.InForce().VerifierKey), v.reload())
	if err == nil && v.sealingRenewed() {
		return stillPassed(v.dir)
	}
	return err
}

// mayStillSeal lists the desks from which something sealed by an older bundle may come, and why.
func (v *Verifier) mayStillSeal() ([]string, error) {
	behind, err := v.behind()
	if err != nil {
		return nil, err
	}
	var list []string
	for _, id := range behind {
		list = append(list, id+" (it does not hold the new bundle)")
	}
	desks, err := v.desks()
	if err != nil {
		return nil, err
	}
	for id, row := range desks {
		if !row.Revoked.IsZero() || row.Holds != v.InForce().Fingerprint() {
			continue
		}
		var tail feed.Tail
		if len(row.Tail) > 0 {
			if err := tail.UnmarshalBinary(row.Tail); err != nil {
				return nil, err
			}
		}
		switch {
		case tail.Position() < row.HoldsFrom:
			list = append(list, id+" (it is not followed that far)")
		case v.clock().Sub(row.HoldsSince) < sealGrace:
			list = append(list, id+" (it took the new bundle less than "+sealGrace.String()+" ago)")
		}
	}
	return list, nil
}
