//go:build crash

package verifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile/disktest"
	"github.com/tokendesk/tokendesk/daemon/boltfile/powertest"
	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// powerMark is what the recorded verifier, its desk and its callers say on the tape. Meant marks
// stand before something that may come about, the others after somebody was told that it did.
type powerMark struct {
	Meant bool `json:",omitempty"`
	// Init and Trusted say that those commands returned.
	Init, Trusted bool `json:",omitempty"`
	// Position is how far the desk's feed reaches, or was acknowledged; Records are those up to
	// there.
	Position int64 `json:",omitempty"`
	Records  int   `json:",omitempty"`
	// Credential is at a stage, or its counter and its failures are.
	Credential string `json:",omitempty"`
	Stage      int    `json:",omitempty"`
	Next       uint64 `json:",omitempty"`
	Failures   int    `json:",omitempty"`
	// OTP of a user was accepted, and Left says how often it may be after that.
	User string `json:",omitempty"`
	OTP  string `json:",omitempty"`
	Left int    `json:",omitempty"`
}

func (m powerMark) say() {
	line, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	disktest.Say(line)
}

// powerStages are the states of a credential in the order in which this test goes through them.
var powerStages = map[string]int{"waiting": 1, "active": 2, "suspended": 3, "revoked": 4}

// powerPlan is a verifier in a folder.
func powerPlan(dir string) verifier.Plan {
	return verifier.Plan{Dir: filepath.Join(dir, "verifier"), Name: "test",
		Hosts: []string{"127.0.0.1"}, Escrow: filepath.Join(dir, "escrow.key"), Now: time.Now()}
}

// powerAcks puts on the tape what the verifier tells the desk.
type powerAcks struct{ *feedtest.Desk }

// Acknowledge implements publish.Acks.
func (a powerAcks) Acknowledge(ctx context.Context, ack feed.Ack) error {
	powerMark{Position: ack.Position}.say()
	for _, v := range ack.Verdicts {
		if v.Outcome == feed.InStep {
			powerMark{Credential: v.Credential, Stage: powerStages["active"]}.say()
		}
	}
	return a.Desk.Acknowledge(ctx, ack)
}

// powerWorld is a verifier at work, on a tape, with a desk and callers who outlive it.
type powerWorld struct {
	t       *testing.T
	dir     string
	desk    *counter
	records int
	*verifier.Verifier
	ctx context.Context
}

// errLife ends a life: the disk failed, and the process stops.
var errLife = errors.New("the life of the process is over")

// TestPowerVerifierRecorded is the program of which the tape is made: a verifier is initialised,
// follows a desk and answers callers for several lives, each of which ends with a failing disk.
func TestPowerVerifierRecorded(t *testing.T) {
	dir, recorded := powertest.Recorded(t)
	if !recorded {
		t.Skip("runs in the build that records, for TestCrashPowerVerifier")
	}
	plan := powerPlan(dir)
	bundle, err := verifier.Init(plan)
	if err != nil {
		t.Fatal(err)
	}
	powerMark{Init: true}.say()
	w := &powerWorld{t: t, dir: plan.Dir}
	desk, err := feedtest.NewDesk("desk1", bundle)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Verifier: &verifier.Verifier{State: &verifier.State{Bundle: bundle}}}
	w.desk = r.serve(t, desk,
		func(c *publish.Config, _ *net.Listener) { c.Acks = powerAcks{desk} })
	for life, end := range []struct {
		kind disktest.Kind
		nth  int
		with error
	}{
		{disktest.Synced, 101, syscall.EIO}, {disktest.Synced, 80, syscall.EIO},
		{disktest.Written, 300, syscall.ENOSPC}, {disktest.Written, 221, syscall.EROFS}, {},
	} {
		nth := 0
		disktest.Fail(func(s disktest.Step) error {
			if s.Kind == end.kind {
				nth++
			}
			if end.with != nil && nth >= end.nth && s.Kind == end.kind {
				return end.with
			}
			return nil
		})
		never := end.with == nil || end.kind == disktest.Synced && disktest.Syncs == "no"
		if ended := w.life(life); ended == never {
			t.Fatalf("life %d ended early: %v, after %d steps of its kind", life, ended, nth)
		}
	}
}

// life runs the verifier until the disk fails or everybody was served.
func (w *powerWorld) life(n int) (ended bool) {
	state, err := verifier.Open(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	config := verifier.Config{State: state}
	verifier.CheapPasscodes(&config)
	if w.Verifier, err = verifier.New(config); err != nil {
		w.t.Fatal(err)
	}
	w.opened(state)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.ctx = ctx
	done := make(chan error, 1)
	go func() {
		err := w.Run(ctx)
		cancel()
		done <- err
	}()
	defer func() {
		cancel()
		err := <-done
		disktest.Fail(nil)
		_ = state.Close()
		if p := recover(); p != nil && (p != errLife || err == nil) {
			panic(p)
		}
	}()
	ended = true
	if n == 0 {
		if err := w.Trust(w.desk.card, verifier.Bounds{}, false); err != nil {
			w.t.Fatal(err)
		}
		powerMark{Trusted: true}.say()
	}
	for user := range 8 {
		w.serve(fmt.Sprintf("user%d.%d", n, user), user)
	}
	return false
}

// opened says what a verifier that was just opened shows to everybody: it must last, whatever the
// last life left.
func (w *powerWorld) opened(state *verifier.State) {
	held, err := state.Held(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	powerMark{Position: held.Positions["desk1"]}.say()
	for id, c := range held.Credentials {
		powerMark{Credential: id, Stage: powerStages[c.State]}.say()
		powerMark{Credential: id, Next: c.Next, Failures: c.Failures}.say()
	}
}

// commit appends a leaf to the desk's feed.
func (w *powerWorld) commit(stage string, credential string, records ...feed.Record) {
	w.records += len(records)
	if stage != "" {
		powerMark{Meant: true, Credential: credential, Stage: powerStages[stage]}.say()
	}
	powerMark{Meant: true, Position: w.desk.Head() + 1, Records: w.records}.say()
	w.desk.Commit(records...)
}

// settled waits until the verifier has acknowledged everything.
func (w *powerWorld) settled() {
	head := w.desk.FeedHead()
	w.over(w.desk.Await(w.ctx, func(acks []feed.Ack, _ map[string]feed.Verdict) bool {
		return len(acks) > 0 && acks[len(acks)-1].Position >= head
	}))
}

// over ends the life when the verifier gave no answer.
func (w *powerWorld) over(err error) {
	if err != nil {
		panic(errLife)
	}
}

// serve is one user: a token that signs in, or a passcode, or a token that is lost.
func (w *powerWorld) serve(user string, n int) {
	if n%4 == 3 {
		w.passcode(user, fmt.Sprintf("%09d", 100_000_000+n+len(user)))
		return
	}
	token := feedtest.NewToken(user)
	w.commit("waiting", token.Credential, w.desk.SealSeed(token, w.desk.Body(token)))
	proof := w.desk.SealProof(token, token.Press())
	w.commit("active", token.Credential, proof)
	w.commit("", "")
	w.over(func() error { _, err := w.desk.Verdict(w.ctx, proof.ID); return err }())
	for try := range 3 {
		w.signIn(token, true)
		for failures := range try % 2 {
			w.wrong(token, failures+1)
		}
	}
	switch n % 4 {
	case 1:
		w.order(token, "suspended", feed.StateSuspended)
	case 2:
		w.order(token, "revoked", feed.StateRevoked)
	}
}

func (w *powerWorld) order(token *feedtest.Token, stage string, to feed.State) {
	w.commit(stage, token.Credential, w.desk.State(token, to))
	w.settled()
	powerMark{Credential: token.Credential, Stage: powerStages[stage]}.say()
}

func (w *powerWorld) signIn(token *feedtest.Token, want bool) {
	at := powerMark{Credential: token.Credential, Next: token.Counter + 1}
	otp := token.Press()
	meant := at
	meant.Meant = true
	meant.say()
	w.answer(token.User, otp, want)
	at.say()
	powerMark{User: token.User, OTP: string(otp.Expose())}.say()
}

// wrong types an OTP that was used.
func (w *powerWorld) wrong(token *feedtest.Token, failures int) {
	at := powerMark{Credential: token.Credential, Next: token.Counter, Failures: failures}
	meant := at
	meant.Meant = true
	meant.say()
	token.Counter--
	w.answer(token.User, token.Press(), false)
	at.say()
}

func (w *powerWorld) answer(user string, otp secret.OTP, want bool) {
	ok, err := w.Verify(w.ctx, "test", user, otp)
	w.over(err)
	if ok != want {
		w.t.Fatalf("%s: accepted is %v", user, ok)
	}
}

// passcode is used up, one use after the other.
func (w *powerWorld) passcode(user, digits string) {
	p := w.desk.NewPasscode(user, digits)
	p.Uses = 3
	w.commit("", "", w.desk.SealPasscode(w.desk.Record(p.ID), p))
	w.settled()
	for use := range p.Uses {
		w.answer(user, secret.NewOTP(digits), true)
		powerMark{User: user, OTP: digits, Left: p.Uses - use - 1}.say()
	}
	w.answer(user, secret.NewOTP(digits), false)
}
