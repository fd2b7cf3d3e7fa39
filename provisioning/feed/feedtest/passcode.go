package feedtest

import (
	"context"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Passcode is what a desk issues: its body, the id of it, and the record that carried it.
type Passcode struct {
	feed.PasscodeBody
	ID, Record string
}

// NewPasscode makes a passcode of a site for a user, as Macau's short one: five uses in 24 hours.
func (d *Desk) NewPasscode(user string, digits ...string) *Passcode {
	p := &Passcode{ID: RandomID(), PasscodeBody: feed.PasscodeBody{User: user, Site: d.Site,
		Type: "short", Uses: 5, ValidFor: 24 * time.Hour}}
	for _, code := range digits {
		p.Codes = append(p.Codes, secret.NewPasscode(code))
	}
	return p
}

// SealPasscode makes the record of a passcode from a bare one.
func (d *Desk) SealPasscode(rec feed.Record, p *Passcode) feed.Record {
	rec, err := d.sealer.SealPasscode(rec, p.PasscodeBody)
	if err != nil {
		panic("seal a passcode: " + err.Error())
	}
	p.Record = rec.ID
	return rec
}

// IssuePasscode publishes a passcode and returns the record whose verdict is awaited.
func (d *Desk) IssuePasscode(p *Passcode) string {
	d.Commit(d.SealPasscode(d.Record(p.ID), p))
	return p.Record
}

// End waits until the verifier tells of its own accord how a passcode ended.
func (d *Desk) End(ctx context.Context, p *Passcode) (feed.Verdict, error) {
	return d.Verdict(ctx, endOf(p.Record))
}

// endOf is where the end of a passcode is remembered, beside the answer to its record.
func endOf(record string) string { return record + " end" }
