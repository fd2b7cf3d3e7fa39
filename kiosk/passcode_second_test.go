package kiosk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// fingers are officers whose tokens are touched by the test: the rest of them is real.
type fingers struct {
	kiosk.Officers
	touched chan provisioning.OfficerID
	asked   chan provisioning.Whose
}

// Touch implements kiosk.Officers.
func (f *fingers) Touch(
	ctx context.Context, whose provisioning.Whose, tell func(provisioning.KeyWait),
) (provisioning.OfficerID, error) {
	f.asked <- whose
	tell(provisioning.WaitTouch)
	select {
	case id := <-f.touched:
		return id, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// twoOfficers is a desk that waits for the touch of a second officer, for a long passcode.
func twoOfficers(t *testing.T) (*counter, *kiosktest.Browser, *fingers) {
	t.Helper()
	c := newCounter(t)
	f := &fingers{Officers: c.config.Officers, touched: make(chan provisioning.OfficerID),
		asked: make(chan provisioning.Whose, 1)}
	c.config.Officers = f
	t.Cleanup(c.start())
	b := c.unlocked(alice, alicePIN)
	c.found(b)
	b.Press("Passcode", "match", "yes", "evidence", "university_card")
	b.Press("Lost the only phone")
	return c, b, f
}

// touch is a token on the port; the page goes on by itself.
func (f *fingers) touch(t *testing.T, b *kiosktest.Browser, id provisioning.OfficerID) {
	t.Helper()
	want(t, b, "The second officer touches their token", "A long passcode needs two officers")
	if whose := <-f.asked; whose != (provisioning.Whose{ID: alice, Other: true}) {
		t.Errorf("the token of %+v was asked for", whose)
	}
	f.touched <- id
	eventually(t, "the page goes on", func() bool { return b.Reload().URL.Path != "/touch" })
}

func (c *counter) issuedNothing() {
	c.t.Helper()
	if n := provisioning.IssuedOn(c.Snapshot(), site, c.now()).Total; n != 0 || c.visit().Turned {
		c.t.Errorf("%d passcodes were issued; turned %v", n, c.visit().Turned)
	}
}

func TestALongPasscodeIsTwoOfficersWord(t *testing.T) {
	c, b, f := twoOfficers(t)
	want(t, b, "Nothing is issued yet", "Long passcode", "7 days · unlimited", "Lost the only phone",
		"29 November 2026, 09:00")
	c.issuedNothing()
	b.Press("The second officer is here")
	f.touch(t, b, bob)
	if b.Page.URL.Path != "/person" {
		t.Fatalf("the touch leads to %s: %s", b.Page.URL, b.Page.Text)
	}
	wantNot(t, b, "Alice", "Bob")
	p, _ := provisioning.Get[provisioning.Passcode](c.Snapshot(), string(c.visit().Passcode))
	if p.Second != bob || p.Officer != alice || p.Type != provisioning.PasscodeLong {
		t.Errorf("%+v", p)
	}
	c.taken()
	b.Reload()
	b.Press("Show my code")
	want(t, b, "as often as you need", "29 November 2026, 09:00")
	b.Press("Hide now")
	b.Follow("Back to the officer")
	b.Press("Go on", "pin", alicePIN)
	want(t, b, "Bob Officer")
	b.Press("Issue another")
	want(t, b, "Nothing is issued yet")
}

// TestTheSameOfficerTwice: whoever has the visit is no second officer, whatever was touched.
func TestTheSameOfficerTwice(t *testing.T) {
	c, b, f := twoOfficers(t)
	b.Press("The second officer is here")
	f.touch(t, b, alice)
	p := sentence(t, provisioning.CodeSecondSame)
	want(t, b, p.Happened, p.Done, "Nothing is issued yet")
	c.issuedNothing()
}

// TestALongPasscodeByHandMadeRequest: no form names a second officer, and none does without one.
func TestALongPasscodeByHandMadeRequest(t *testing.T) {
	c, b, _ := twoOfficers(t)
	press := func(do string) {
		t.Helper()
		post := b.Form("The second officer is here")
		post.Values.Set("do", do)
		post.Values.Set("op", strings.Repeat("c", 31)+string(rune('0'+len(do)%10)))
		for _, name := range []string{"second", "officer", "by", "approved"} {
			post.Values.Set(name, bob)
		}
		b.Send(post)
		c.issuedNothing()
	}
	for _, do := range []string{"issue:phone_lost", "issue:", "issue", "anew"} {
		press(do)
	}
	b.Open("/visit/" + string(c.visit().ID))
	b.Press("Back to choices")
	b.Press("Passcode")
	tile := b.Form("Lost the only phone")
	tile.Values.Set("do", "issue:phone_lost")
	b.Send(tile)
	p := sentence(t, provisioning.CodeSecondMissing)
	want(t, b, p.Happened, p.Done)
	c.issuedNothing()
}

// TestNoSecondOfficerCame: it is not issued, and the visit waits.
func TestNoSecondOfficerCame(t *testing.T) {
	c, b, _ := twoOfficers(t)
	if !strings.Contains(b.Page.HTML, `data-idle="180"`) {
		t.Error("the page does not wait for three minutes")
	}
	c.pass(provisioning.SecondFor + time.Second)
	eventually(t, "the screen locks", func() bool { return b.Open("/ready").URL.Path == "/" })
	c.issuedNothing()
}
