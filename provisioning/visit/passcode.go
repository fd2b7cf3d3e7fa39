package visit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The digits of passcodes the person has not noted yet are kept in Runner.held, by passcode id, and
// nowhere else. They go when the rules say that nobody is to be shown them any more.

// issue makes the codes, seals them, and has the rules decide. The codes are kept only when the
// passcode was issued.
func (r *Runner) issue(
	ctx context.Context, o provisioning.Order, c provisioning.IssuePasscode,
) (done, error) {
	s := r.ledger.Snapshot()
	v, _ := provisioning.Get[provisioning.Visit](s, string(o.Visit))
	situation := c.Situation
	if situation == "" {
		situation = v.Situation
	}
	_, terms, known := r.site.PasscodeFor(situation)
	if !known || v.ID == "" {
		o.Command = c
		return r.decide(ctx, o)
	}
	codes := newPasscodes(terms.Codes())
	var err error
	person, _ := provisioning.Get[provisioning.Person](s, string(v.Person))
	if c.Prepared, err = r.preparePasscode(person, terms, codes); err != nil {
		wipePasscodes(codes)
		return done{visit: o.Visit}, err
	}
	o.Command = c
	r.keep(c.Prepared.ID, codes)
	out, err := r.decide(ctx, o)
	if err != nil || !out.fresh {
		r.forget(c.Prepared.ID)
	}
	return out, err
}

// Away refuses while nobody follows the feed, and so nobody would take a passcode. It is nil otherwise.
func (r *Runner) Away() *provisioning.Refusal {
	if r.followed == nil || r.followed() {
		return nil
	}
	return provisioning.Refuse(provisioning.CodeVerifierAway)
}

// preparePasscode seals the codes. It says so when the verifier could not take them.
func (r *Runner) preparePasscode(
	person provisioning.Person, terms provisioning.PasscodeTerms, codes []secret.Passcode,
) (provisioning.PreparedPasscode, error) {
	p := provisioning.PreparedPasscode{ID: provisioning.PasscodeID(randomID()), Person: person.ID,
		Type: terms.Type, Trouble: r.Away()}
	var err error
	p.Record, err = r.sealer.SealPasscode(
		r.record(feed.KindPasscode, provisioning.CredentialID(p.ID), r.now()), feed.PasscodeBody{
			User: person.Account, Site: r.site.ID, Type: string(terms.Type), Codes: codes,
			Uses: terms.Uses, ValidFor: terms.Life(), Purpose: terms.For,
		})
	if err != nil {
		return p, fmt.Errorf("seal a passcode: %w", err)
	}
	return p, nil
}

// newPasscodes makes codes that differ from each other.
func newPasscodes(n int) []secret.Passcode {
	var codes []secret.Passcode
	seen := map[uint32]bool{}
	for len(codes) < n {
		number := randomNine()
		if seen[number] {
			continue
		}
		seen[number] = true
		digits := strconv.AppendUint(make([]byte, 0, feed.PasscodeDigits), uint64(number), 10)
		codes = append(codes, secret.NewPasscode(string(digits)))
		clear(digits)
	}
	clear(seen)
	return codes
}

// randomNine is uniform over the numbers of nine digits that do not begin with 0: 29.7 bits. A draw
// that would make some likelier than others is drawn again.
func randomNine() uint32 {
	const first, count = 100_000_000, 900_000_000
	const whole = (1 << 32) / count * count
	var raw [4]byte
	for {
		rand.Read(raw[:])
		drawn := uint64(raw[0])<<24 | uint64(raw[1])<<16 | uint64(raw[2])<<8 | uint64(raw[3])
		if drawn < whole {
			return first + uint32(drawn%count)
		}
	}
}

func wipePasscodes(codes []secret.Passcode) {
	for _, code := range codes {
		code.Wipe()
	}
}

// lapsePasscodes lets passcodes end whose time is over, forgets the digits nobody is to be shown any
// more, and returns how long nothing else is due, at most next.
func (r *Runner) lapsePasscodes(ctx context.Context, next time.Duration) (time.Duration, error) {
	for p := range provisioning.All[provisioning.Passcode](r.ledger.Snapshot()) {
		if left := p.Due().Sub(r.clock.Now()); left > 0 {
			next = min(next, left)
			continue
		}
		_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
			return provisioning.LapsePasscode(s, r.now(), p.ID)
		})
		if err != nil {
			return time.Second, err
		}
	}
	return r.forgetNoted(next), nil
}

// forgetNoted keeps digits only while there is somebody to show them to.
func (r *Runner) forgetNoted(next time.Duration) time.Duration {
	s, now := r.ledger.Snapshot(), r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, kept := range r.kept {
		p, live := provisioning.Get[provisioning.Passcode](s, string(id))
		left := kept.Add(provisioning.KeepFor).Sub(now)
		if live {
			r.known[id], left = true, p.Keep.Sub(now)
		}
		wanted := live && awaited(s, p) || !live && !r.known[id]
		if left > 0 && wanted {
			next = min(next, left)
			continue
		}
		r.forgetLocked(id)
	}
	return next
}

// awaited: the passcode's visit shows it still. One without a visit is forgotten by whoever shows or
// sends it, or with its time.
func awaited(s provisioning.Snapshot, p provisioning.Passcode) bool {
	v, _ := provisioning.Get[provisioning.Visit](s, string(p.Visit))
	return p.Visit == "" || v.Step == provisioning.StepReveal && v.Passcode == p.ID
}

// forget drops the digits of one passcode.
func (r *Runner) forget(id provisioning.PasscodeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked(id)
}

func (r *Runner) forgetLocked(id provisioning.PasscodeID) {
	wipePasscodes(r.held[id])
	delete(r.held, id)
	delete(r.kept, id)
	delete(r.known, id)
}

// forgetAll drops every digit: the desk stops.
func (r *Runner) forgetAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.held {
		r.forgetLocked(id)
	}
}

func (r *Runner) keep(id provisioning.PasscodeID, codes []secret.Passcode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[id], r.kept[id] = codes, r.clock.Now()
}

func (r *Runner) holdsDigits(id provisioning.PasscodeID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held[id]) > 0
}

// Shown returns the codes that stand on the turned screen of a visit right now, and until when. It
// refuses everybody else at any other time: whoever asks is the person's own page.
func (r *Runner) Shown(id provisioning.VisitID) ([]secret.Passcode, time.Time, error) {
	v, ok := provisioning.Get[provisioning.Visit](r.ledger.Snapshot(), string(id))
	switch {
	case !ok:
		return nil, time.Time{}, provisioning.Refuse(provisioning.CodeVisitUnknown)
	case !v.Turned:
		return nil, time.Time{}, provisioning.Refuse(provisioning.CodeNotTurned)
	case v.Step != provisioning.StepReveal || !r.clock.Now().Before(v.ShownUntil):
		return nil, time.Time{}, provisioning.Refuse(provisioning.CodePasscodeHidden)
	}
	shown := r.copies(v.Passcode)
	if len(shown) == 0 {
		return nil, time.Time{}, provisioning.Refuse(provisioning.CodePasscodeGone)
	}
	return shown, v.ShownUntil, nil
}

// copies are for whoever shows them, who wipes them.
func (r *Runner) copies(id provisioning.PasscodeID) []secret.Passcode {
	r.mu.Lock()
	defer r.mu.Unlock()
	var copies []secret.Passcode
	for _, code := range r.held[id] {
		digits := code.Expose()
		copies = append(copies, secret.NewPasscode(string(digits)))
		clear(digits)
	}
	return copies
}

// Approve puts a second officer's approval of an act in a visit on record. Whoever calls it has
// just checked that officer's own token.
func (r *Runner) Approve(
	ctx context.Context, visit provisioning.VisitID, act provisioning.Act, by provisioning.OfficerID,
) error {
	var no *provisioning.Refusal
	_, err := r.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, err := provisioning.Approve(s, r.now(), visit, act, by)
		if errors.As(err, &no) && !change.IsZero() {
			return change, nil
		}
		return change, err
	})
	switch {
	case err == nil && no == nil:
		return nil
	case no != nil && (err == nil || errors.Is(err, no)):
		return no
	}
	return fmt.Errorf("approve an act: %w", err)
}
