package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// alone opens the unattended view in a browser of its own.
func (w *whole) alone() *kiosktest.Browser {
	b := kiosktest.New(w.t, "http://"+w.self.Addr().String())
	w.t.Cleanup(b.Client().CloseIdleConnections)
	b.Open("/")
	w.until("the view is open", func() bool { return b.Reload().Has("Get a 2FA passcode") })
	return b
}

// recover answers every question of the recovery, as a person would.
func (w *whole) recover(b *kiosktest.Browser, p provisioning.Person, password string) {
	w.t.Helper()
	k := knows[p.ID]
	document := []rune(k.identityCard + k.passport)
	tail := strings.NewReplacer("(", "", ")", "", "-", "").Replace(string(document))
	born := strings.Split(k.born, "-")
	b.Press("Get a 2FA passcode")
	b.Press(strings.ToUpper(p.Role[:1]) + p.Role[1:])
	b.Press("Continue", "answer", p.Account)
	b.Press("Continue", "answer", born[2]+" "+born[1]+" "+born[0])
	b.Press("Continue", "answer", tail[len(tail)-4:])
	b.Press("Get the passcode", "password", password)
}

// told waits until the post office has a message to somebody that says this.
func (w *whole) told(to, what string) (text string) {
	w.t.Helper()
	w.until(to+" is told: "+what, func() bool {
		for _, l := range w.post.Letters() {
			if strings.EqualFold(l.To, to) && strings.Contains(l.Title+"\n"+l.Text, what) {
				text = l.Text
				return true
			}
		}
		return false
	})
	return text
}

// TestWholeRecovery: a person without phone, card and officer gets a passcode that signs them in as
// often as the terms say, and is told of that, and of a try that failed.
func TestWholeRecovery(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um", lang: "zh-Hant"}, nil)
	p := w.person("CHAN")
	b := w.alone()
	w.recover(b, p, "not the password")
	if !b.Page.Says("do not match") {
		t.Fatalf("a wrong password reads: %s", b.Page.Text)
	}
	mailbox := strings.ToLower(p.Account) + "@um.example"
	w.told(mailbox, "有人嘗試復原您的帳戶") // in the person's own language
	b.Open("/")
	w.recover(b, p, samplePassword)
	w.until("the verifier has it", func() bool { return b.Reload().Says("Ready when you are") })
	b.Press("Show my code")
	m := spelledCode.FindStringSubmatch(b.Page.HTML)
	if m == nil {
		t.Fatalf("no digits: %s", b.Page.Text)
	}
	digits := strings.ReplaceAll(m[1], " ", "")
	b.Press("I have it, finish")
	if b.Page.URL.Path != "/" || spelledCode.MatchString(b.Page.HTML) {
		t.Errorf("afterwards: %s %s", b.Page.URL, b.Page.Text)
	}
	w.signIn(p, digits, true)
	w.signIn(p, digits, true)
	w.signIn(p, digits, false)
	if text := w.told(mailbox, "您的帳戶已發出復原通行碼"); strings.Contains(text, digits) {
		t.Error("the notice carries the digits")
	}
	b.Client().CloseIdleConnections()
	w.stop()
	kept := string(w.opened())
	for where, all := range map[string]string{"log": w.log.String(), "store": kept} {
		for _, secret := range []string{digits, samplePassword, knows[p.ID].identityCard,
			knows[p.ID].born} {
			if strings.Contains(all, secret) {
				t.Errorf("a secret of %d characters is in the %s", len(secret), where)
			}
		}
	}
	if !strings.Contains(kept, string(provisioning.ActRecoveryDone)) {
		t.Error("the opened store does not hold what was done: the search proves nothing")
	}
}

// TestWholeRecoveryTires: an account that was tried too often is closed for the day, with the right
// answers too, and the page is the same.
func TestWholeRecoveryTires(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um"}, nil)
	p := w.person("WONG")
	for range w.site.Recovery.PerAccount {
		b := w.alone()
		w.recover(b, p, "not the password")
	}
	b := w.alone()
	w.recover(b, p, samplePassword)
	if !b.Page.Says("do not match") {
		t.Errorf("after too many tries: %s", b.Page.Text)
	}
	if len(provisioning.LivePasscodes(w.desk.Snapshot(), p.ID)) != 0 {
		t.Error("a passcode was given out")
	}
}

// digits of a delivered passcode.
var mailed = regexp.MustCompile(`\b[1-9][0-9]{8}\b`)

// TestWholeMailRequest: a message waits on the ready screen; what does not match is not sent; what
// does goes to the registered address, signs in, and is on no screen of the officer.
func TestWholeMailRequest(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um", lang: "zh-Hant"}, nil)
	answers := w.inspect()
	w.unlock()
	p := w.person("CHAN")
	err := w.post.Write("somebody@elsewhere.example", "Forgot my phone",
		"My number is DC126543, my card begins with 1234.")
	if err != nil {
		t.Fatal(err)
	}
	w.until("the message is in the queue", func() bool {
		return len(provisioning.Requests(w.desk.Snapshot())) == 1
	})
	w.b.Open("/ready")
	w.says("1 request by mail")
	w.b.Follow("1 request by mail")
	w.says("Forgot my phone", "somebody@elsewhere.example")
	w.b.Press("Answer it")
	w.b.Press("Continue", "answer", string(p.ID))
	w.b.Press("Continue", "answer", "9999")
	w.b.Press("Compare and send", "answer", "Exam at 14:00")
	w.says("do not belong together", "2 more")
	w.b.Follow("Back")
	w.b.Press("Continue", "answer", "1234")
	w.b.Press("Compare and send", "answer", "Exam at 14:00")
	w.says("The passcode is sent", "not seen in person")
	digits := mailed.FindString(w.told(strings.ToLower(p.Account)+"@um.example", "您的通行碼"))
	if digits == "" {
		t.Fatal("no passcode was mailed")
	}
	w.signIn(p, digits, true)
	for _, l := range w.post.Letters() {
		if strings.Contains(l.To, "elsewhere") {
			t.Errorf("something went to %s", l.To)
		}
	}
	all := string(answers())
	if strings.Contains(all, digits) || strings.Contains(w.log.String(), digits) ||
		strings.Contains(all, "1234567(8)") {
		t.Error("the officer's screen or the log knows more than it should")
	}
	if n := len(provisioning.Requests(w.desk.Snapshot())); n != 0 {
		t.Errorf("%d messages are left in the queue", n)
	}
}

// TestWholeMailIsShut: what cannot be sent is revoked.
func TestWholeMailIsShut(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p := w.person("CHAN")
	w.post.setClosed(true)
	w.b.Open("/requests")
	w.b.Press("Fill in the form")
	w.b.Press("Continue", "answer", string(p.ID))
	w.b.Press("Continue", "answer", "1234")
	w.b.Press("Compare and send", "answer", "Exam at 14:00")
	w.says("may not have left", "revoked")
	if len(provisioning.LivePasscodes(w.desk.Snapshot(), p.ID)) != 0 {
		t.Error("the passcode lives")
	}
}

// TestWholeShift: the drawer is counted, what was done today stands on the page, and the totals leave
// as CSV.
func TestWholeShift(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	w.b.Open("/shift")
	w.says("Nobody has counted the drawer", "Desk unlocked")
	w.b.Follow("Count the drawer")
	w.b.Press("Record", "number", "3")
	w.says("Expected were 0", "Drawer counted")
	w.b.Open("/shift.csv")
	if w.b.Page.Status != 200 || w.b.Page.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%d %s", w.b.Page.Status, w.b.Page.Header.Get("Content-Type"))
	}
}
