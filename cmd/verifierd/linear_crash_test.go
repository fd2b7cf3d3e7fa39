//go:build crash

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/oath"
)

// linearClients try, in crews that share a user for a while.
const (
	linearClients = 50
	crewSize      = 5
	// tokenCrews try tokens, the other crews passcodes, whose hashes cost more.
	tokenCrews = 8
	// crewLife is how long a user is tried: less than the first wait after five failures.
	crewLife = 2 * time.Second
	counters = 300
	// maxTries at one user, and so many looks at it after a kill.
	maxTries = 60
	looks    = 12
)

// target is a user under attack. Seen is the highest counter that was accepted.
type target struct {
	user, credential string
	codes            []string
	over             time.Time
	seen, tries      atomic.Int64
}

// TestCrashLinearizable has fifty clients try tokens and passcodes at once, over the API of a real
// verifierd, while its desk suspends, resumes and revokes them, and while the process is stopped
// for a time and killed. Whatever was answered must follow from one order of everything (Herlihy
// and Wing's linearizability), with what was never answered done or not done.
func TestCrashLinearizable(t *testing.T) {
	lasts := 7 * time.Second
	if os.Getenv("SOAK") != "" {
		lasts = 5 * time.Minute
	}
	s := newLinearSite(t)
	r := newRecord()
	ctx, cancel := context.WithTimeout(t.Context(), lasts+time.Minute)
	defer cancel()
	time.AfterFunc(lasts, func() { r.enough(ctx); cancel() })
	var crews sync.WaitGroup
	for crew := range linearClients / crewSize {
		crews.Go(func() { s.crew(ctx, t, r, crew) })
	}
	s.disturb(ctx, t, r)
	crews.Wait()
	began := time.Now()
	result := r.check()
	t.Logf("%d deeds, %v, %d pauses and kills, checked in %v: %s", len(r.ops), r.count(),
		r.cuts.Load(), time.Since(began).Round(time.Millisecond), result)
	if result != porcupine.Ok {
		t.Errorf("the history is %s", result)
	}
	if !r.shows() {
		t.Error("too little happened to show anything")
	}
}

// disturb stops the process for a time and kills it, over and over, until ctx is done. It lets some
// deeds be done between, however long they take here.
func (s *linearSite) disturb(ctx context.Context, t *testing.T, r *record) {
	rest := func() bool {
		for due := r.length() + 30 + rand.N(80); r.length() < due && ctx.Err() == nil; {
			time.Sleep(2 * time.Millisecond)
		}
		return ctx.Err() == nil
	}
	for rest() {
		s.signal(syscall.SIGSTOP)
		time.Sleep(rand.N(200 * time.Millisecond))
		s.signal(syscall.SIGCONT)
		if rest() {
			s.kill(t)
			s.start(t)
			r.cuts.Add(1)
		}
	}
}

// crew tries one user after another.
func (s *linearSite) crew(ctx context.Context, t *testing.T, r *record, crew int) {
	for round := 0; ctx.Err() == nil; round++ {
		u, ok := s.issue(ctx, t, fmt.Sprintf("user%d-%d", crew, round), crew < tokenCrews)
		if !ok {
			return
		}
		var group sync.WaitGroup
		for i := range crewSize {
			group.Go(func() { s.client(ctx, r, u, crew*crewSize+i) })
		}
		group.Wait()
	}
}

// issue gives a user a token, or a passcode, that the verifier took.
func (s *linearSite) issue(ctx context.Context, t *testing.T, user string,
	token bool) (*target, bool) {
	u := &target{user: user}
	var rec string
	if token {
		held := plainToken(t, user)
		u.credential, u.codes = held.Credential, codesOf(t, held)
		rec = s.desk.Issue(held)
	} else {
		passcode := s.desk.NewPasscode(user, "123456789")
		u.credential, rec = passcode.ID, s.desk.IssuePasscode(passcode)
	}
	verdict, err := s.desk.Verdict(ctx, rec)
	if err == nil && verdict.Outcome != feed.InStep {
		t.Errorf("the verdict on %s is %s", user, verdict.Outcome)
	}
	u.over = time.Now().Add(crewLife)
	return u, err == nil
}

// plainToken is a token no two of whose codes are the same: an accident there would look like a
// counter taken twice.
func plainToken(t *testing.T, user string) *feedtest.Token {
	for {
		token, met := feedtest.NewToken(user), map[string]bool{}
		for _, code := range codesOf(t, token) {
			met[code] = true
		}
		if len(met) == counters {
			return token
		}
	}
}

func codesOf(t *testing.T, token *feedtest.Token) (codes []string) {
	all, err := oath.Codes(token.Seed, 0, counters, 6)
	if err != nil {
		t.Error(err)
	}
	for _, code := range all {
		codes = append(codes, string(code.Expose()))
	}
	return codes
}

// client tries a user until there is nothing more to see.
func (s *linearSite) client(ctx context.Context, r *record, u *target, client int) {
	boss := client%crewSize == 0
	for time.Now().Before(u.over) && ctx.Err() == nil && u.tries.Add(1) < maxTries {
		switch {
		case boss && rand.N(4) == 0:
			s.orders(ctx, r, u, client)
		case len(u.codes) > 0:
			s.tryToken(r, u, client)
		default:
			d := deed{user: u.user, act: actCode}
			typed := "123456789"
			if rand.N(5) == 0 {
				d.act, typed = actWrong, "987654321"
			}
			u.note(r.do(client, d, func() said { return s.verify(client, u.user, typed) }))
		}
	}
}

// note ends the attack soon after the process was killed, with a few looks at what that left: each
// deed that nobody knows the end of doubles the orders to be checked.
func (u *target) note(answer said) {
	if tries := u.tries.Load(); answer == saidUnknown && tries < maxTries-looks {
		u.tries.CompareAndSwap(tries, maxTries-looks)
	}
}

// tryToken types the next OTP most of the time, one a little ahead, or one that was used.
func (s *linearSite) tryToken(r *record, u *target, client int) {
	counter := int(u.seen.Load()) + 1
	switch rand.N(8) {
	case 0:
		counter -= 1 + rand.N(min(3, counter))
	case 1:
		counter += rand.N(3)
	}
	counter = min(counter, counters-1)
	answer := r.do(client, deed{u.user, actOTP, counter}, func() said {
		return s.verify(client, u.user, u.codes[counter])
	})
	u.note(answer)
	for seen := u.seen.Load(); answer == saidYes && int64(counter) > seen; seen = u.seen.Load() {
		u.seen.CompareAndSwap(seen, int64(counter))
	}
}

// orders suspends a token, resumes it at once, or now and then revokes what there is.
func (s *linearSite) orders(ctx context.Context, r *record, u *target, client int) {
	order := func(act act, to feed.State) {
		rec := s.desk.Record(u.credential)
		rec.Kind, rec.State = feed.KindState, to
		r.do(client, deed{user: u.user, act: act}, func() said { return s.order(ctx, rec) })
	}
	if rand.N(8) == 0 {
		order(actRevoke, feed.StateRevoked)
		return
	}
	if len(u.codes) > 0 {
		order(actSuspend, feed.StateSuspended)
		order(actResume, feed.StateResumed)
	}
}
