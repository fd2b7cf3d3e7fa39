package kiosk_test

import (
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// want fails unless the page says all of these words.
func want(t *testing.T, b *kiosktest.Browser, words ...string) {
	t.Helper()
	for _, w := range words {
		if !b.Page.Says(w) {
			t.Fatalf("%s (%s) does not say %q:\n%s", b.Page.URL, b.Page.Title, w, b.Page.Text)
		}
	}
}

// wantNot fails if the page says any of these words.
func wantNot(t *testing.T, b *kiosktest.Browser, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(b.Page.HTML, w) {
			t.Fatalf("%s (%s) says %q:\n%s", b.Page.URL, b.Page.Title, w, b.Page.Text)
		}
	}
}

// TestLoanWithoutScripts walks from the locked desk to the goodbye by forms alone.
func TestLoanWithoutScripts(t *testing.T) {
	c := serve(t)
	b := c.browser()
	b.Open("/")
	want(t, b, "Alice Officer", "Bob Officer", "09:00-13:00")
	for i, digit := range alicePIN {
		b.Press(string(digit), "officer", alice)
		if b.Page.URL.Path != "/" {
			t.Fatalf("digit %d led to %s", i, b.Page.URL)
		}
		if kept := b.Page.Forms[0].Fields.Get("pin"); kept != "" || b.Page.Says(alicePIN[:2]) {
			t.Fatal("the page sends digits back")
		}
	}
	b.Press("Unlock")
	want(t, b, "7 tokens in the drawer", "Alice Officer")

	for _, digit := range chanNumber {
		if b.Page.URL.Path != "/number" {
			b.Follow("Type the number")
		}
		b.Press(string(digit))
	}
	b.Press("Find")
	want(t, b, "CHAN Lok Ching", "陳樂晴", "1 June 2028")
	taps := 0
	press := func(label string, fields ...string) {
		t.Helper()
		taps++
		b.Press(label, fields...)
	}
	taps++ // "Yes, photo matches" is one, too.
	press("Phone cannot run the app", "match", "yes", "evidence", "passport")
	want(t, b, "Plug a token into the port")
	c.plug(serial)
	b.Reload()
	want(t, b, serial, "22 November 2027", "MOP$235.00")
	press("Turn the screen")
	wantNot(t, b, "Alice")
	press("I agree")
	press("Write and loan", "pin", alicePIN)
	if v := c.visit(); !v.PhoneSeen || v.Reason != "phone_unsupported" {
		t.Errorf("phone seen %v, reason %q", v.PhoneSeen, v.Reason)
	}
	c.written()
	b.Reload()
	want(t, b, "Touch the gold disc")
	c.proven()
	b.Reload()
	want(t, b, "Its code is right")
	c.registered()
	b.Reload()
	want(t, b, "It is registered with the sign-in service and works now.", "22 November 2027")
	b.Follow("Show the slip")
	want(t, b, "Test University", serial, "22 November 2027", "Lost it? Tell us at once.")
	wantNot(t, b, "CHAN")
	b.Follow("Back")
	press("No slip")
	want(t, b, "7 tokens in the drawer")
	if taps > 6 {
		t.Errorf("a loan takes %d taps, the keys of one PIN aside; want 6", taps)
	}
	if c.visitCount() != 0 {
		t.Error("the visit did not end")
	}
}

func (c *counter) visitCount() int {
	n := 0
	for range provisioning.All[provisioning.Visit](c.Snapshot()) {
		n++
	}
	return n
}
