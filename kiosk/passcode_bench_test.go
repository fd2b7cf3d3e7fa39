package kiosk_test

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// prepare does what a runner does before a passcode is issued: make the codes, and keep them.
func (c *counter) prepare(
	o provisioning.Order, command provisioning.IssuePasscode,
) provisioning.IssuePasscode {
	v, _ := provisioning.Get[provisioning.Visit](c.Snapshot(), string(o.Visit))
	why := command.Situation
	if why == "" {
		why = v.Situation
	}
	_, terms, _ := c.config.Site.PasscodeFor(why)
	id := provisioning.PasscodeID("beef" + string(o.Op)[:28])
	command.Prepared = provisioning.PreparedPasscode{ID: id, Person: v.Person, Type: terms.Type,
		Record: feed.Record{ID: string(id), Credential: string(id), Kind: feed.KindPasscode}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.health.VerifierUp {
		command.Prepared.Trouble = provisioning.Refuse(provisioning.CodeVerifierAway)
	}
	for range terms.Codes() {
		c.issued++
		code := 100_000_000 + c.issued*611_953_127%900_000_000
		c.held[id] = append(c.held[id], strconv.Itoa(code))
	}
	return command
}

// digits are every code that was ever made at this desk.
func (c *counter) digits() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, codes := range c.held {
		all = append(all, codes...)
	}
	return all
}

func (c *counter) holds(id provisioning.VisitID) bool {
	v, _ := provisioning.Get[provisioning.Visit](c.Snapshot(), string(id))
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.held[v.Passcode]) > 0
}

// Shown implements kiosk.Passcodes.
func (c *counter) Shown(id provisioning.VisitID) ([]secret.Passcode, time.Time, error) {
	v, ok := provisioning.Get[provisioning.Visit](c.Snapshot(), string(id))
	if !ok || !v.Turned || !c.now().Before(v.ShownUntil) {
		return nil, time.Time{}, provisioning.Refuse(provisioning.CodePasscodeHidden)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown++
	var codes []secret.Passcode
	for _, code := range c.held[v.Passcode] {
		codes = append(codes, secret.NewPasscode(code))
	}
	if codes == nil {
		return nil, time.Time{}, provisioning.Refuse(provisioning.CodePasscodeGone)
	}
	return codes, v.ShownUntil, nil
}

// Approve implements kiosk.Passcodes.
func (c *counter) Approve(
	ctx context.Context, id provisioning.VisitID, act provisioning.Act, by provisioning.OfficerID,
) error {
	var no *provisioning.Refusal
	_, err := c.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, err := provisioning.Approve(s, provisioning.Now{Desk: "desk", At: c.now(),
			Synced: true}, id, act, by)
		if errors.As(err, &no) && !change.IsZero() {
			return change, nil
		}
		return change, err
	})
	if no != nil {
		return no
	}
	return err
}

// taken is the verifier's word that it has the passcode of the visit.
func (c *counter) taken() {
	p, ok := provisioning.Get[provisioning.Passcode](c.Snapshot(), string(c.visit().Passcode))
	if !ok {
		c.t.Fatal("the visit has no passcode")
	}
	p.State = provisioning.PasscodeLive
	c.put(p)
}

// refused is its word that it has not.
func (c *counter) refused(code provisioning.Code) {
	v := c.visit()
	v.Step, v.Problem, v.PasscodeEnd = provisioning.StepProblem, code, provisioning.PasscodeRefused
	p, _ := provisioning.Get[provisioning.Passcode](c.Snapshot(), string(v.Passcode))
	p.State = provisioning.PasscodeEnded
	c.put(p, v)
}

// forgotPhone leads to the turned screen with a short passcode the verifier has not taken yet.
func (c *counter) forgotPhone(b *kiosktest.Browser) {
	c.found(b)
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	b.Press("Forgot the phone today")
}

// reading leads to the digits on the turned screen.
func (c *counter) reading(b *kiosktest.Browser) {
	c.forgotPhone(b)
	c.taken()
	b.Reload()
	b.Press("Show my code")
}
