package verifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// api serves the API and returns a way to call it.
func api(t testing.TB, r *rig) func(c *http.Client, method, path,
	body string) (int, http.Header, string) {
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
		{help, "POST", verifier.PathVerify, body("ana", token.Press()), 403, ":problem:client"},
		{desk, "POST", verifier.PathVerify, body("ana", token.Press()), 403, ":problem:client"},
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
