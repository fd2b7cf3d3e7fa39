package kiosk_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
)

// TestASupervisorUnlocksAnOfficer, and nobody else does, themselves included.
func TestASupervisorUnlocksAnOfficer(t *testing.T) {
	c := serve(t)
	locked := func(who provisioning.OfficerID) bool {
		o, _ := provisioning.Get[provisioning.Officer](c.Snapshot(), string(who))
		return o.LockedOut()
	}
	o, _ := provisioning.Get[provisioning.Officer](c.Snapshot(), alice)
	o.Failures = officer.MostTries
	c.put(o)
	b := c.browser()
	b.Open("/")
	want(t, b, "Locked: too many wrong tries")
	b.Press("Unlock", "officer", alice, "pin", alicePIN)
	want(t, b, sentence(t, officer.CodeLockedOut).Happened)

	b = c.unlocked(bob, bobPIN)
	wantNot(t, b, "1 officer is locked")
	if b.Open("/locked-out"); b.Page.URL.Path != "/ready" {
		t.Errorf("an officer sees %s", b.Page.URL)
	}
	post := kiosktest.Post{Action: "/locked-out", Values: b.Form("Lock").Values}
	post.Values.Set("do", "lift")
	post.Values.Set("officer", alice)
	post.Values.Set("op", "00000000000000000000000000000abd")
	if b.Send(post); !locked(alice) {
		t.Error("an officer who is no supervisor unlocked another")
	}

	b = c.unlocked(carol, carolPIN)
	b.Follow("1 officer is locked")
	want(t, b, "Locked officers", "Alice Officer")
	b.Press("Unlock this officer")
	want(t, b, "No officer is locked.")
	if locked(alice) {
		t.Error("the officer is still locked")
	}
	c.unlocked(alice, alicePIN)
}
