package verifier_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// Wrong tries wait as they do for a token, across a restart; a new passcode begins anew.
func TestPasscodeThrottle(t *testing.T) {
	r, desk, clock := cheap(t)
	issued(t, desk, "ana", long)
	for range 5 {
		r.types(t, "ana", "987654321")
	}
	if r.types(t, "ana", digits) {
		t.Error("the right one was taken during the wait")
	}
	clock.move(10*time.Second - time.Second)
	if r.types(t, "ana", digits) {
		t.Error("the right one was taken before the wait was over")
	}
	clock.move(time.Second)
	if !r.types(t, "ana", digits) {
		t.Error("the right one was refused after the wait")
	}
	// A hundred in a row end it (NIST SP 800-63B-4 section 3.2.2), and only a new one begins anew.
	for range 100 {
		r.types(t, "ana", "987654321")
		clock.move(15 * time.Minute)
	}
	if r.types(t, "ana", digits) {
		t.Error("the right one was taken after a hundred wrong ones")
	}
	issued(t, desk, "ana", long)
	if !r.types(t, "ana", digits) {
		t.Error("a new one was refused")
	}
	for range 5 {
		r.types(t, "ana", "987654321")
	}
	desk.stop()
	r.stop()
	if r = start(t, r.dir, clock.set, verifier.CheapPasscodes); r.types(t, "ana", digits) {
		t.Error("a restart forgave the wrong tries")
	}
}

func TestBoundsHoldForPasscodes(t *testing.T) {
	r := start(t, newDir(t), verifier.CheapPasscodes)
	desk := r.open(t, "desk1")
	r.trust(t, desk, verifier.Bounds{Sites: []string{"um"}, Users: []string{"mc"}, PerHour: 2})
	for _, c := range []struct {
		user, site string
		want       feed.Outcome
	}{
		{"db1", "um", feed.Refused}, {"mc1", "unimas", feed.Refused}, {"MC1", "um", feed.InStep},
		{"mc2", "um", feed.InStep}, {"mc3", "um", feed.Refused},
	} {
		p := desk.NewPasscode(c.user, digits)
		p.Site = c.site
		desk.expect(t, desk.IssuePasscode(p), c.want)
		if r.types(t, c.user, digits) != (c.want == feed.InStep) {
			t.Errorf("%s of %s: the sign-in does not fit %s", c.user, c.site, c.want)
		}
	}
	broken := desk.NewPasscode("mc4", digits)
	rec := desk.SealPasscode(desk.Record(broken.ID), broken)
	rec.Sealed[len(rec.Sealed)/4] ^= 1
	desk.Commit(rec)
	desk.expect(t, broken.Record, feed.Unreadable)
}

// No digit is in any file, and none in what the files hold once opened; and without the key of the
// state the hash cannot even be searched.
func TestNoDigitIsStored(t *testing.T) {
	r, desk, _ := cheap(t)
	// Digits that are in no time, port or position by chance.
	const rare = "739518264"
	issued(t, desk, "ana", func(p *feedtest.Passcode) {
		p.Codes = []secret.Passcode{secret.NewPasscode(rare)}
	})
	if !r.types(t, "ana", rare) {
		t.Fatal("it does not work")
	}
	contents, err := r.Contents()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := r.HashPasscode("ana", rare)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(contents, []byte(base64.StdEncoding.EncodeToString(hash))) {
		t.Error("the search does not even find the hash: it proves nothing")
	}
	for _, needle := range [][]byte{[]byte(rare), []byte(rare[:6]), []byte(rare[3:])} {
		if bytes.Contains(contents, needle) {
			t.Errorf("%s is in the opened state", needle)
		}
	}
	other, err := newRig(t).HashPasscode("ana", rare)
	if err != nil || bytes.Equal(hash, other) {
		t.Errorf("another verifier hashes the same: %v", err)
	}
	desk.stop()
	r.stop()
	err = filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(rare)) || bytes.Contains(data, hash) {
			t.Errorf("%s holds the digits or their hash", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A user without a passcode, and no user at all, cost what a user with three costs.
func TestUnknownUsersCostTheSame(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	for i, of := range []string{"short", "long", "recovery"} {
		issued(t, desk, "ana", long, func(p *feedtest.Passcode) {
			p.Type, p.Codes = of, []secret.Passcode{secret.NewPasscode(fmt.Sprint(100000000 + i))}
		})
	}
	// The quickest of each counts: whatever else the machine does only makes them slower.
	quickest := map[bool]time.Duration{true: time.Hour, false: time.Hour}
	near := func() bool {
		return quickest[true] < 2*quickest[false] && quickest[false] < 2*quickest[true]
	}
	for round := 0; round < 5 || round < 50 && !near(); round++ {
		for _, known := range []bool{true, false} {
			user := strings.Repeat("x", round+1)
			if known {
				user = "ana"
			}
			before := time.Now()
			if r.types(t, user, "100000000") != known {
				t.Fatalf("the answer for %s is wrong", user)
			}
			quickest[known] = min(quickest[known], time.Since(before))
		}
	}
	t.Logf("a right one takes %s, an unknown user %s", quickest[true], quickest[false])
	if !near() {
		t.Error("the time tells who is known")
	}
}
