package kiosk_test

import (
	"context"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/provisioning"
)

func (c *counter) directoryDown() {
	c.mu.Lock()
	c.health.DirectoryUp = false
	c.mu.Unlock()
}

// TestADirectoryThatGoesDownClosesIssuing: forms that were rendered before are refused like those
// made by hand, at every step of a loan.
func TestADirectoryThatGoesDownClosesIssuing(t *testing.T) {
	refused := sentence(t, kiosk.CodeDirectoryDown)
	t.Run("before it is chosen", func(t *testing.T) {
		c := serve(t)
		b := c.unlocked(alice, alicePIN)
		c.found(b)
		loan := b.Form("No phone", "match", "yes", "evidence", "passport")
		c.directoryDown()
		b.Send(loan)
		want(t, b, refused.Happened, refused.Done)
		if v := c.visit(); v.Errand != provisioning.ErrandNone {
			t.Errorf("the errand is %q", v.Errand)
		}
	})
	t.Run("before it is written", func(t *testing.T) {
		c := serve(t)
		b := c.unlocked(alice, alicePIN)
		c.checking(b)
		b.Press("Turn the screen")
		b.Press("I agree")
		c.directoryDown()
		b.Press("Write and loan", "pin", alicePIN)
		want(t, b, refused.Happened)
		if v := c.visit(); v.Step != provisioning.StepCheck || v.Credential != "" {
			t.Errorf("the visit is at %s, credential %q", v.Step, v.Credential)
		}
	})
}

// TestAReturnNeedsNoDirectory: from the plugged token to the goodbye.
func TestAReturnNeedsNoDirectory(t *testing.T) {
	c := serve(t)
	c.lent()
	c.directoryDown()
	b := c.unlocked(alice, alicePIN)
	c.plug(serial)
	b.Reload()
	b.Press("Return this token")
	b.Press("Wipe and return")
	c.wiped()
	b.Reload()
	want(t, b, "Token returned")
	if v := c.visit(); v.Step != provisioning.StepDone {
		t.Errorf("the visit is at %s", v.Step)
	}
}

// TestADismissedOfficersScreenLocksByItself: nobody has to touch it.
func TestADismissedOfficersScreenLocksByItself(t *testing.T) {
	c := serve(t)
	b := c.unlocked(alice, alicePIN)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events := b.Listen(ctx, b.Page.Live)
	o, _ := provisioning.Get[provisioning.Officer](c.Snapshot(), alice)
	o.Disabled = true
	c.put(o)
	for e := range events {
		if e.Name == "goto" {
			b.Open("/ready")
			if b.Page.URL.Path != "/" {
				t.Errorf("the screen shows %s", b.Page.URL)
			}
			return
		}
	}
	t.Error("the screen was never told to lock")
}
