package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// lateClock is a clock that is ahead.
type lateClock struct {
	trustedClock
	by atomic.Int64
}

// Now implements Clock.
func (c *lateClock) Now() time.Time { return c.trustedClock.Now().Add(time.Duration(c.by.Load())) }

// TestEndings: a month before a certificate ends the desk begins to say so, in every place, and
// once it has ended it says what no longer works.
func TestEndings(t *testing.T) {
	dir, clock, made := t.TempDir(), &lateClock{}, time.Now()
	ca := filepath.Join(dir, "ca.crt")
	_, err := verifier.Identity{Name: "ca", Hosts: []string{"mail"}, Now: made}.Write(ca,
		filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, nil, func(p *pair) { p.config.Mail.CA, p.clock = ca, clock })
	p.until("the verifier has called", func() bool { return p.desk.feed.Follower() != nil })
	day, ten := 24*time.Hour, verifier.EndOf(made).Sub(made)
	for _, c := range []struct {
		name string
		by   time.Duration
		want string
	}{
		{"now", 0, ""},
		{"31 days before the verifier's and the CA's end", ten - 31*day, ""},
		{"29 days before", ten - 29*day, "mail soon, verifier soon"},
		{"the day after", ten + day, "mail over, verifier over"},
		{"20 days before the desk's own ends", certificateLife - 20*day, "feed soon, mail over, verifier over"},
	} {
		clock.by.Store(int64(c.by))
		var got []string
		for _, e := range p.desk.Health(t.Context()).Endings {
			got = append(got, string(e.What)+map[bool]string{true: " over", false: " soon"}[e.Over])
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %q", c.name, got, c.want)
		}
		for _, row := range p.desk.endRows() {
			if row.Renew == "" || row.Stops == "" {
				t.Errorf("%s: nobody is told what to do about %s", c.name, row.What)
			}
		}
	}
	if err := os.WriteFile(ca, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.by.Store(int64(ten - day))
	for _, e := range p.desk.endings() {
		if e.What == provisioning.EndingMail {
			t.Error("a file that cannot be read ends")
		}
	}
}

// TestRenewSentences: the operator reads every refusal in words.
func TestRenewSentences(t *testing.T) {
	for _, code := range provisioning.RenewCodes() {
		var told AdminError
		if err := renewSentence(provisioning.Refuse(code)); !errors.As(err, &told) ||
			!strings.HasSuffix(told.Message, "nothing was changed") {
			t.Errorf("%s: %v", code, err)
		}
	}
}
