package kiosk

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// Whoever begins sessions without end puts nobody out but themself.
func TestSessionsAreShared(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	s := &sessionStore{now: func() time.Time { return at }, kept: map[string]kept{}}
	from := func(address string) context.Context {
		return context.WithValue(t.Context(), fromKey{}, address)
	}
	if err := s.CommitCtx(from("192.0.2.1"), "person", nil, at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxSessions {
		end := at.Add(time.Hour + time.Duration(i))
		if err := s.CommitCtx(from("192.0.2.9"), strconv.Itoa(i), nil, end); err != nil {
			t.Fatal(err)
		}
	}
	last := strconv.Itoa(3*maxSessions - 1)
	for _, token := range []string{"person", last} {
		if _, found, _ := s.Find(token); !found {
			t.Errorf("%s was put out", token)
		}
	}
	if len(s.kept) != maxSessions {
		t.Errorf("%d are kept", len(s.kept))
	}
}

// One place cannot keep all others out, and what ended in a passcode stays.
func TestRecoveriesUnderWayAreShared(t *testing.T) {
	var forgot []provisioning.PasscodeID
	u := newUnderWay(time.Now, func(id provisioning.PasscodeID) { forgot = append(forgot, id) })
	for i := range maxUnderWay {
		if !u.begin(strconv.Itoa(i), "192.0.2.9") {
			t.Fatalf("the %d-th does not begin", i)
		}
	}
	u.edit("0", func(f *recovery) { f.passcode = "p1" })
	if u.begin("one more", "192.0.2.9") {
		t.Error("the bound does not hold")
	}
	for i := range 2 {
		if !u.begin("person"+strconv.Itoa(i), "192.0.2.1") {
			t.Error("one place keeps others out")
		}
	}
	if _, here := u.read("0"); !here || len(forgot) != 0 || len(u.byID) != maxUnderWay {
		t.Errorf("forgot %v, %d are under way", forgot, len(u.byID))
	}
}

// One line counts once, however many addresses it has.
func TestAddressOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:40000":          "192.0.2.7",
		"[::ffff:192.0.2.7]:1":     "192.0.2.7",
		"[2001:db8:1:2::1]:1":      "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::9]:1": "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:1":      "2001:db8:1:3::/64",
		"[fe80::1%eth0]:1":         "fe80::/64",
		"@":                        "@",
	} {
		if got := addressOf(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}
