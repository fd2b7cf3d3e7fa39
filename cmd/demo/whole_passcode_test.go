package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
)

// spelledCode is a passcode on its person's page, as it is read out.
var spelledCode = regexp.MustCompile(`<span class="vh">((?:[0-9] ){8}[0-9])</span>`)

// read takes the passcodes off the turned screen, as their person does with a pencil.
func (w *whole) read() (codes []string) {
	w.t.Helper()
	for _, m := range spelledCode.FindAllStringSubmatch(w.b.Page.HTML, -1) {
		codes = append(codes, strings.ReplaceAll(m[1], " ", ""))
	}
	if len(codes) == 0 {
		w.t.Fatalf("%s shows no passcode:\n%s", w.b.Page.URL, w.b.Page.Text)
	}
	return codes
}

// toReveal leads to the turned screen with a passcode that can be looked at.
func (w *whole) toReveal(p provisioning.Person, why string) {
	w.t.Helper()
	w.errand(p, "Passcode")
	w.b.Press(why)
	w.sees("Ready when you are")
}

// passcode is the whole visit, from the card to the goodbye, and leaves the desk locked.
func (w *whole) passcode(p provisioning.Person, why string) (codes []string) {
	w.t.Helper()
	w.toReveal(p, why)
	w.b.Press("Show my code")
	codes = w.read()
	w.b.Press("I have it, finish")
	w.says("Thank you. You are done.")
	return codes
}

// shownOnce keeps every answer but the one kind that may have a passcode in it, and counts that.
func (w *whole) shownOnce() (answers func() []byte, shown func() int) {
	var mu sync.Mutex
	var all bytes.Buffer
	n := 0
	w.b.Inspect = func(r *http.Response, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.Header.Write(&all)
		fmt.Fprintln(&all, r.Request.URL)
		if r.Request.URL.Path == "/person" && bytes.Contains(body, []byte("data-secret")) {
			n++
			return
		}
		all.Write(body)
	}
	return func() []byte { mu.Lock(); defer mu.Unlock(); return bytes.Clone(all.Bytes()) },
		func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// TestWholePasscode: from the card to five sign-ins and no sixth; another is revoked within a
// second; and the digits are nowhere but on the page that showed them.
func TestWholePasscode(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um"}, nil)
	answers, shown := w.shownOnce()
	w.unlock()
	first, second := w.person("CHAN"), w.person("WONG")
	code := w.passcode(first, "Forgot the phone today")[0]
	for range 5 {
		w.signIn(first, code, true)
	}
	w.signIn(first, code, false)

	w.unlock()
	other := w.passcode(second, "Forgot the phone today")[0]
	w.signIn(first, other, false)
	w.signIn(second, other, true)
	w.unlock()
	w.errand(second, "Open passcodes")
	w.says("Short passcode", "24 hours · 5 uses")
	w.b.Press("Revoke")
	began := time.Now()
	w.sees("The sign-in service does not accept it any more.")
	// It is in force with the ack, within milliseconds; the rest is this machine, busy with tests.
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a revocation takes %v", took)
	}
	w.signIn(second, other, false)
	w.finish()
	w.settled()

	h := hoard{}
	h.digits("the first passcode", code)
	h.digits("the second passcode", other)
	for _, each := range []string{code, other} {
		h.digits("a passcode in groups", each[:3]+" "+each[3:6]+" "+each[6:])
		h.digits("a passcode as it is spelled", strings.Join(strings.Split(each, ""), " "))
	}
	if seen := answers(); len(seen) < 50_000 || shown() != 2 {
		t.Errorf("looked at %d bytes of answers, %d pages had a passcode", len(seen), shown())
	} else if names := h.found(seen); names != nil {
		t.Errorf("the desk answered with %q", names)
	}
	if names := h.found([]byte(w.log.String())); names != nil {
		t.Errorf("the log has %q", names)
	}
	w.b.Client().CloseIdleConnections()
	w.stop()
	if n, names := h.searchFolder(t, w.settings.state); n < 16 || names != nil {
		t.Errorf("%d files; what the desk and the verifier keep has %q", n, names)
	}
	opened := w.opened()
	if names := h.found(opened); names != nil || !bytes.Contains(opened, []byte("phone_forgotten")) {
		t.Errorf("the desk's own rows and entries, %d bytes of them, have %q", len(opened), names)
	}
}

// opened is all that the desk's own keys open: every row and every entry.
func (w *whole) opened() []byte {
	w.t.Helper()
	config, err := w.stage.config()
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := store.Open(w.t.Context(), store.Options{Path: filepath.Join(config.State, "desk.db"),
		Key: keys.Desk, Desk: provisioning.DeskID(config.Desk), Signer: keys.Log,
		Clock: daemon.SystemClock{}.Now, Fatal: func(err error) { w.t.Error(err) }})
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	var all bytes.Buffer
	entries, err := s.Entries(w.t.Context(), 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	keep := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s\n%+v\n", text, v)
	}
	for _, entry := range entries {
		keep(entry)
	}
	snap := s.Snapshot()
	for p := range provisioning.All[provisioning.Passcode](snap) {
		keep(p)
	}
	for v := range provisioning.All[provisioning.Visit](snap) {
		keep(v)
	}
	for o := range provisioning.All[provisioning.OpResult](snap) {
		keep(o)
	}
	for i := range provisioning.All[provisioning.Issuance](snap) {
		keep(i)
	}
	for n := range provisioning.All[provisioning.Notice](snap) {
		keep(n)
	}
	for r := range provisioning.All[provisioning.Request](snap) {
		keep(r)
	}
	for p := range provisioning.All[provisioning.Person](snap) {
		keep(p)
	}
	return all.Bytes()
}

// TestWholePasscodeRestart: the desk stops before the person has looked. What nobody saw works
// nowhere, the officer reads that, and one press issues another.
func TestWholePasscodeRestart(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um", state: t.TempDir()})
	p := w.person("CHAN")
	w.toReveal(p, "Forgot the phone today") // and the power goes
	w = w.restarted()
	w.unlock()
	w.card(p)
	w.says("The desk does not have the digits any more", "What was and was not done")
	w.b.Press("Issue it again")
	w.sees("Ready when you are")
	w.b.Press("Show my code")
	code := w.read()[0]
	w.b.Press("I have it, finish")
	w.signIn(p, code, true)
}

// TestWholeLongPasscode: two officers' word, as many uses as one likes, and the end of it when a new
// device is there.
func TestWholeLongPasscode(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	p, lead, key := w.person("CHAN"), w.person("LEONG"), w.key(17390101)
	w.errand(p, "Passcode")
	w.b.Press("Lost the only phone")
	w.b.Press("The second officer is here")
	w.says("No other officer has a token as a key", "Nothing is issued yet")
	w.b.Press("Back to choices")
	w.b.Press("End this visit")

	w.lend(lead, key)
	w.b.Press("Lock")
	w.plug(key)
	w.b.Open("/")
	w.b.Press("Unlock", "officer", string(officers[1].id), "pin", w.pin)
	w.b.Follow("Your own token")
	w.b.Press("Erase the slot and make it my key")
	w.sees("Touch your token")
	w.finger(key)
	w.sees("This token is your key")
	w.b.Press("Lock")
	w.pull(key)
	w.unlock()

	w.errand(p, "Passcode")
	w.b.Press("Lost the only phone")
	w.b.Press("The second officer is here")
	w.sees("A second officer plugs in their token")
	w.plug(key)
	w.finger(key)
	w.sees("Ready when you are")
	w.b.Press("Show my code")
	code := w.read()[0]
	w.says("as often as you need")
	w.b.Press("I have it, finish")
	for range 12 {
		w.signIn(p, code, true)
	}
	w.pull(key)
	w.unlock()
	w.lend(p, w.key(17390102))
	w.signIn(p, code, false)
}
