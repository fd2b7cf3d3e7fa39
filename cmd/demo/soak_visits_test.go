//go:build e2e

package main

import (
	"context"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// soakVisits are all kinds of visits, in the order they come round.
var soakVisits = []struct {
	name string
	do   func(*soak)
}{
	{"loan", (*soak).visitLoan},
	{"passcode", (*soak).visitPasscode},
	{"return", (*soak).visitReturn},
	{"look", (*soak).look},
	{"loan", (*soak).visitLoan},
	{"suspend and lift", (*soak).visitSuspend},
	{"wrong PIN", (*soak).wrongPIN},
	{"void", (*soak).visitVoid},
	{"long passcode", (*soak).visitLong},
	{"request", (*soak).visitRequest},
	{"recovery", (*soak).visitRecovery},
	{"idle", (*soak).visitIdle},
	{"loan", (*soak).visitLoan},
	{"lost", (*soak).visitLost},
	{"parked", (*soak).visitParked},
	{"re-plug", (*soak).replug},
	{"wrong sign-in", (*soak).wrongSignIn},
}

// visit is the next one.
func (s *soak) visit() {
	s.t.Helper()
	s.ready()
	soakVisits[s.turns%len(soakVisits)].do(s)
	s.turns++
	s.leak()
}

func (s *soak) visitLoan() {
	s.t.Helper()
	p, key := s.somebody(), s.token()
	s.lend(p, key)
	s.signIn(p, s.typed(key), true)
	s.lent = append(s.lent, soakLoan{p, key})
}

// oldest takes the oldest loan, if there is one.
func (s *soak) oldest() (loan soakLoan, found bool) {
	if len(s.lent) == 0 {
		return loan, false
	}
	loan, s.lent = s.lent[0], s.lent[1:]
	return loan, true
}

// soakLoans are left open when tokens are returned, so that loans do not grow without end.
const soakLoans = 4

func (s *soak) visitReturn() {
	s.t.Helper()
	for len(s.lent) > soakLoans {
		loan, _ := s.oldest()
		s.ready()
		s.takeBack(loan.person, loan.key)
		s.pull(loan.key)
		s.drawer = append(s.drawer, loan.key)
	}
}

// visitLost ends the life of a token.
func (s *soak) visitLost() {
	s.t.Helper()
	loan, found := s.oldest()
	if !found {
		return
	}
	s.lose(loan.person)
	s.finish()
	s.settle(loan.person, "Paid", "R-1")
	s.finish()
}

func (s *soak) visitSuspend() {
	s.t.Helper()
	loan, found := s.oldest()
	if !found {
		return
	}
	s.card(loan.person)
	s.b.Press("Lost token")
	s.b.Press("Suspend it")
	s.sees("Token suspended", "The sign-in service does not accept it.")
	s.finish()
	s.errand(loan.person, "Lift suspension")
	s.plug(loan.key)
	s.sees("Lift the suspension?")
	s.b.Press("Lift it")
	s.sees("The token works again.")
	s.finish()
	s.pull(loan.key)
	s.lent = append(s.lent, loan)
}

func (s *soak) visitVoid() {
	s.t.Helper()
	p, key := s.somebody(), s.token()
	s.lend(p, key)
	s.errand(p, "Undo hand-over")
	s.b.Press("Wrong person")
	s.sees("The loan is void and the token is not accepted any more.")
	s.finish()
	s.drawer = append(s.drawer, key)
}

// visitPasscode ends one of two passcodes at once; the other one runs out.
func (s *soak) visitPasscode() {
	s.t.Helper()
	p := s.somebody()
	code := s.passcode(p, "Forgot the phone today")[0]
	s.signIn(p, code, true)
	if s.fast && s.turns%2 == 0 {
		return
	}
	s.ready()
	s.errand(p, "Open passcodes")
	s.b.Press("Revoke")
	s.sees("The sign-in service does not accept it any more.")
	s.finish()
	s.signIn(p, code, false)
}

func (s *soak) visitLong() {
	s.t.Helper()
	p := s.somebody()
	s.errand(p, "Passcode")
	s.b.Press("Lost the only phone")
	s.b.Press("The second officer is here")
	s.sees("A second officer plugs in their token")
	s.plug(s.second)
	s.finger(s.second)
	s.sees("Ready when you are")
	s.b.Press("Show my code")
	code := s.read()[0]
	s.b.Press("I have it, finish")
	s.pull(s.second)
	s.signIn(p, code, true)
}

// visitRequest answers a request that is typed in.
func (s *soak) visitRequest() {
	s.t.Helper()
	p := s.somebody()
	s.b.Open("/requests")
	s.b.Press("Fill in the form")
	s.b.Press("Continue", "answer", string(p.ID))
	s.b.Press("Continue", "answer", knows[p.ID].identityCard[:4])
	s.b.Press("Compare and send", "answer", "Exam at 14:00")
	if s.post.Closed() {
		s.says("may not have left")
		return
	}
	s.says("The passcode is sent")
}

// visitRecovery uses up what it is given.
func (s *soak) visitRecovery() {
	s.t.Helper()
	p := s.somebody()
	s.alone.Open("/")
	s.until("the view is open", func() bool { return s.alone.Reload().Has("Get a 2FA passcode") })
	s.recover(s.alone, p, "not the password")
	s.alone.Open("/")
	s.recover(s.alone, p, samplePassword)
	s.until("the verifier has it", func() bool { return s.alone.Reload().Says("Ready when you are") })
	s.alone.Press("Show my code")
	m := spelledCode.FindStringSubmatch(s.alone.Page.HTML)
	if m == nil {
		s.t.Fatalf("no digits: %s", s.alone.Page.Text)
	}
	s.alone.Press("I have it, finish")
	digits := strings.ReplaceAll(m[1], " ", "")
	s.signIn(p, digits, true)
	s.signIn(p, digits, true)
}

// visitIdle leaves a visit lying until the desk locks, and takes it up again.
func (s *soak) visitIdle() {
	s.t.Helper()
	p := s.somebody()
	s.errand(p, "Phone cannot run the app")
	s.sees("Plug a token")
	if s.fast {
		time.Sleep(10 * time.Minute)
	} else {
		s.b.Press("Lock")
	}
	s.b.Open("/")
	s.says("1 visit is waiting for its officer.")
	s.unlock()
	s.card(p)
	s.b.Press("Back to choices")
	s.b.Press("End this visit")
}

// visitParked lends while the verifier is silent. Where time is real, nobody waits for that.
func (s *soak) visitParked() {
	s.t.Helper()
	if !s.fast {
		return
	}
	s.central.connect(false)
	time.Sleep(90 * time.Second)
	s.ready()
	p, key := s.somebody(), s.token()
	s.toTouch(p, key)
	s.touch(key)
	s.sees("The sign-in service is silent")
	s.pull(key)
	s.b.Press("Keep it for pick-up")
	s.b.Press("No slip")
	s.sees("1 proven, waiting")
	s.central.connect(true)
	s.sees("1 ready for pick-up")
	s.b.Follow("1 ready for pick-up")
	s.b.Press("Hand over")
	s.says("It is registered with the sign-in service and works now.")
	s.finish()
	s.lent = append(s.lent, soakLoan{p, key})
}

// wrongPIN keeps the officer out once.
func (s *soak) wrongPIN() {
	s.t.Helper()
	s.b.Press("Lock")
	s.b.Open("/")
	s.b.Press("Unlock", "officer", string(officers[0].id), "pin", "358014")
	s.says("That PIN is wrong")
	s.b.Press("Unlock", "officer", string(officers[0].id), "pin", s.pin)
	s.sees("Type the number")
}

// look opens pages and streams, and leaves them.
func (s *soak) look() {
	s.t.Helper()
	for _, path := range []string{"/ready", "/held", "/parked", "/doubtful", "/tokens", "/shift",
		"/shift.csv", "/number"} {
		if s.b.Open(path); s.b.Page.Status != 200 {
			s.t.Fatalf("%s answers %d", path, s.b.Page.Status)
		}
		s.peek(s.b)
	}
	p := s.somebody()
	s.b.Open("/number")
	s.b.Press("Find", "number", string(p.ID))
	s.says(p.Name)
	s.b.Press("End this visit")
	if len(s.lent) > 0 {
		s.b.Open("/tokens")
		s.b.Press("Find", "serial", spelt(s.lent[0].key))
		s.says(spelt(s.lent[0].key))
	}
}

// peek listens to the stream of a page and goes away, as a browser does when its page is left.
func (s *soak) peek(b *kiosktest.Browser) {
	s.t.Helper()
	if b.Page.Live == "" {
		return
	}
	for range 5 {
		ctx, cancel := context.WithCancel(s.t.Context())
		events := b.Listen(ctx, b.Page.Live)
		cancel()
		for range events {
		}
	}
}

// replug puts one token in and out, as hands at a counter do.
func (s *soak) replug() {
	s.t.Helper()
	key := s.token()
	defer func() { s.drawer = append(s.drawer, key) }()
	for range 5 {
		s.plug(key)
		s.pull(key)
	}
}

func (s *soak) wrongSignIn() {
	s.t.Helper()
	for range 5 {
		p := s.somebody()
		s.signIn(p, "000000", false)
	}
}

// aged says what a day leaves behind: no passcode past its end, and no form older than a day.
func (s *soak) aged() {
	s.t.Helper()
	now := s.clock.Now()
	for p := range provisioning.All[provisioning.Passcode](s.desk.Snapshot()) {
		if p.Until.Before(now.Add(-time.Hour)) {
			s.t.Errorf("a passcode that ended at %v is still alive at %v", p.Until, now)
		}
	}
	for op := range provisioning.All[provisioning.OpResult](s.desk.Snapshot()) {
		if op.At.Before(now.Add(-25*time.Hour - time.Minute)) {
			s.t.Errorf("a form of %v is still remembered at %v", op.At, now)
		}
	}
}
