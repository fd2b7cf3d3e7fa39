package verifier_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

const someGroups = "students = [\"mc*\", \"Visitor\"]\nstaff = [\"fst-*\"]\n" +
	"administrators = [\"dean\"]\n"

// withGroups starts a verifier that reads groups and administrators from files.
func withGroups(t *testing.T) (r *rig, groups, admins string) {
	t.Helper()
	dir := t.TempDir()
	groups, admins = filepath.Join(dir, "groups.toml"), filepath.Join(dir, "administrators")
	write(t, groups, someGroups)
	write(t, admins, "# of the machines\nroot-op   # on call\n\n")
	m, err := verifier.NewMembership(groups, admins, nil)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, newDir(t), func(c *verifier.Config) { c.Groups = m }), groups, admins
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// refusedFor says what the verifier answers to a token, or a passcode, of a user.
func (c *counter) refusedFor(t *testing.T, user string, passcode bool) feed.Reason {
	t.Helper()
	if passcode {
		return c.verdict(t, c.IssuePasscode(c.NewPasscode(user, "739518264"))).Reason
	}
	token := feedtest.NewToken(user)
	seed := c.SealSeed(token, c.Body(token))
	c.Commit(seed)
	proof := c.SealProof(token, token.Press())
	c.Commit(proof)
	if c.verdict(t, proof.ID).Outcome == feed.InStep {
		return ""
	}
	return c.verdict(t, seed.ID).Reason
}

func TestGroupsBoundADesk(t *testing.T) {
	r, _, _ := withGroups(t)
	for _, c := range []struct {
		name   string
		groups []string
		user   string
		want   feed.Reason
	}{
		{"any group, nobody special", nil, "someone", ""},
		{"an administrator of the file of names", nil, "ROOT-op", feed.ReasonExcluded},
		{"an administrator of the file of groups", nil, "dean", feed.ReasonExcluded},
		{"in the group by pattern", []string{"students"}, "MC12345", ""},
		{"in the group by name", []string{"students"}, "visitor", ""},
		{"in another group", []string{"students"}, "fst-lee", feed.ReasonExcluded},
		{"in one of two", []string{"students", "staff"}, "fst-lee", ""},
		{"in no group", []string{"students"}, "someone", feed.ReasonExcluded},
		{"an administrator where allowed", []string{"administrators"}, "root-op", ""},
		{"no administrator where only those are", []string{"administrators"}, "someone",
			feed.ReasonExcluded},
		{"a group of nobody", []string{"nobody"}, "someone", feed.ReasonExcluded},
	} {
		for _, passcode := range []bool{false, true} {
			desk := r.open(t, "desk"+feedtest.RandomID()[:6])
			r.trust(t, desk, verifier.Bounds{Groups: c.groups})
			if got := desk.refusedFor(t, c.user, passcode); got != c.want {
				t.Errorf("%s (passcode %v): %q, want %q", c.name, passcode, got, c.want)
			}
			free(t, r, desk)
			desk.stop()
		}
	}
}

// free takes what a desk issued out of the way of the next.
func free(t *testing.T, r *rig, desk *counter) {
	t.Helper()
	if _, err := r.RevokeDesk(desk.ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// The files are read again when they change; a broken one leaves what was read in force.
func TestGroupsAreReadAgain(t *testing.T) {
	groups := filepath.Join(t.TempDir(), "groups.toml")
	write(t, groups, someGroups)
	m, err := verifier.NewMembership(groups, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	await := func(user string, want bool) {
		t.Helper()
		for over := time.Now().Add(10 * time.Second); m.In(user, "students") != want; {
			if time.Now().After(over) {
				t.Fatalf("%s in the group: not %v", user, want)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	await("new", false)
	write(t, groups, "students = [\"new\"]\n")
	await("new", true)
	await("mc1", false)
	write(t, groups, "students = [ broken\n")
	time.Sleep(250 * time.Millisecond) // longer than the files go unlooked at
	await("new", true)
	if m.In("dean", "administrators") {
		t.Error("the new file was not taken whole")
	}
}

// What a revoked desk sends is refused with a reason, what it issued stays suspended, and doing it
// twice changes nothing.
func TestRevokedDeskIsRefusedWithAReason(t *testing.T) {
	r := newRig(t)
	desk, other := r.trusted(t, "desk1"), r.trusted(t, "desk2")
	token, theirs := feedtest.NewToken("ana"), feedtest.NewToken("cy")
	desk.expect(t, desk.Issue(token), feed.InStep)
	other.expect(t, other.Issue(theirs), feed.InStep)
	passcode := desk.NewPasscode("ben", "739518264")
	desk.expect(t, desk.IssuePasscode(passcode), feed.InStep)
	since := time.Now().Add(-time.Hour)
	list, err := r.RevokeDesk("desk1", since)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	first := r.status(t).Desks[0].Revoked
	again, err := r.RevokeDesk("desk1", since)
	if err != nil || len(again) != 1 || again[0].User != "ana" {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if got := r.status(t).Desks[0].Revoked; !got.Equal(first) {
		t.Error("the desk is revoked since the second time")
	}
	after := feedtest.NewToken("dan")
	seed, order := desk.SealSeed(after, desk.Body(after)), desk.Order(theirs, feed.OrderRevoke)
	code := desk.SealPasscode(desk.Record(feedtest.RandomID()), desk.NewPasscode("ben", "839518264"))
	desk.Commit(seed, order, code, desk.State(token, feed.StateResumed))
	for _, record := range []string{seed.ID, order.ID, code.ID} {
		if got := desk.verdict(t, record); got.Outcome != feed.Refused ||
			got.Reason != feed.ReasonRevoked {
			t.Errorf("a record of a revoked desk: %+v", got)
		}
	}
	if r.verify(t, "ana", token.Press()) || !r.verify(t, "cy", theirs.Press()) {
		t.Error("a revoked desk still moves tokens")
	}
}

// A person has one token, from whichever desk, and the second desk is told whose the first is.
func TestSecondDeskIsToldWhoLent(t *testing.T) {
	r := newRig(t)
	one, two := r.trusted(t, "desk1"), r.trusted(t, "desk2")
	one.expect(t, one.Issue(feedtest.NewToken("ana")), feed.InStep)
	second := two.verdict(t, two.Issue(feedtest.NewToken("ANA")))
	if second.Outcome != feed.Refused || second.Reason != feed.ReasonLent || second.Desk != "desk1" {
		t.Errorf("%+v", second)
	}
}

// The hour counts passcodes beside tokens, and says so.
func TestTooManyAnHour(t *testing.T) {
	r := newRig(t)
	desk := r.open(t, "desk1")
	r.trust(t, desk, verifier.Bounds{PerHour: 2})
	var got []feed.Reason
	for i, user := range []string{"ana", "ben", "cy"} {
		if i == 1 {
			got = append(got, desk.verdict(t, desk.Issue(feedtest.NewToken(user))).Reason)
			continue
		}
		got = append(got, desk.refusedFor(t, user, true))
	}
	if !slices.Equal(got, []feed.Reason{"", "", feed.ReasonTooMany}) {
		t.Error(got)
	}
}
