//go:build crash

package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// act is what a client does to the account of one user. Every user has one token or one passcode.
type act string

const (
	// actOTP tries the OTP of a counter.
	actOTP act = "otp"
	// actCode tries the passcode, and actWrong another one.
	actCode    act = "code"
	actWrong   act = "wrong"
	actSuspend act = "suspend"
	actResume  act = "resume"
	actRevoke  act = "revoke"
)

// deed is what goes in.
type deed struct {
	user    string
	act     act
	counter int
}

// said is what came out. What is unknown may have been done, now or later or never.
type said string

const (
	saidYes     said = "accepted"
	saidNo      said = "refused"
	saidDone    said = "done"
	saidUnknown said = "unknown"
)

// account is what one user has, as the verifier's rules say (limit.go): the lowest counter that may
// be accepted, the uses left of a passcode, and the failures in a row. After five of them the next
// attempts wait for longer than any history lasts.
type account struct {
	next, left, failures int
	state                string
}

const (
	freeTries = 5
	uses      = 5
)

func (a account) right(d deed) bool {
	if a.state != "active" || a.failures >= freeTries {
		return false
	}
	return d.act == actOTP && d.counter >= a.next || d.act == actCode && a.left > 0
}

// accept and refuse are the account after an attempt.
func (a account) accept(d deed) account {
	a.failures = 0
	if d.act == actOTP {
		a.next = d.counter + 1
	} else if a.left--; a.left == 0 {
		a.state = "revoked"
	}
	return a
}

func (a account) refuse() account {
	if a.state == "active" {
		a.failures = min(freeTries, a.failures+1)
	}
	return a
}

func (a account) ordered(order act) account {
	switch {
	case a.state == "revoked":
	case order == actRevoke:
		a.state = "revoked"
	case order == actSuspend:
		a.state = "suspended"
	case a.state == "suspended":
		a.state = "active"
	}
	return a
}

// model is one account in sequence. It is deterministic, so an answer that does not follow from
// some order of what overlapped has no excuse.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: byUser,
		Init:      func() any { return account{next: 1, left: uses, state: "active"} },
		Step: func(state, input, output any) (bool, any) {
			a, d := state.(account), input.(deed)
			switch {
			case d.act == actSuspend || d.act == actResume || d.act == actRevoke:
				return true, a.ordered(d.act)
			case output == saidYes, output == saidUnknown && a.right(d):
				return a.right(d), a.accept(d)
			}
			return output == saidUnknown || !a.right(d), a.refuse()
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " ", output) },
	}
}

func byUser(history []porcupine.Operation) [][]porcupine.Operation {
	users := map[string][]porcupine.Operation{}
	for _, op := range history {
		user := op.Input.(deed).user
		users[user] = append(users[user], op)
	}
	var all [][]porcupine.Operation
	for _, ops := range users {
		all = append(all, ops)
	}
	return all
}

// record is a history in the making.
type record struct {
	began time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
	// cuts counts how often the verifier was stopped and killed.
	cuts atomic.Int64
}

func newRecord() *record { return &record{began: time.Now()} }

func (r *record) now() int64 { return int64(time.Since(r.began)) }

// do notes one deed. An unknown one has no end: it may take effect as long as the history lasts.
// With no answer at all nothing was sent, and nothing is noted.
func (r *record) do(client int, d deed, call func() said) said {
	began := r.now()
	answer := call()
	op := porcupine.Operation{ClientId: client, Input: d, Call: began, Output: answer, Return: r.now()}
	if answer == saidUnknown {
		op.Return = 1 << 62
	}
	if answer != "" {
		r.mu.Lock()
		r.ops = append(r.ops, op)
		r.mu.Unlock()
	}
	return answer
}

func (r *record) count() map[said]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := map[said]int{}
	for _, op := range r.ops {
		counts[op.Output.(said)]++
	}
	return counts
}

// shows says whether enough of everything happened.
func (r *record) shows() bool {
	counts := r.count()
	return counts[saidYes] >= 150 && counts[saidNo] >= 150 && counts[saidUnknown] >= 3 &&
		counts[saidDone] >= 15 && r.cuts.Load() >= 4
}

func (r *record) length() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// enough waits for that, where everything is slow.
func (r *record) enough(ctx context.Context) {
	for !r.shows() && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
	}
}

// check looks for an order.
func (r *record) check() porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model(), r.ops, time.Minute)
}
