package verifier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// registered gives a user a token that works.
func registered(t testing.TB, r *rig, desk *counter, user string) *feedtest.Token {
	t.Helper()
	token := feedtest.NewToken(user)
	desk.expect(t, desk.Issue(token), feed.InStep)
	return token
}

func TestOneOTPFiftyAtOnce(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	for range 5 {
		token := registered(t, r, desk, feedtest.RandomID())
		otp := token.Press()
		var accepted atomic.Int64
		var group sync.WaitGroup
		gate := make(chan struct{})
		for range 50 {
			group.Go(func() {
				<-gate
				if r.verify(t, token.User, otp) {
					accepted.Add(1)
				}
			})
		}
		close(gate)
		group.Wait()
		if accepted.Load() != 1 {
			t.Errorf("one OTP was accepted %d times", accepted.Load())
		}
	}
}

func TestAcceptedSurvivesARestart(t *testing.T) {
	r := newRig(t)
	token := registered(t, r, r.trusted(t, "desk1"), "ana")
	otp := token.Press()
	if !r.verify(t, "ana", otp) {
		t.Fatal("not accepted")
	}
	r.stop()
	r = start(t, r.dir)
	if r.verify(t, "ana", otp) {
		t.Error("accepted again after a restart")
	}
	if !r.verify(t, "ana", token.Press()) {
		t.Error("the next is not accepted after a restart")
	}
}

// wrong is an OTP the token does not type within any window.
func wrong(token *feedtest.Token) secret.OTP {
	ahead := map[string]bool{}
	probe := *token
	probe.Counter = 0
	for range 1100 {
		ahead[string(probe.Press().Expose())] = true
	}
	for i := range 10000 {
		if code := fmt.Sprintf("%06d", i); !ahead[code] {
			return secret.NewOTP(code)
		}
	}
	panic("every code is right")
}

// later puts a verifier whose desks are gone into a bubble of time. Only what reads the clock runs
// there, on the day the bubble is moved to.
func later(t *testing.T, dir string, f func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)))
		r := start(t, dir)
		f(t, r)
		r.stop()
	})
}

func TestThrottle(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := registered(t, r, desk, "ana")
	desk.stop()
	bad := wrong(token)
	r.stop()

	later(t, r.dir, func(t *testing.T, r *rig) {
		for range 5 {
			r.verify(t, "ana", bad)
		}
		good := token.Press()
		if r.verify(t, "ana", good) {
			t.Error("the right OTP was taken during the wait")
		}
		time.Sleep(10*time.Second - time.Millisecond)
		if r.verify(t, "ana", good) {
			t.Error("the right OTP was taken before the wait was over")
		}
		time.Sleep(time.Millisecond)
		if !r.verify(t, "ana", good) {
			t.Error("the right OTP was refused after the wait")
		}
		for range 4 {
			if r.verify(t, "ana", bad) {
				t.Error("a wrong OTP was taken")
			}
		}
		if !r.verify(t, "ana", token.Press()) {
			t.Error("failures before a success still count")
		}
	})
}

func TestHardStopAndItsEnd(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := registered(t, r, desk, "ana")
	bad := wrong(token)
	r.stop()
	desk.stop()
	later(t, r.dir, func(t *testing.T, r *rig) {
		for range 99 {
			r.verify(t, "ana", bad)
			time.Sleep(15 * time.Minute)
		}
		if !r.verify(t, "ana", token.Press()) {
			t.Error("refused after 99 failures and the wait")
		}
		for range 100 {
			r.verify(t, "ana", bad)
			time.Sleep(15 * time.Minute)
		}
		time.Sleep(24 * time.Hour)
		if r.verify(t, "ana", token.Press()) {
			t.Error("accepted after 100 failures in a row")
		}
	})
	// At the counter the token is proven anew, and works.
	r = start(t, r.dir)
	again := r.serve(t, desk.Desk)
	r.trust(t, again, verifier.Bounds{})
	proof := again.SealProof(token, token.Press())
	again.Commit(proof)
	again.expect(t, proof.ID, feed.InStep)
	if !r.verify(t, "ana", token.Press()) {
		t.Error("refused after a new proof")
	}
}

func TestResync(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	tokens := map[string]*feedtest.Token{}
	for _, user := range []string{"far", "gap", "late", "beyond"} {
		tokens[user] = registered(t, r, desk, user)
	}
	desk.stop()
	r.stop()
	later(t, r.dir, func(t *testing.T, r *rig) {
		try := func(user string, want bool, why string) {
			t.Helper()
			if r.verify(t, user, tokens[user].Press()) != want {
				t.Error(user + ": " + why)
			}
		}
		tokens["far"].Skip(11)
		try("far", false, "one OTP beyond the look-ahead signed in")
		try("far", true, "two in order did not bring it back")
		try("far", true, "the next did not sign in")
		tokens["far"].Skip(998)
		try("far", false, "one OTP far ahead signed in")
		try("far", true, "two in order, 999 ahead, did not bring it back")

		tokens["gap"].Skip(50)
		try("gap", false, "one OTP signed in")
		tokens["gap"].Skip(1)
		try("gap", false, "two that do not follow each other signed in")
		try("gap", true, "the one after did not")

		tokens["late"].Skip(50)
		try("late", false, "one OTP signed in")
		time.Sleep(5*time.Minute + time.Second)
		try("late", false, "the second came too late and signed in")

		tokens["beyond"].Skip(1001)
		try("beyond", false, "an OTP beyond the window signed in")
		try("beyond", false, "two beyond the window signed in")
	})
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	r.stop()
	state, err := verifier.Open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	idle, err := verifier.New(verifier.Config{State: state})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = idle.Verify(ctx, "vpn", "ana", secret.NewOTP("000000"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("nobody decides, and Verify ends with %v", err)
	}
	if err := idle.Alive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody decides, and Alive ends with %v", err)
	}
}

// No seed and no OTP is in any file of the verifier, in no common spelling.
func TestNothingAtRest(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := registered(t, r, desk, "ana-with-a-name")
	r.verify(t, "ana-with-a-name", token.Press())
	r.stop()
	seed := token.Seed.Expose()
	for name, data := range files(t, r.dir) {
		for how, leak := range spellings(seed) {
			if bytes.Contains(data, leak) {
				t.Errorf("%s holds the seed in %s", name, how)
			}
		}
		if bytes.Contains(data, []byte("ana-with-a-name")) || bytes.Contains(data, []byte(token.Serial)) {
			t.Errorf("%s holds a name or a serial in the clear", name)
		}
	}
}
