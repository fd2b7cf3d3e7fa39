//go:build crash

package main

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// ledger is a verifier in memory with the rules of the model. It does right when whole, and each
// flaw is one that a verifier could have.
type ledger struct {
	mu       sync.Mutex
	accounts map[string]account
	// gap lets others in between the look at a row and the change of it.
	gap bool
	// durable is what a kill leaves, if kills lose something.
	durable map[string]account
	// lazy says that an answer is given before the row is durable.
	lazy bool
}

func (l *ledger) row(user string) account {
	a, ok := l.accounts[user]
	if !ok {
		a = account{next: 1, left: uses, state: "active"}
	}
	return a
}

func (l *ledger) try(d deed) said {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.row(d.user)
	right := a.right(d)
	if l.gap {
		l.mu.Unlock()
		time.Sleep(200 * time.Microsecond)
		l.mu.Lock()
		a = l.row(d.user)
	}
	if right {
		l.accounts[d.user] = a.accept(d)
		return saidYes
	}
	l.accounts[d.user] = a.refuse()
	return saidNo
}

// kill starts anew from what is durable.
func (l *ledger) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lazy {
		l.accounts, l.durable = l.durable, map[string]account{}
	}
}

// attack has as many clients as the real test try a few users, with a kill in the middle.
func attack(l *ledger) *record {
	r := newRecord()
	var clients sync.WaitGroup
	for client := range linearClients {
		clients.Go(func() {
			for i := range 20 {
				d := deed{user: string(rune('a' + client%10)), act: actOTP, counter: 1 + i/2}
				r.do(client, d, func() said { return l.try(d) })
				if client == 0 && i == 10 {
					l.kill()
				}
			}
		})
	}
	clients.Wait()
	return r
}

// The test would see what it is for: a verifier that checks and then acts, and one that answers
// before it is durable, give histories with no order, and so does an answer that was changed.
func TestCrashCheckerFindsFlaws(t *testing.T) {
	fresh := func() map[string]account { return map[string]account{} }
	for name, c := range map[string]struct {
		ledger *ledger
		want   porcupine.CheckResult
	}{
		"whole":          {&ledger{accounts: fresh()}, porcupine.Ok},
		"check then act": {&ledger{accounts: fresh(), gap: true}, porcupine.Illegal},
		"lazy":           {&ledger{accounts: fresh(), durable: fresh(), lazy: true}, porcupine.Illegal},
	} {
		if got := attack(c.ledger).check(); got != c.want {
			t.Errorf("%s: the history is %s, want %s", name, got, c.want)
		}
	}
	r := attack(&ledger{accounts: fresh()})
	at := slices.IndexFunc(r.ops, func(op porcupine.Operation) bool { return op.Output == saidYes })
	again := slices.IndexFunc(r.ops, func(op porcupine.Operation) bool {
		return op.Output == saidNo && op.Input == r.ops[at].Input
	})
	r.ops[again].Output = saidYes
	if got := r.check(); got != porcupine.Illegal {
		t.Errorf("with one answer changed the history is %s", got)
	}
}
