package kiosk_test

import (
	"context"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

func (c *counter) plug(serials ...string) {
	c.mu.Lock()
	c.plugs = nil
	for _, s := range serials {
		c.plugs = append(c.plugs, provisioning.Plug{ID: "plug-" + s, Name: "YubiKey OTP", Usable: true,
			Info: &provisioning.TokenInfo{Vendor: "yubikey", Model: "YubiKey 5", Serial: s,
				Firmware: "5.4.3", Digits: []int{6, 8}, Others: []string{"FIDO2"},
				Slots: []provisioning.SlotInfo{{Number: 1, Configured: true}, {Number: 2}}}})
	}
	c.mu.Unlock()
	c.bump()
	c.react(context.Background())
}

// visit is the one visit that has not ended.
func (c *counter) visit() provisioning.Visit {
	c.t.Helper()
	for v := range provisioning.All[provisioning.Visit](c.Snapshot()) {
		return v
	}
	c.t.Fatal("no visit")
	return provisioning.Visit{}
}

// put writes rows as the runner does when hardware or the verifier has answered.
func (c *counter) put(rows ...provisioning.Row) {
	c.t.Helper()
	_, err := c.ledger.Do(context.Background(),
		func(provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.NewChange(provisioning.Entry{Act: "test.put"}).Put(rows...), nil
		})
	if err != nil {
		c.t.Fatalf("put: %v", err)
	}
	c.bump()
}

// written, proven and registered are the journal's later commits.
func (c *counter) written() {
	v := c.visit()
	v.Progress, v.TouchBy = provisioning.ProgressTouch, c.now().Add(provisioning.TouchFor)
	c.put(v)
}

func (c *counter) proven() {
	v := c.visit()
	cred, _ := provisioning.Get[provisioning.Credential](c.Snapshot(), string(v.Credential))
	cred.State, cred.Since = provisioning.CredentialProven, c.now()
	v.Step, v.Progress = provisioning.StepVerify, provisioning.ProgressProven
	v.Deadline = c.now().Add(provisioning.IdleAfter)
	c.put(v, cred)
}

func (c *counter) registered() {
	v := c.visit()
	cred, _ := provisioning.Get[provisioning.Credential](c.Snapshot(), string(v.Credential))
	t, _ := provisioning.Get[provisioning.Token](c.Snapshot(), string(v.Token))
	cred.State, t.State = provisioning.CredentialActive, provisioning.TokenLoaned
	t.Pending = provisioning.ActNone
	v.Step, v.Progress = provisioning.StepDone, provisioning.ProgressNone
	c.put(v, cred, t, provisioning.Loan{ID: v.Loan, Person: v.Person, Token: v.Token,
		Credential: v.Credential, Officer: v.Officer, Visit: v.ID, State: provisioning.LoanOpen,
		Reason: v.Reason, Evidence: v.Evidence, Terms: v.Terms, At: c.now(),
		Due: c.now().AddDate(0, 0, site.LoanDays), Fee: provisioning.Fee{Amount: site.Fee}})
}

func (c *counter) wiped() {
	v := c.visit()
	l, _ := provisioning.Get[provisioning.Loan](c.Snapshot(), string(v.Loan))
	t, _ := provisioning.Get[provisioning.Token](c.Snapshot(), string(v.Token))
	l.State = provisioning.LoanReturned
	t.State, t.Pending = provisioning.TokenStock, provisioning.ActNone
	v.Step, v.Progress = provisioning.StepDone, provisioning.ProgressNone
	c.put(v, l, t)
}

// lent puts an open loan of the person's on the desk, as an earlier day left it.
func (c *counter) lent() {
	id := provisioning.TokenID("yubikey/" + serial)
	c.put(c.people[chanNumber],
		provisioning.Token{ID: id, Serial: serial, Model: "YubiKey 5", State: provisioning.TokenLoaned,
			Slot: 2, Credential: "cred"},
		provisioning.Credential{ID: "cred", Token: id, Slot: 2, Digits: 6, Person: chanNumber,
			Loan: "loan", State: provisioning.CredentialActive},
		provisioning.Loan{ID: "loan", Person: chanNumber, Token: id, Credential: "cred",
			Officer: alice, State: provisioning.LoanOpen, Reason: "no_phone", Terms: "2026-09",
			Evidence: provisioning.EvidencePassport, At: c.now().Add(-time.Hour),
			Due: c.now().AddDate(1, 0, 0), Fee: provisioning.Fee{Amount: site.Fee}})
}

// unlockedAnywhere is a browser that has unlocked the desk, wherever that led.
func (c *counter) unlockedAnywhere(who, pin string) *kiosktest.Browser {
	c.t.Helper()
	b := c.browser()
	b.Open("/")
	b.Press("Unlock", "officer", who, "pin", pin)
	return b
}

// unlocked is a browser in front of an unlocked desk that waits for a card.
func (c *counter) unlocked(who, pin string) *kiosktest.Browser {
	c.t.Helper()
	b := c.unlockedAnywhere(who, pin)
	if b.Page.URL.Path != "/ready" {
		c.t.Fatalf("unlocking led to %s: %s", b.Page.URL, b.Page.Text)
	}
	return b
}

// found is a browser at the visit of the person, not yet checked.
func (c *counter) found(b *kiosktest.Browser) {
	c.t.Helper()
	b.Open("/ready")
	b.Follow("Type the number")
	b.Press("Find", "number", chanNumber)
	if !strings.HasPrefix(b.Page.URL.Path, "/visit/") {
		c.t.Fatalf("finding led to %s: %s", b.Page.URL, b.Page.Text)
	}
}

// writing is a browser at a visit whose token is being written.
func (c *counter) writing(b *kiosktest.Browser) {
	c.t.Helper()
	c.checking(b)
	b.Press("Turn the screen")
	b.Press("I agree")
	b.Press("Write and loan", "pin", alicePIN)
}

// checking is a browser at the page that shows what will happen; Alice's visit.
func (c *counter) checking(b *kiosktest.Browser) {
	c.t.Helper()
	c.found(b)
	b.Press("No phone", "match", "yes", "evidence", "passport")
	c.plug(serial)
	b.Reload()
}
