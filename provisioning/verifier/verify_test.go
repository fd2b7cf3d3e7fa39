package verifier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
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
	if _, err := idle.Verify(ctx, "vpn", "ana", secret.NewOTP("000000")); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody decides, and Verify ends with %v", err)
	}
	if err := idle.Alive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody decides, and Alive ends with %v", err)
	}
}

// api serves the API and returns a way to call it.
func api(t testing.TB, r *rig) func(c *http.Client, method, path, body string) (int, http.Header, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	base := "https://" + listener.Addr().String()
	return func(c *http.Client, method, path, body string) (int, http.Header, string) {
		req, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			return 0, nil, err.Error()
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Header.Del("Date")
		return resp.StatusCode, resp.Header, string(data)
	}
}

func body(user string, otp secret.OTP) string {
	line, _ := json.Marshal(map[string]string{"user": user, "otp": string(otp.Expose())})
	return string(line)
}

func TestAPI(t *testing.T) {
	r := newRig(t)
	token := registered(t, r, r.trusted(t, "desk1"), "ana")
	call := api(t, r)
	vpn := apiClient(t, r, "vpn", verifier.RoleVerify)
	help := apiClient(t, r, "help", verifier.RoleHelpdesk)
	desk := apiClient(t, r, "desk1", verifier.RoleFeed)
	stranger := apiClient(t, r, "stranger", "")
	good := token.Press()
	for i, c := range []struct {
		client       *http.Client
		method, path string
		body         string
		status       int
		want         string
	}{
		{vpn, "POST", verifier.PathVerify, body("ana", good), 200, `{"accepted":true}`},
		{vpn, "POST", verifier.PathVerify, body("ana", good), 200, `{"accepted":false}`},
		{help, "POST", verifier.PathVerify, body("ana", token.Press()), 403, `"urn:tokendesk:problem:client"`},
		{desk, "POST", verifier.PathVerify, body("ana", token.Press()), 403, `"urn:tokendesk:problem:client"`},
		{stranger, "POST", verifier.PathVerify, body("ana", token.Press()), 0, "bad certificate"},
		{help, "GET", verifier.PathStatus, "", 200, `"desk":"desk1"`},
		{vpn, "GET", verifier.PathStatus, "", 403, "client"},
		{vpn, "GET", verifier.PathVerify, "", 405, "method"},
		{vpn, "POST", "/v1/other", "", 404, "nowhere"},
		{vpn, "POST", verifier.PathVerify, "", 400, "request"},
		{vpn, "POST", verifier.PathVerify, `{"user":"ana"}`, 400, "request"},
		{vpn, "POST", verifier.PathVerify, `{"user":"ana","otp":"1","more":1}`, 400, "request"},
		{vpn, "POST", verifier.PathVerify, body("ana", good) + "{}", 400, "request"},
		{vpn, "POST", verifier.PathVerify, body(strings.Repeat("a", 200), good), 400, "request"},
		{vpn, "POST", verifier.PathVerify, body(strings.Repeat("a", 5000), good), 413, "too-large"},
	} {
		status, header, got := call(c.client, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("call %d: %d %s, want %d %s", i, status, got, c.status, c.want)
		}
		if status >= 400 && header.Get("Content-Type") != feed.MediaProblem {
			t.Errorf("call %d: %v", i, header)
		}
	}
	if err := r.RemoveCaller("vpn"); err != nil {
		t.Fatal(err)
	}
	if status, _, got := call(vpn, "POST", verifier.PathVerify, body("ana", good)); status != 403 {
		t.Errorf("a removed caller on an open connection gets %d %s", status, got)
	}
	vpn.CloseIdleConnections()
	if status, _, _ := call(vpn, "POST", verifier.PathVerify, body("ana", good)); status != 0 {
		t.Errorf("a removed caller gets %d", status)
	}
}

// Every refusal looks the same, byte for byte.
func TestUniformAnswers(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	known, throttled, lost := registered(t, r, desk, "known"), registered(t, r, desk, "throttled"),
		registered(t, r, desk, "lost")
	used := known.Press()
	if !r.verify(t, "known", used) {
		t.Fatal("not accepted")
	}
	desk.Commit(desk.State(lost, feed.StateSuspended))
	waiting := feedtest.NewToken("waiting")
	desk.Commit(desk.SealSeed(waiting, desk.Body(waiting)))
	desk.settled(t)
	for range 6 {
		r.verify(t, "throttled", wrong(throttled))
	}
	call := api(t, r)
	vpn := apiClient(t, r, "vpn", verifier.RoleVerify)
	var first string
	for name, line := range map[string]string{
		"wrong":     body("known", wrong(known)),
		"used":      body("known", used),
		"unknown":   body("nobody", used),
		"throttled": body("throttled", throttled.Press()),
		"suspended": body("lost", lost.Press()),
		"waiting":   body("waiting", waiting.Press()),
		"letters":   body("known", secret.NewOTP("cccccc")),
		"long":      body("known", secret.NewOTP("12345678901234567890")),
	} {
		status, header, got := call(vpn, "POST", verifier.PathVerify, line)
		answer := fmt.Sprint(status, header, got)
		if first == "" {
			first = answer
		}
		if answer != first {
			t.Errorf("%s: %s, another got %s", name, answer, first)
		}
	}
}

func TestCallersAreNamedOnce(t *testing.T) {
	r := newRig(t)
	pin := strings.Repeat("ab", 32)
	if err := r.AddCaller("vpn", verifier.RoleVerify, pin); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"same name": r.AddCaller("vpn", verifier.RoleVerify, strings.Repeat("cd", 32)),
		"no role":   r.AddCaller("web", "root", strings.Repeat("cd", 32)),
		"no pin":    r.AddCaller("web", verifier.RoleVerify, "cd"),
		"no name":   r.AddCaller("", verifier.RoleVerify, strings.Repeat("cd", 32)),
	} {
		if !errors.Is(err, verifier.ErrCaller) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.RemoveCaller("web"); err == nil {
		t.Error("an unknown caller was removed")
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

// BenchmarkVerify is durable verifications from sixteen callers at once, each right and each counted.
func BenchmarkVerify(b *testing.B) {
	const users = 16
	r := newRig(b)
	desk := r.trusted(b, "desk1")
	tokens := make([]*feedtest.Token, users)
	for i := range tokens {
		tokens[i] = registered(b, r, desk, fmt.Sprintf("user%d", i))
	}
	// The OTPs are computed before: a token does that itself.
	perUser := b.N/users + 1
	otps := make([][]secret.OTP, users)
	for i, token := range tokens {
		for range perUser {
			otps[i] = append(otps[i], token.Press())
		}
	}
	times := make([][]time.Duration, users)
	b.ResetTimer()
	var group sync.WaitGroup
	for i, token := range tokens {
		group.Go(func() {
			for _, otp := range otps[i] {
				began := time.Now()
				if ok, err := r.Verify(context.Background(), "bench", token.User, otp); !ok || err != nil {
					b.Errorf("refused: %v", err)
					return
				}
				times[i] = append(times[i], time.Since(began))
			}
		})
	}
	group.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "verifications/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkFollow is records pulled over mutual TLS, checked, opened and durable.
func BenchmarkFollow(b *testing.B) {
	r := newRig(b)
	desk := r.open(b, "desk1")
	for range (b.N + 1) / 2 {
		desk.Issue(feedtest.NewToken(feedtest.RandomID()))
	}
	b.ResetTimer()
	r.trust(b, desk, verifier.Bounds{})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	head := desk.FeedHead()
	err := desk.Await(ctx, func(acks []feed.Ack, _ map[string]feed.Verdict) bool {
		return len(acks) > 0 && acks[len(acks)-1].Position >= head
	})
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(head)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkVerdict is the time from a proof that is durable at the desk to its verdict there.
func BenchmarkVerdict(b *testing.B) {
	r := newRig(b)
	desk := r.trusted(b, "desk1")
	desk.expect(b, desk.Issue(feedtest.NewToken("first")), feed.InStep)
	var times []time.Duration
	for b.Loop() {
		token := feedtest.NewToken(feedtest.RandomID())
		desk.Commit(desk.SealSeed(token, desk.Body(token)))
		proof := desk.SealProof(token, token.Press())
		began := time.Now()
		desk.Commit(proof)
		desk.expect(b, proof.ID, feed.InStep)
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}
