package verifier_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

const digits = "123456789"

// hand is a clock that a test moves.
type hand struct{ ahead atomic.Int64 }

func (h *hand) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *hand) move(d time.Duration) { h.ahead.Add(int64(d)) }

func (h *hand) set(c *verifier.Config) { c.Clock = h.now }

// cheap is a rig with a clock of its own that hashes fast.
func cheap(t testing.TB) (*rig, *counter, *hand) {
	t.Helper()
	clock := &hand{}
	r := start(t, newDir(t), clock.set, verifier.CheapPasscodes)
	return r, r.trusted(t, "desk1"), clock
}

// issued gives a user a passcode the verifier took.
func issued(t testing.TB, desk *counter, user string, edit ...func(*feedtest.Passcode),
) *feedtest.Passcode {
	t.Helper()
	p := desk.NewPasscode(user, digits)
	for _, e := range edit {
		e(p)
	}
	desk.expect(t, desk.IssuePasscode(p), feed.InStep)
	return p
}

// long is Macau's long one.
func long(p *feedtest.Passcode) { p.Type, p.Uses, p.ValidFor = "long", 0, 7*24*time.Hour }

func (r *rig) types(t testing.TB, user, typed string) bool {
	t.Helper()
	return r.verify(t, user, secret.NewOTP(typed))
}

// ended waits for the desk to hear how a passcode ended.
func (c *counter) ended(t testing.TB, p *feedtest.Passcode, want feed.Outcome) {
	t.Helper()
	// The desk hears with its next poll; a leaf with a record ends one.
	c.revoke(feedtest.RandomID())
	got, err := c.End(soon(t), p)
	if err != nil || got.Outcome != want || got.Credential != p.ID {
		t.Errorf("the desk heard %+v, %v, want %s", got, err, want)
	}
}

func (c *counter) revoke(credential string) {
	rec := c.Record(credential)
	rec.Kind, rec.State = feed.KindState, feed.StateRevoked
	c.Commit(rec)
}

// At the real cost: five uses, and no sixth.
func TestFiveUses(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	p := issued(t, desk, "ana")
	if r.types(t, "ana", "123456780") || r.types(t, "bea", digits) || r.types(t, "ana", "012345678") {
		t.Error("accepted a wrong one, or somebody else's")
	}
	for n := range 5 {
		// Sign-in names are compared without regard to case.
		if !r.types(t, []string{"ana", "Ana", "ANA"}[n%3], digits) {
			t.Fatalf("use %d was refused", n+1)
		}
	}
	if r.types(t, "ana", digits) {
		t.Error("the sixth use was accepted")
	}
	desk.ended(t, p, feed.UsedUp)
	r.stop()
	r = start(t, r.dir)
	if r.types(t, "ana", digits) {
		t.Error("the sixth use was accepted after a restart")
	}
}

func TestSingleUseList(t *testing.T) {
	r, desk, _ := cheap(t)
	list := []string{"100000000", "200000000", "300000000", "400000000", "999999999"}
	p := issued(t, desk, "ana", func(p *feedtest.Passcode) {
		p.Codes, p.Uses = nil, 1
		for _, code := range list {
			p.Codes = append(p.Codes, secret.NewPasscode(code))
		}
	})
	for i := range list {
		code := list[(i+2)%len(list)]
		if !r.types(t, "ana", code) || r.types(t, "ana", code) {
			t.Errorf("%s is not good for exactly one use", code)
		}
	}
	desk.ended(t, p, feed.UsedUp)
}

func TestUnlimitedLivesAWeek(t *testing.T) {
	r, desk, clock := cheap(t)
	p := issued(t, desk, "ana", long)
	var refused atomic.Int64
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			for range 25 {
				if !r.types(t, "ana", digits) {
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	if refused.Load() != 0 {
		t.Errorf("%d of 1,000 uses were refused", refused.Load())
	}
	clock.move(7*24*time.Hour - time.Minute)
	if !r.types(t, "ana", digits) {
		t.Error("refused on the seventh day")
	}
	clock.move(time.Minute)
	if r.types(t, "ana", digits) {
		t.Error("accepted after seven days")
	}
	if err := r.Sweep(); err != nil {
		t.Fatal(err)
	}
	desk.ended(t, p, feed.Expired)
	if n := r.status(t).Passcodes; n != 0 {
		t.Errorf("%d passcodes are kept", n)
	}
}

func TestShortLivesADay(t *testing.T) {
	r, desk, clock := cheap(t)
	issued(t, desk, "ana")
	clock.move(24*time.Hour - time.Minute)
	if !r.types(t, "ana", digits) {
		t.Error("refused within the day")
	}
	clock.move(time.Minute)
	if r.types(t, "ana", digits) {
		t.Error("accepted after a day")
	}
}

// The time begins when the desk says, if it can be believed.
func TestWhenTheTimeBegins(t *testing.T) {
	r, desk, clock := cheap(t)
	for name, c := range map[string]struct {
		ahead  time.Duration
		synced bool
		want   feed.Outcome
	}{
		"two days ago":                     {-48 * time.Hour, true, feed.Expired},
		"two days ago, by an unset clock":  {-48 * time.Hour, false, feed.InStep},
		"in a year":                        {365 * 24 * time.Hour, true, feed.InStep},
		"an hour ago, and still a while":   {-time.Hour, true, feed.InStep},
		"a year ago, by a clock never set": {-365 * 24 * time.Hour, false, feed.InStep},
	} {
		p := desk.NewPasscode(name, digits)
		rec := desk.Record(p.ID)
		rec.At, rec.Synced = rec.At.Add(c.ahead), c.synced
		desk.Commit(desk.SealPasscode(rec, p))
		if c.want.Ends() {
			if got, err := desk.End(soon(t), p); err != nil || got.Outcome != c.want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		} else {
			desk.expect(t, p.Record, c.want)
		}
		if r.types(t, name, digits) != (c.want == feed.InStep) {
			t.Errorf("%s: the sign-in does not fit %s", name, c.want)
		}
	}
	clock.move(24 * time.Hour)
	if r.types(t, "in a year", digits) {
		t.Error("a desk whose clock runs ahead made a passcode that lives too long")
	}
}

func TestRevokedIsRefusedAfterTheAck(t *testing.T) {
	r, desk, _ := cheap(t)
	p := issued(t, desk, "ana", long)
	other := r.trusted(t, "desk2")
	other.revoke(p.ID)
	other.settled(t)
	if !r.types(t, "ana", digits) {
		t.Fatal("another desk ended it")
	}
	before := time.Now()
	desk.revoke(p.ID)
	desk.settled(t)
	acked := time.Now()
	if r.types(t, "ana", digits) {
		t.Error("accepted after it was revoked")
	}
	t.Logf("acked after %s, refused %s later", acked.Sub(before), time.Since(acked))
	// It does not come back, with this record or with another.
	desk.Commit(desk.SealPasscode(desk.Record(p.ID), p))
	desk.expect(t, p.Record, feed.Refused)
	if r.types(t, "ana", digits) {
		t.Error("accepted again")
	}
}

// One whose revocation came first is never taken.
func TestRevokedBeforeItCame(t *testing.T) {
	r, desk, _ := cheap(t)
	p := desk.NewPasscode("ana", digits)
	desk.revoke(p.ID)
	desk.expect(t, desk.IssuePasscode(p), feed.Refused)
	if r.types(t, "ana", digits) {
		t.Error("accepted")
	}
}

// A user has one of each type; another desk's replaces it, too.
func TestReplaced(t *testing.T) {
	r, desk, _ := cheap(t)
	first := issued(t, desk, "ana")
	issued(t, desk, "ana", long, func(p *feedtest.Passcode) {
		p.Codes = []secret.Passcode{secret.NewPasscode("555555555")}
	})
	other := r.trusted(t, "desk2")
	issued(t, other, "ANA", func(p *feedtest.Passcode) {
		p.Codes = []secret.Passcode{secret.NewPasscode("777777777")}
	})
	for typed, want := range map[string]bool{digits: false, "555555555": true, "777777777": true} {
		if r.types(t, "ana", typed) != want {
			t.Errorf("%s: not %v", typed, want)
		}
	}
	desk.ended(t, first, feed.Replaced)
}

func TestEnrolmentEndsPasscodes(t *testing.T) {
	r, desk, _ := cheap(t)
	p := issued(t, desk, "ana", long)
	token := registered(t, r, desk, "ana")
	if r.types(t, "ana", digits) {
		t.Error("accepted after a new token was registered")
	}
	desk.ended(t, p, feed.Voided)
	if !r.verify(t, "ana", token.Press()) {
		t.Error("the token does not work")
	}
	// A token that is only brought in step again is not new, and takes nothing away.
	again := issued(t, desk, "ana")
	proof := desk.SealProof(token, token.Skip(20).Press(), token.Press())
	desk.Commit(proof)
	desk.expect(t, proof.ID, feed.InStep)
	if !r.types(t, "ana", digits) {
		t.Error("a resynchronisation ended a passcode")
	}
	// The place where devices are registered says that there is a new one.
	call := api(t, r)
	for _, role := range []verifier.Role{verifier.RoleVerify, verifier.RoleHelpdesk,
		verifier.RoleFeed, verifier.RoleEnrol} {
		status, _, _ := call(apiClient(t, r, string(role), role), "POST", verifier.PathEnrolled,
			`{"user":"Ana"}`)
		if (status == http.StatusOK) != (role == verifier.RoleEnrol) {
			t.Errorf("%s got status %d", role, status)
		}
	}
	if r.types(t, "ana", digits) {
		t.Error("accepted after another device was enrolled")
	}
	desk.ended(t, again, feed.Voided)
	enrol := apiClient(t, r, "enrol2", verifier.RoleEnrol)
	for body, want := range map[string]int{`{"user":"nobody"}`: http.StatusOK,
		`{}`: http.StatusBadRequest, `{"user":"ana","otp":"1"}`: http.StatusBadRequest} {
		if status, _, _ := call(enrol, "POST", verifier.PathEnrolled, body); status != want {
			t.Errorf("%s: status %d, want %d", body, status, want)
		}
	}
}

func TestOnlyForEnrolling(t *testing.T) {
	r, desk, _ := cheap(t)
	issued(t, desk, "ana", long, func(p *feedtest.Passcode) { p.Purpose, p.Uses = feed.PurposeEnrol, 2 })
	enrols := func() bool {
		ok, err := r.VerifyFor(soon(t), "test", "ana", secret.NewOTP(digits), feed.PurposeEnrol)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if r.types(t, "ana", digits) {
		t.Error("it signed in")
	}
	for n, want := range []bool{true, true, false} {
		if enrols() != want {
			t.Errorf("enrolment %d: not %v", n+1, want)
		}
	}
	// One that is for anything is for enrolling, too.
	issued(t, desk, "ana")
	if !enrols() {
		t.Error("a passcode for any sign-in did not enrol")
	}
	call, client := api(t, r), apiClient(t, r, "gate", verifier.RoleVerify)
	for purpose, want := range map[string]int{"vpn": http.StatusBadRequest, "enrol": http.StatusOK} {
		status, _, _ := call(client, "POST", verifier.PathVerify,
			`{"user":"ana","otp":"`+digits+`","for":"`+purpose+`"}`)
		if status != want {
			t.Errorf("for %s: status %d, want %d", purpose, status, want)
		}
	}
}

func TestLastUseFiftyAtOnce(t *testing.T) {
	r, desk, _ := cheap(t)
	for range 5 {
		user := feedtest.RandomID()
		issued(t, desk, user, func(p *feedtest.Passcode) { p.Uses = 1 })
		var accepted atomic.Int64
		var group sync.WaitGroup
		gate := make(chan struct{})
		for range 50 {
			group.Go(func() {
				<-gate
				if r.types(t, user, digits) {
					accepted.Add(1)
				}
			})
		}
		close(gate)
		group.Wait()
		if accepted.Load() != 1 {
			t.Errorf("the last use was accepted %d times", accepted.Load())
		}
	}
}

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

// A stolen desk is revoked, and what it gave out is worth nothing.
func TestRevokedDeskTakesItsPasscodes(t *testing.T) {
	r, desk, _ := cheap(t)
	p := issued(t, desk, "ana", long)
	other := r.trusted(t, "desk2")
	issued(t, other, "bea")
	list, err := r.RevokeDesk("desk1", time.Now().Add(-time.Hour))
	if err != nil || len(list) != 1 || list[0].Credential != p.ID || list[0].User != "ana" ||
		list[0].Serial != "long" {
		t.Errorf("listed %+v, %v", list, err)
	}
	if r.types(t, "ana", digits) || !r.types(t, "bea", digits) {
		t.Error("not exactly the passcodes of the desk ended")
	}
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
