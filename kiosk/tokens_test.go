package kiosk_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// doubted leaves a token in doubt, as a write that was cut off does.
func (c *counter) doubted() {
	id := provisioning.TokenID("yubikey/" + serial)
	c.put(c.people[chanNumber],
		provisioning.Token{ID: id, Serial: serial, Model: "YubiKey 5", Slot: 2, Credential: "cred",
			State: provisioning.TokenDoubtful, Since: c.now()},
		provisioning.Credential{ID: "cred", Token: id, Slot: 2, Digits: 6, Person: chanNumber,
			State: provisioning.CredentialDoubtful, Since: c.now(),
			Reason: string(provisioning.CodePulledWriting)})
}

func (c *counter) token() provisioning.Token {
	c.t.Helper()
	t, ok := provisioning.Get[provisioning.Token](c.Snapshot(), "yubikey/"+serial)
	if !ok {
		c.t.Fatal("the token is gone")
	}
	return t
}

// emptied is the outcome of a wipe outside any visit.
func (c *counter) emptied() {
	t := c.token()
	t.State, t.Pending, t.Slot, t.Credential = provisioning.TokenStock, provisioning.ActNone, 0, ""
	c.put(t)
}

// TestATokenInDoubtIsPutRight walks from the list to a token that is back in the drawer.
func TestATokenInDoubtIsPutRight(t *testing.T) {
	c := serve(t)
	c.doubted()
	b := c.unlocked(alice, alicePIN)
	b.Follow("1 token in doubt")
	want(t, b, serial, "meant for CHAN Lok Ching")
	b.Follow("Put it right")
	why := sentence(t, provisioning.CodePulledWriting)
	want(t, b, "Plug this token in", "In doubt", why.Happened, why.Done)
	if b.Page.Has("Wipe and put it back") {
		t.Error("a token that is not here can be wiped")
	}
	c.plug("99999999")
	b.Reload()
	want(t, b, "Plug this token in")
	c.plug(serial)
	b.Reload()
	want(t, b, "Wipe this token?")
	before := len(c.ledger.Changes())
	b.Open(five(t, b, b.Form("Wipe and put it back")))
	if got := len(c.ledger.Changes()) - before; got != 1 {
		t.Errorf("%d changes, want 1", got)
	}
	want(t, b, "Wiping…")
	if tok := c.token(); tok.Pending != provisioning.ActWipe {
		t.Errorf("pending is %q", tok.Pending)
	}
	c.emptied()
	b.Reload()
	want(t, b, "In the drawer", "In stock")
	b.Open("/doubtful")
	want(t, b, "No token is in doubt.")
}

// TestATokenPulledOutBeforeItsWipe: nothing was done, and the page says so.
func TestATokenPulledOutBeforeItsWipe(t *testing.T) {
	c := serve(t)
	c.doubted()
	c.plug(serial)
	b := c.unlocked(alice, alicePIN)
	b.Open("/tokens/yubikey/" + serial)
	wipe := b.Form("Wipe and put it back")
	c.plug()
	b.Send(wipe)
	p := sentence(t, provisioning.CodeTokenAbsent)
	want(t, b, p.Happened, p.Done, "Plug this token in")
	if tok := c.token(); tok.State != provisioning.TokenDoubtful {
		t.Errorf("the token is %s", tok.State)
	}
}

func find(b *kiosktest.Browser, number string) {
	b.Open("/ready")
	b.Follow("Find a token")
	b.Press("Find", "serial", number)
}

// TestATokenIsFoundByItsSerial: with gaps or without, and whoever has it with it.
func TestATokenIsFoundByItsSerial(t *testing.T) {
	c := serve(t)
	c.lent()
	b := c.unlocked(alice, alicePIN)
	find(b, "1234567")
	p := sentence(t, provisioning.CodeTokenUnknown)
	want(t, b, p.Happened, p.Done)
	b.Press("8")
	b.Press("Find")
	want(t, b, "On loan", serial)
	find(b, " 1234 5678")
	want(t, b, "CHAN Lok Ching answers for it, until 22 November 2027.")
	b.Press("Open the visit")
	want(t, b, "Same face?", "CHAN Lok Ching")
}

func TestATokensStages(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*provisioning.Token)
		want   string
	}{
		"in the drawer": {func(*provisioning.Token) {}, "In the drawer"},
		"kept for a visit": {func(t *provisioning.Token) {
			t.State, t.Pending = provisioning.TokenBusy, provisioning.ActWrite
		}, "In use at this desk"},
		"set aside": {func(t *provisioning.Token) {
			t.State, t.Note = provisioning.TokenAside, "cracked"
		}, "cracked"},
		"lost and found": {func(t *provisioning.Token) { t.State = provisioning.TokenLost },
			"Reported lost"},
		"damaged": {func(t *provisioning.Token) { t.State = provisioning.TokenDamaged },
			"Plug this token in"},
	} {
		t.Run(name, func(t *testing.T) {
			d := serve(t)
			tok := provisioning.Token{ID: "yubikey/" + serial, Serial: serial, Model: "YubiKey 5",
				State: provisioning.TokenStock}
			c.change(&tok)
			d.put(tok)
			b := d.unlocked(alice, alicePIN)
			b.Open("/tokens/yubikey/" + serial)
			want(t, b, c.want)
		})
	}
	b := serve(t).unlocked(alice, alicePIN)
	if b.Open("/tokens/yubikey/1"); b.Page.Status != 404 {
		t.Errorf("a token nobody knows: status %d", b.Page.Status)
	}
}
