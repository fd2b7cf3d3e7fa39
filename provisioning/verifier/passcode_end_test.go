package verifier_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

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
		"in a week":                        {7 * 24 * time.Hour, true, feed.InStep},
		"in a year":                        {365 * 24 * time.Hour, true, feed.InStep},
		"in a year, by an unset clock":     {365 * 24 * time.Hour, false, feed.InStep},
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
	if r.types(t, "in a week", digits) {
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
