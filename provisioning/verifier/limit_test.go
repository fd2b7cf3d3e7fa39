package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestWaitsDouble(t *testing.T) {
	var l limit
	for failures, want := range map[int]time.Duration{1: 0, 4: 0, 5: 10 * time.Second,
		6: 20 * time.Second, 8: 80 * time.Second, 11: 640 * time.Second, 12: 15 * time.Minute,
		15: 15 * time.Minute, 99: 15 * time.Minute, 100: 15 * time.Minute} {
		l = limit{Failures: failures - 1}.fail(noon)
		wait := time.Duration(0)
		if !l.Until.IsZero() {
			wait = l.Until.Sub(noon)
		}
		if wait != want {
			t.Errorf("after %d failures the wait is %v, want %v", failures, wait, want)
		}
		if open := l.open(noon.Add(want)); open != (failures < 100) {
			t.Errorf("after %d failures and the wait, open is %v", failures, open)
		}
	}
}

// Whatever is tried when: the counter only rises, no counter is accepted twice, nothing is accepted
// during a wait or after the hard stop.
func TestTryLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c credential
		now := noon
		accepted := map[uint64]bool{}
		for range rapid.IntRange(1, 300).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "seconds")) * time.Second)
			m := match{found: rapid.Bool().Draw(t, "found"), near: rapid.Bool().Draw(t, "near"),
				counter: uint64(rapid.IntRange(0, 40).Draw(t, "counter"))}
			before := c
			ok := c.try(m, now)
			switch {
			case c.Next < before.Next:
				t.Fatalf("the counter fell from %d to %d", before.Next, c.Next)
			case ok && (accepted[m.counter] || !m.found || m.counter < before.Next):
				t.Fatalf("accepted %+v with next %d", m, before.Next)
			case ok && (now.Before(before.Limit.Until) || before.Limit.Failures >= hardStop):
				t.Fatal("accepted while it must wait")
			case ok && c.Limit != limit{}:
				t.Fatal("a success forgives nothing")
			case !ok && before.Limit.open(now) && c.Limit.Failures != before.Limit.Failures+1:
				t.Fatal("a failure was not counted")
			}
			if ok {
				accepted[m.counter] = true
			}
		}
	})
}

func TestCallerIsThrottled(t *testing.T) {
	v := &Verifier{clock: func() time.Time { return noon }, callers: newCallerLimits()}
	for range callerBurst {
		if !v.callers.open("vpn", noon) {
			t.Fatal("stopped too early")
		}
		v.callers.fail("vpn", noon)
	}
	_, err := v.Verify(context.Background(), "vpn", "ana", secret.NewOTP("000000"))
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("after the last failure: %v", err)
	}
	if !v.callers.open("web", noon) {
		t.Error("another caller is stopped too")
	}
	if v.callers.open("vpn", noon.Add(99*time.Millisecond)) ||
		!v.callers.open("vpn", noon.Add(time.Second)) {
		t.Error("the allowance does not come back at its rate")
	}
}

// What the API takes as a request encodes to one it takes as the same.
func FuzzVerifyRequest(f *testing.F) {
	f.Add([]byte(`{"user":"ana","otp":"755224"}`))
	f.Add([]byte(`{"user":"ana","otp":"755224"}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(body string) (verifyRequest, error) {
			r, _ := http.NewRequest("POST", PathVerify, strings.NewReader(body))
			var req verifyRequest
			return req, readBody(r, maxBody, &req)
		}
		req, err := read(string(data))
		if err != nil {
			return
		}
		line, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := read(string(line)); len(line) <= maxBody && (err != nil || again != req) {
			t.Fatalf("%q encodes to %q: %v", data, line, err)
		}
	})
}

// BenchmarkMiss is what a wrong OTP costs outside the writer: the whole resynchronisation window.
func BenchmarkMiss(b *testing.B) {
	seed := secret.NewSeed([]byte("12345678901234567890"))
	for b.Loop() {
		m, err := search(seed, 6, 1<<40, resyncWindow, secret.NewOTP("xxxxxx"))
		if err != nil || m.found {
			b.Fatal(m, err)
		}
	}
}
