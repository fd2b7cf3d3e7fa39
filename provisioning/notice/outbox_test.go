package notice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

func TestMailSaysWhatHappened(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	r := w.runner(t, server.mailer(t), nil)
	w.happen(t, taken)
	if err := r.rounds(t.Context(), map[provisioning.NoticeChannel]*outbox{}); err != nil {
		t.Fatal(err)
	}
	if len(server.mail) != 1 || len(w.states()) != 0 {
		t.Fatalf("%d messages, left %v, logs %s", len(server.mail), w.states(), w.logs)
	}
	m := server.mail[0]
	for name, want := range map[string]string{"To": "<chan@example.edu>",
		"From": `"Help Desk" <desk@example.edu>`, "Auto-Submitted": "auto-generated"} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := subject(t, m); got != "A passcode was issued for your account" {
		t.Errorf("subject %q", got)
	}
	for _, want := range []string{"Dear Chan Tai Man,", "short-term passcode", "valid until 24 November 2026, 12:00",
		"works 5 times", "23 November 2026, 12:00"} {
		if body := strings.Join(strings.Fields(server.bodies[0]), " "); !strings.Contains(body, want) {
			t.Errorf("no %q in %q", want, body)
		}
	}
	if strings.Contains(server.bodies[0], "twice") {
		t.Error("the only copy says it may be the second")
	}
}

// What goes wrong, and what it makes of the notice.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault  fault
		state  provisioning.NoticeState
		unsure int
		reason string
		paused bool
	}{
		"down":       {faultDown, provisioning.NoticeQueued, 0, "connect", true},
		"silent":     {faultSilent, provisioning.NoticeQueued, 0, "connect", true},
		"no TLS":     {faultNoTLS, provisioning.NoticeQueued, 0, "connect", true},
		"sender 4":   {faultSender4, provisioning.NoticeQueued, 0, "smtp 451 4.3.0", true},
		"sender 5":   {faultSender5, provisioning.NoticeQueued, 0, "smtp 550 5.7.1", true},
		"rcpt 4":     {faultRcpt4, provisioning.NoticeQueued, 0, "smtp 450 4.2.0", false},
		"rcpt 5":     {faultRcpt5, provisioning.NoticeDead, 0, "smtp 550 5.1.1", false},
		"data 4":     {faultData4, provisioning.NoticeQueued, 0, "smtp 452 4.3.1", false},
		"data 5":     {faultData5, provisioning.NoticeDead, 0, "smtp 554 5.7.1", false},
		"cut inside": {faultCutInData, provisioning.NoticeQueued, 1, "no_answer", true},
		"cut after":  {faultCutAfterDot, provisioning.NoticeQueued, 1, "no_answer", true},
		"hang after": {faultHangAfterDot, provisioning.NoticeQueued, 1, "no_answer", true},
		"bye":        {faultBye, "", 0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, server := newWorld(t), newSMTPD(t)
			server.set(t, test.fault)
			r := w.runner(t, server.mailer(t), nil)
			w.happen(t, taken)
			boxes := map[provisioning.NoticeChannel]*outbox{}
			if err := r.rounds(t.Context(), boxes); err != nil {
				t.Fatal(err)
			}
			var got provisioning.Notice
			for n := range provisioning.All[provisioning.Notice](w.ledger.Snapshot()) {
				got = n
			}
			if got.State != test.state || got.Unsure != test.unsure || got.Reason != test.reason {
				t.Errorf("%s, unsure %d, %q", got.State, got.Unsure, got.Reason)
			}
			if paused := boxes[provisioning.NoticeByMail].down > 0; paused != test.paused {
				t.Errorf("paused: %v", paused)
			}
			if strings.Contains(w.logs.String(), "chan@") {
				t.Errorf("the log tells whom: %s", w.logs)
			}
		})
	}
}

// The servers are down for a day; everything arrives once they are back, and once.
func TestDownForADay(t *testing.T) {
	w, server, gateway := newWorld(t), newSMTPD(t), newGateway(t)
	server.set(t, faultDown)
	gateway.status.Store(503)
	r := w.runner(t, server.mailer(t), gateway.sms(t, true))
	boxes := map[provisioning.NoticeChannel]*outbox{}
	const happened = 30
	for i := range 24 * 12 { // every five minutes
		if i%10 == 0 {
			w.happen(t, taken)
		}
		if err := r.rounds(t.Context(), boxes); err != nil {
			t.Fatal(err)
		}
		if i == 100 || i == 200 { // and the desk restarts twice
			r, boxes = w.runner(t, server.mailer(t), gateway.sms(t, true)),
				map[provisioning.NoticeChannel]*outbox{}
		}
		w.clock.advance(5 * time.Minute)
	}
	if len(server.taken())+len(gateway.taken()) != 0 {
		t.Fatal("a server that is down took something")
	}
	w.happen(t, "recovery.failed")
	server.set(t, faultNone)
	gateway.status.Store(200)
	for range 24 {
		w.clock.advance(5 * time.Minute)
		if err := r.rounds(t.Context(), boxes); err != nil {
			t.Fatal(err)
		}
	}
	if left := w.states(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for name, taken := range map[string]map[string][]string{"mail": server.taken(),
		"sms": gateway.taken()} {
		if len(taken) != happened {
			t.Errorf("%s: %d of %d arrived", name, len(taken), happened)
		}
		for id, copies := range taken {
			if len(copies) != 1 {
				t.Errorf("%s %s: %d copies", name, id, len(copies))
			}
		}
	}
}

// errCrash is the end of a process in the middle of a commit.
var errCrash = errors.New("crash")

// crash is where the process ends: which commit fails, and whether the message went out before.
type crash struct {
	name    string
	commits int
	sends   bool
}

// The desk is killed at every point between queueing and outcome, while the server takes the
// message, takes it without a word, or does not. Nothing is lost; there are two copies at most, and
// the second says that it may be one.
func TestKilledWhileSending(t *testing.T) {
	crashes := []crash{{"before the intent", 0, true}, {"before the network", 1, false},
		{"before the outcome", 1, true}, {"after the outcome", 2, true}}
	for _, f := range []fault{faultNone, faultCutAfterDot, faultCutInData, faultRcpt4} {
		for _, first := range crashes {
			for _, second := range crashes {
				w, server := newWorld(t), newSMTPD(t)
				r := w.runner(t, server.mailer(t), nil)
				w.happen(t, taken)
				server.set(t, f)
				w.killAt(t, r, server, first)
				server.set(t, faultNone)
				w.clock.advance(time.Hour)
				r = w.runner(t, server.mailer(t), nil)
				w.killAt(t, r, server, second)
				w.settle(t, server)
				checkCopies(t, server, fmt.Sprint("fault ", f, ", killed ", first.name, ", then ", second.name))
			}
		}
	}
}

// killAt lets a desk work until it is killed.
func (w *world) killAt(t *testing.T, r *Runner, server *smtpd, c crash) {
	t.Helper()
	base := len(w.ledger.Changes())
	w.ledger.Before = func(commits int) error {
		if commits >= base+c.commits {
			return errCrash
		}
		return nil
	}
	defer func() { w.ledger.Before = nil }()
	if !c.sends {
		r.senders[provisioning.NoticeByMail] = stillborn{}
	}
	err := r.rounds(t.Context(), map[provisioning.NoticeChannel]*outbox{})
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
}

// stillborn is a process that ends before it reaches the network.
type stillborn struct{}

func (stillborn) Send(context.Context, Message) error { return errCrash }

// settle restarts the desk and lets it work for some hours.
func (w *world) settle(t *testing.T, server *smtpd) {
	t.Helper()
	r := w.runner(t, server.mailer(t), nil)
	boxes := map[provisioning.NoticeChannel]*outbox{}
	for range 10 {
		if err := r.rounds(t.Context(), boxes); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(time.Hour)
	}
	// Two tries that may have arrived end on the list of dead letters; all else arrives.
	for n := range provisioning.All[provisioning.Notice](w.ledger.Snapshot()) {
		if n.State != provisioning.NoticeDead || n.Unsure < 2 {
			t.Errorf("left behind: %+v", n)
		}
		return
	}
	if len(server.taken()) != 1 {
		t.Errorf("%d notices arrived, none is listed", len(server.taken()))
	}
}

// checkCopies: the notice arrived, or is listed because two tries may have; two copies at most.
func checkCopies(t *testing.T, server *smtpd, when string) {
	t.Helper()
	for _, copies := range server.taken() {
		if len(copies) > 2 {
			t.Errorf("%s: %d copies", when, len(copies))
		}
		if len(copies) == 2 && !strings.Contains(copies[1], "twice") {
			t.Errorf("%s: the second copy does not say so", when)
		}
		if len(copies) == 2 && strings.Contains(copies[0], "twice") {
			t.Errorf("%s: the first copy says it is the second", when)
		}
	}
}

// Two tries whose answer is lost are enough: there is no third copy, and the notice is listed.
func TestNoThirdCopy(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	server.set(t, faultCutAfterDot)
	r := w.runner(t, server.mailer(t), nil)
	w.happen(t, taken)
	boxes := map[provisioning.NoticeChannel]*outbox{}
	for range 20 {
		if err := r.rounds(t.Context(), boxes); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(time.Hour)
	}
	checkCopies(t, server, "always cut")
	dead := provisioning.DeadNotices(w.ledger.Snapshot())
	if len(dead) != 1 || dead[0].Reason != provisioning.ReasonUnknown {
		t.Errorf("dead: %+v", dead)
	}
}

// A notice that cannot be sent for three days is given up and listed; an officer retries or drops
// it.
func TestGivenUpAfterThreeDays(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	server.set(t, faultDown)
	r := w.runner(t, server.mailer(t), nil)
	w.happen(t, taken)
	boxes := map[provisioning.NoticeChannel]*outbox{}
	var after time.Duration
	for len(provisioning.DeadNotices(w.ledger.Snapshot())) == 0 && after < 10*24*time.Hour {
		if err := r.rounds(t.Context(), boxes); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(time.Minute)
		after += time.Minute
	}
	if after < 60*time.Hour || after > 80*time.Hour {
		t.Errorf("given up after %v", after)
	}
	server.set(t, faultNone)
	w.clock.advance(longestPause)
	dead := provisioning.DeadNotices(w.ledger.Snapshot())
	w.order(t, provisioning.RetryNotice{Notice: dead[0].ID})
	if err := r.rounds(t.Context(), boxes); err != nil {
		t.Fatal(err)
	}
	if len(server.taken()) != 1 || len(w.states()) != 0 {
		t.Errorf("%d arrived, left %v", len(server.taken()), w.states())
	}
}

func (w *world) order(t *testing.T, c provisioning.Command) {
	t.Helper()
	_, err := w.ledger.Do(t.Context(), func(s provisioning.Snapshot) (provisioning.Change, error) {
		if _, ok := provisioning.Get[provisioning.Officer](s, "lee"); !ok {
			return provisioning.NewChange(provisioning.Entry{Act: "test"}).Put(
				provisioning.Officer{ID: "lee"}), nil
		}
		return provisioning.Change{}, errNothing
	})
	if err != nil && !errors.Is(err, errNothing) {
		t.Fatal(err)
	}
	_, err = w.ledger.Do(t.Context(), func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Decide(s, w.site, provisioning.Order{By: "lee", Op: "o1",
			At: w.clock.Now(), Desk: "desk1", Command: c})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Run sends what is queued while it runs, and stops when told to.
func TestRun(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	r := w.runner(t, server.mailer(t), nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	w.happen(t, taken)
	for deadline := time.Now().Add(5 * time.Second); len(server.taken()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nothing was sent")
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// A notice on a channel the desk no longer has is listed, not forgotten.
func TestChannelSwitchedOff(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	server.set(t, faultDown)
	r := w.runner(t, server.mailer(t), nil)
	w.happen(t, taken)
	_ = r.rounds(t.Context(), map[provisioning.NoticeChannel]*outbox{})
	w.runner(t, nil, nil)
	dead := provisioning.DeadNotices(w.ledger.Snapshot())
	if len(dead) != 1 || dead[0].Reason != provisioning.ReasonChannelOff {
		t.Errorf("dead: %+v", dead)
	}
	w.happen(t, taken)
	if n := provisioning.WaitingNotices(w.ledger.Snapshot()); n != 0 {
		t.Errorf("%d notices wait for a channel that is not there", n)
	}
}
