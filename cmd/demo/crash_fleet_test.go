//go:build crash

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// crashFleet is three desks of one site, each a process of its own, and the verifier they share.
type crashFleet struct {
	t       *testing.T
	dir     string
	central *central
	lanes   []*crashLane
	// stolen: the third desk was revoked.
	stolen bool
	// former is the verifier that was moved away. It runs on.
	former *central
	// ahead is how much later the clock of the moved verifier is.
	ahead atomic.Int64
	// held is what each person has in hand, by the desks' own screens.
	held map[string]*crashHeld
	// counters are the lowest ones the verifier may still accept, by credential.
	counters map[string]uint64
}

// crashHeld is one person's token.
type crashHeld struct {
	lane   *crashLane
	serial uint32
	// works: the person was told that it does, and nobody took that back.
	works bool
	// typed are the last OTPs it typed: none of them is ever accepted again. To try them all would
	// be guessing.
	typed []string
	// spare are OTPs it typed before it left the desk's port: somebody who is not at the counter
	// signs in with these.
	spare []string
}

// crashFleetSteps are one run. After each of them everything that was promised is tried.
var crashFleetSteps = []struct {
	what string
	do   func(*crashFleet)
}{
	{"each desk lends one", (*crashFleet).lendAll},
	{"a desk is killed while a person holds a token that was written", (*crashFleet).killOne},
	{"a token of one desk is reported lost at another", (*crashFleet).lostElsewhere},
	{"a desk is stolen, and revoked", (*crashFleet).stealOne},
	{"the person it served gets a token from another desk", (*crashFleet).serveAgain},
	{"the stolen desk goes on lending", (*crashFleet).thief},
	{"the verifier moves to another machine and key", (*crashFleet).move},
	{"every key of the desks is renewed while they lend", (*crashFleet).renewDesks},
	{"the site secret is renewed", (*crashFleet).renewSite},
	{"every key that desks know the verifier by is renewed", (*crashFleet).renewCentral},
	{"every key that callers know it by is renewed", (*crashFleet).renewCallers},
	{"the stolen desk goes on lending, after all that", (*crashFleet).thiefLends},
}

// TestCrashFleet: three desks, one killed and one stolen, the verifier moved and every key renewed
// in one run. No token that works is lost, no counter falls, no OTP works twice, and nobody has two
// tokens.
func TestCrashFleet(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("run", func(t *testing.T) {
		f := newCrashFleet(t)
		for _, step := range crashFleetSteps {
			began := time.Now()
			step.do(f)
			f.judge(step.what)
			t.Logf("%s: %v", step.what, time.Since(began).Round(time.Millisecond))
			if t.Failed() {
				return
			}
		}
		for _, l := range f.lanes[:2] {
			l.desk.kill()
			l.readKeys()
			l.audit()
		}
	})
}

func newCrashFleet(t *testing.T) *crashFleet {
	f := &crashFleet{t: t, dir: t.TempDir(), held: map[string]*crashHeld{}}
	log := &crashLog{}
	f.central = newCrashCentral(t, f.dir, log)
	for i, who := range []int{0, 1, 5} {
		l := &crashLane{t: t, dir: t.TempDir(), log: log, plan: newCrashPlan(i),
			central: f.central, name: "desk" + strconv.Itoa(i+1), who: who,
			first: uint32(i) * 1000}
		if i > 0 {
			l.secret = f.lanes[0].siteSecret()
		}
		l.build(4)
		f.lanes = append(f.lanes, l)
	}
	return f
}

// newCrashCentral makes a verifier and runs it until the test ends.
func newCrashCentral(t *testing.T, dir string, out io.Writer) *central {
	return runCrashCentral(t, dir, out, func(*central, *slog.Logger) error { return nil })
}

// runCrashCentral is newCrashCentral, with something changed before it runs.
func runCrashCentral(
	t *testing.T, dir string, out io.Writer, change func(*central, *slog.Logger) error,
) *central {
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := newCentral(settings{state: dir, verifier: "127.0.0.1:0"}, log)
	if err == nil {
		err = change(c, log)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.run(ctx) }()
	t.Cleanup(func() {
		c.caller.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the verifier ended with: %v", err)
		}
		c.close()
	})
	return c
}

// lend walks a loan at a desk, for the person of the lane whose token it is.
func (f *crashFleet) lend(l *crashLane) {
	f.t.Helper()
	f.walks(l, phaseIssue)
	f.held[l.person.Account] = &crashHeld{lane: l, serial: l.serial, works: true}
}

func (f *crashFleet) lendAll() {
	for _, l := range f.lanes {
		f.lend(l)
	}
}

// killOne: the second desk is killed with a token written and not touched, and once more right
// after it told a person that theirs works. The first is listed and written anew; the second works.
func (f *crashFleet) killOne() {
	l := f.lanes[1]
	f.walks(l, phaseReturn)
	delete(f.held, l.person.Account)
	l.aimAt(&crashPoint{leg: legHold})
	if _, ended := l.walk(phaseIssue, true); ended {
		f.t.Fatal("the loan came to its end, and was to be cut off")
	}
	l.start()
	l.settled()
	if l.last.listed = l.listed(); !l.last.listed {
		f.t.Error("the token the killed desk had written is not listed")
	}
	f.lend(l)
	l.desk.kill()
	l.last.listed = false
	l.start()
}

// walks is an errand at a desk that nobody kills.
func (f *crashFleet) walks(l *crashLane, phase crashPhase) {
	f.t.Helper()
	l.aimAt(nil)
	if _, ended := l.walk(phase, true); !ended {
		f.t.Fatalf("%s died by itself\n%s", l.name, l.log)
	}
	l.settled()
}

// lostElsewhere: the first person's token is reported lost at the second desk, with a card, and
// another is lent where the first was.
func (f *crashFleet) lostElsewhere() {
	home, other := f.lanes[0], f.lanes[1]
	gone := f.held[home.person.Account]
	other.browser.Open("/tokens")
	f.unlocked(other)
	other.browser.Open("/tokens")
	other.browser.Press("Find", "serial", strconv.Itoa(int(gone.serial)))
	other.browser.Press("Lost, card shown: end it for good")
	gone.works = false
	f.await("the loan ended at the desk that made it", func() bool {
		return home.settled().loan(home.id()).State != provisioning.LoanOpen
	})
	f.replace(home)
	f.lend(home)
	f.refused(home.person.Account, gone)
}

// unlocked makes sure that a desk's officer is in.
func (f *crashFleet) unlocked(l *crashLane) {
	if l.browser.Page.Has("Unlock") {
		l.browser.Press("Unlock", "officer", crashOfficer, "pin", crashPIN)
	}
}

// judge tries what was promised: each token that works signs its person in, with an OTP that was
// never used and with no other; the verifier holds one for each, and no desk a second.
func (f *crashFleet) judge(after string) {
	f.t.Helper()
	works := 0
	for account, held := range f.held {
		if !held.works {
			continue
		}
		works++
		for _, old := range held.typed {
			if f.signsIn(account, old) {
				f.t.Errorf("after %q: an OTP of %s is accepted twice", after, account)
			}
		}
		otp := f.press(held)
		f.deaf(account, otp)
		if !f.signsIn(account, otp) {
			f.t.Errorf("after %q: the token of %s is lost", after, account)
		}
		if loan := held.lane.settled().loan(yubikeyID(held.serial)); !loan.Open() {
			f.t.Errorf("after %q: the loan of %s is %q", after, account, loan.State)
		}
	}
	status := f.status()
	if active := status.Credentials["active"]; active != works {
		f.t.Errorf("after %q: %d tokens are active, and %d people have one", after, active, works)
	}
	for _, d := range status.Desks {
		if d.Alarm.What != "" {
			f.t.Errorf("after %q: %s: %s", after, d.Desk, d.Alarm.What)
		}
	}
	if f.stolen && status.Desks[2].Revoked.IsZero() {
		f.t.Errorf("after %q: the stolen desk is trusted again", after)
	}
	f.oneEach(after, status)
	f.noneLower(after)
}

// oneEach: no person has two open loans that their desk takes for active, at the desks that may
// still lend.
func (f *crashFleet) oneEach(after string, status verifier.Status) {
	f.t.Helper()
	open := map[provisioning.PersonID]int{}
	for i, l := range f.lanes {
		if !status.Desks[i].Revoked.IsZero() {
			continue
		}
		for _, loan := range l.settled().Loans {
			if loan.Open() {
				open[loan.Person]++
			}
		}
	}
	for person, n := range open {
		if n > 1 {
			f.t.Errorf("after %q: %s has %d tokens on loan", after, person, n)
		}
	}
}

// refused: a token that works no more types, and nobody gets in.
func (f *crashFleet) refused(account string, held *crashHeld) {
	f.t.Helper()
	otp := f.press(held)
	if f.signsIn(account, otp) {
		f.t.Errorf("a token of %s is accepted that should not be", account)
	}
}

// replace takes a token from a desk's drawer in place of the one a person leaves with.
func (f *crashFleet) replace(l *crashLane) {
	f.t.Helper()
	for _, held := range f.held {
		for held.lane == l && held.serial == l.serial && len(held.spare) < 12 {
			held.spare = append(held.spare, f.touch(held))
		}
	}
	l.replace()
}

// press has a token type, wherever it is.
func (f *crashFleet) press(held *crashHeld) (otp string) {
	f.t.Helper()
	if len(held.spare) > 0 {
		otp, held.spare = held.spare[0], held.spare[1:]
	} else {
		otp = f.touch(held)
	}
	held.typed = append(held.typed[max(0, len(held.typed)-2):], otp)
	return otp
}

func (f *crashFleet) touch(held *crashHeld) string {
	f.t.Helper()
	otp, err := held.lane.tokens.Touch(held.lane.soon(), held.serial, crashSlot)
	if err != nil {
		f.t.Fatal(err)
	}
	return otp
}

func (f *crashFleet) signsIn(account, otp string) bool {
	f.t.Helper()
	accepted, err := f.central.signIn(f.t.Context(), account, otp)
	if err != nil {
		f.t.Fatal(err)
	}
	return accepted
}

func (f *crashFleet) status() verifier.Status {
	f.t.Helper()
	status, err := f.central.verifier.Status()
	if err != nil {
		f.t.Fatal(err)
	}
	return status
}

func (f *crashFleet) await(what string, holds func() bool) {
	f.t.Helper()
	if err := f.until(what, holds); err != nil {
		f.t.Fatal(err)
	}
}

// until is await for whatever must not end the test.
func (f *crashFleet) until(what string, holds func() bool) error {
	for over := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(over) {
			return fmt.Errorf("waited in vain until %s", what)
		}
	}
	return nil
}
