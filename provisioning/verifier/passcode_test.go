package verifier_test

import (
	"net/http"
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
