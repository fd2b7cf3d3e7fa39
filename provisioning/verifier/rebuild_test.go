package verifier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// lose stops a verifier and destroys everything of it but its escrow key.
func lose(t testing.TB, r *rig) (escrow string) {
	t.Helper()
	r.stop()
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(r.dir), "escrow.key")
}

// successor begins a rebuild in a new directory. It does not run.
func successor(t testing.TB, lost feed.Bundle) *rig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rebuilt")
	if _, err := verifier.BeginRebuild(verifier.Plan{Dir: dir, Hosts: []string{"127.0.0.1"},
		Now: time.Now()}, lost); err != nil {
		t.Fatal(err)
	}
	return idle(t, dir)
}

// idle opens a verifier without running it.
func idle(t testing.TB, dir string) *rig {
	t.Helper()
	state, err := verifier.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{State: state})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Verifier: v, dir: dir, stop: func() {}}
	open := true
	r.stop = func() {
		if open {
			open = false
			if err := state.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(func() { r.stop() })
	return r
}

// handOver gives a desk the bundle of another verifier and serves it for that one.
func (c *counter) handOver(t testing.TB, to *rig, change ...misbehaviour) *counter {
	t.Helper()
	c.stop()
	if err := c.Adopt(to.Bundle); err != nil {
		t.Fatal(err)
	}
	next := to.serve(t, c.Desk, change...)
	to.trust(t, next, verifier.Bounds{PerHour: 1})
	return next
}

func escrowKey(t testing.TB, path string) *feed.Opener {
	t.Helper()
	key, err := verifier.ReadEscrowKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (r *rig) rebuild(t testing.TB, escrow string) []verifier.Rebuilt {
	t.Helper()
	list, err := r.Rebuild(soon(t), []*feed.Opener{escrowKey(t, escrow)}, func(desk string, err error) {
		t.Logf("waiting for %s: %v", desk, err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRebuildFromEscrow loses a verifier with 200 credentials and makes it anew from the escrow key
// and what two desks hold.
func TestRebuildFromEscrow(t *testing.T) {
	old := newRig(t)
	// The desk whose name comes first did what came last.
	late, early := old.trusted(t, "a-late"), old.trusted(t, "z-early")
	var tokens []*feedtest.Token
	for i := range 200 {
		token := feedtest.NewToken(fmt.Sprintf("user%d", i))
		early.Issue(token)
		tokens = append(tokens, token)
	}
	early.settled(t)

	used, swapped, resumed, revoked := tokens[0], tokens[1], tokens[2], tokens[3]
	// One signed in beyond the look-ahead, one was used far ahead and typed two OTPs at the desk then.
	for range 30 {
		if !old.verify(t, used.User, used.Press()) {
			t.Fatal("a good OTP was refused")
		}
	}
	shown := tokens[4].Skip(700)
	early.Commit(early.SealProof(shown, shown.Press(), shown.Press()))
	early.settled(t)
	// One was reported lost, and its user got another from the other desk; the first came back.
	early.Commit(early.State(swapped, feed.StateSuspended), early.State(resumed, feed.StateSuspended))
	early.settled(t)
	second := feedtest.NewToken(swapped.User)
	late.expect(t, late.Issue(second), feed.InStep)
	early.Commit(early.State(swapped, feed.StateResumed), early.State(resumed, feed.StateResumed),
		early.State(revoked, feed.StateRevoked), early.State(tokens[5], feed.StateSuspended))
	code := early.NewPasscode("user7", "123456789")
	early.expect(t, early.IssuePasscode(code), feed.InStep)
	early.settled(t)
	before := old.status(t)
	escrow, lost := lose(t, old), old.Bundle

	r := successor(t, lost)
	if err := r.Run(soon(t)); !errors.Is(err, verifier.ErrRebuilding) {
		t.Fatalf("it ran before it was rebuilt: %v", err)
	}
	early, late = early.handOver(t, r), late.handOver(t, r)
	// The desks went on meanwhile, for the new key.
	fresh := feedtest.NewToken("fresh")
	freshProof := early.Issue(fresh)
	list := r.rebuild(t, escrow)
	if len(list) != 2 || list[1].Passcodes != 1 || list[1].Unreadable != 0 {
		t.Errorf("the report is %+v", list)
	}
	r.stop()
	dir := r.dir
	r = start(t, dir)
	early.expect(t, freshProof, feed.InStep)
	after := r.status(t)
	before.Credentials["active"]++ // the fresh one
	if fmt.Sprint(after.Credentials) != fmt.Sprint(before.Credentials) || after.Unsure != 199 ||
		after.Passcodes != 0 || after.Rebuilt.At.IsZero() || !after.Rebuilding.At.IsZero() {
		t.Errorf("before %v, after %+v", before.Credentials, after)
	}
	if d := after.Desks[1]; d.Bounds.PerHour != 1 {
		t.Errorf("the bounds of a desk became %+v", d.Bounds)
	}
	// The desk hears that its passcode is dead.
	end, err := early.End(soon(t), code)
	if err != nil || end.Outcome != feed.Rebuilt || r.verify(t, "user7", secret.NewOTP("123456789")) {
		t.Errorf("the passcode ended as %v, %v", end, err)
	}

	if !r.verify(t, fresh.User, fresh.Press()) {
		t.Error("a token from after the loss wants more than one OTP")
	}
	for _, token := range append(tokens[10:25], used, second, resumed, shown) {
		first := token.Press()
		if r.verify(t, token.User, first) {
			t.Fatalf("%s: one OTP was accepted", token.User)
		}
		next := token.Press()
		if !r.verify(t, token.User, next) {
			t.Fatalf("%s: the second in a row was refused", token.User)
		}
		if r.verify(t, token.User, next) || r.verify(t, token.User, first) {
			t.Fatalf("%s: an OTP was accepted again", token.User)
		}
		if !r.verify(t, token.User, token.Press()) {
			t.Fatalf("%s: a third OTP was refused", token.User)
		}
	}
	for _, token := range []*feedtest.Token{revoked, swapped, tokens[5]} {
		r.verify(t, token.User, token.Press())
		if r.verify(t, token.User, token.Press()) {
			t.Errorf("%s: one that is no longer good was accepted", token.User)
		}
	}

	// The escrow key left no trace.
	raw, err := os.ReadFile(escrow)
	if err != nil {
		t.Fatal(err)
	}
	contents, err := r.Contents()
	if err != nil || bytes.Contains(contents, raw[:40]) {
		t.Errorf("the escrow key stayed: %v", err)
	}
}

// TestRebuiltNeverBelowAProof: OTPs that the desk's proofs showed are gone, though the lost verifier
// is the only one that counted the sign-ins between them.
func TestRebuiltNeverBelowAProof(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	token := registered(t, old, desk, "ana")
	for range 40 {
		if !old.verify(t, "ana", token.Press()) {
			t.Fatal("refused")
		}
	}
	stolen := *token // who saw the next three OTPs
	token.Skip(2)
	desk.expect(t, commitProof(desk, token), feed.InStep)
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	desk = desk.handOver(t, r)
	r.rebuild(t, escrow)
	r.stop()
	r = start(t, r.dir)
	for range 3 {
		if r.verify(t, "ana", stolen.Press()) {
			t.Fatal("an OTP was accepted that a proof has shown since")
		}
	}
	token.Skip(1500) // used a lot since
	if r.verify(t, "ana", token.Press()) || !r.verify(t, "ana", token.Press()) {
		t.Error("not found by two OTPs far ahead")
	}
}

func commitProof(desk *counter, token *feedtest.Token) string {
	proof := desk.SealProof(token, token.Press())
	desk.Commit(proof)
	return proof.ID
}

// TestTwoOTPsAtTheDeskMakeSure: what the desk reads from the token itself counts as much.
func TestTwoOTPsAtTheDeskMakeSure(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	token := registered(t, old, desk, "ana")
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	desk = desk.handOver(t, r)
	r.rebuild(t, escrow)
	r.stop()
	r = start(t, r.dir)
	desk.expect(t, commitProof(desk, token), feed.InStep)
	if r.verify(t, "ana", token.Press()) {
		t.Fatal("one OTP at the desk made the counter sure")
	}
	token.Skip(2000)
	proof := desk.SealProof(token, token.Press(), token.Press())
	desk.Commit(proof)
	desk.expect(t, proof.ID, feed.InStep)
	if !r.verify(t, "ana", token.Press()) {
		t.Error("refused after two OTPs at the desk")
	}
}

func TestRebuildRefusesAnotherKey(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	registered(t, old, desk, "ana")
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	rebuild := func(path string) error {
		_, err := r.Rebuild(soon(t), []*feed.Opener{escrowKey(t, path)}, func(string, error) {})
		return err
	}
	if err := rebuild(escrow); err == nil || !strings.Contains(err.Error(), "trust the card") {
		t.Errorf("without a desk: %v", err)
	}
	desk.handOver(t, r)
	other := filepath.Join(t.TempDir(), "other.key")
	if _, err := verifier.NewEscrowKey(other); err != nil {
		t.Fatal(err)
	}
	if err := rebuild(other); !errors.Is(err, verifier.ErrEscrow) ||
		!strings.Contains(err.Error(), "the escrow key of test is "+feed.KeyID(old.Bundle.EscrowKey)) {
		t.Errorf("another escrow key: %v", err)
	}
	if err := rebuild(filepath.Join(r.dir, "feed.key")); !errors.Is(err, verifier.ErrEscrow) ||
		!strings.Contains(err.Error(), "the verifier's own key") {
		t.Errorf("the verifier's own key: %v", err)
	}
	if err := rebuild(escrow); err != nil {
		t.Errorf("the right key, after wrong ones: %v", err)
	}
	if err := rebuild(escrow); err == nil || !strings.Contains(err.Error(), "was not lost") {
		t.Errorf("rebuilt a second time: %v", err)
	}
}

// TestRebuildNamesTheKeyThatIsMissing: a desk that outlived two verifiers with two escrow keys.
func TestRebuildNamesTheKeyThatIsMissing(t *testing.T) {
	first := newRig(t)
	desk := first.trusted(t, "desk1")
	ana := registered(t, first, desk, "ana")
	firstEscrow := lose(t, first)
	second := newRig(t)
	desk.stop()
	if err := desk.Adopt(second.Bundle); err != nil {
		t.Fatal(err)
	}
	next := second.trusted2(t, desk.Desk)
	bea := registered(t, second, next, "bea")
	secondEscrow := lose(t, second)
	r := successor(t, second.Bundle)
	next = next.handOver(t, r)
	keys := []*feed.Opener{escrowKey(t, secondEscrow)}
	_, err := r.Rebuild(soon(t), keys, func(string, error) {})
	if !errors.Is(err, verifier.ErrEscrow) ||
		!strings.Contains(err.Error(), feed.KeyID(first.Bundle.EscrowKey)) {
		t.Errorf("the missing key was not named: %v", err)
	}
	keys = append(keys, escrowKey(t, firstEscrow))
	if _, err := r.Rebuild(soon(t), keys, func(string, error) {}); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = start(t, r.dir)
	for _, token := range []*feedtest.Token{ana, bea} {
		if r.verify(t, token.User, token.Press()) || !r.verify(t, token.User, token.Press()) {
			t.Errorf("%s was not rebuilt", token.User)
		}
	}
	next.stop()
}

// trusted2 serves a desk that exists, and has it followed.
func (r *rig) trusted2(t testing.TB, desk *feedtest.Desk) *counter {
	c := r.serve(t, desk)
	r.trust(t, c, verifier.Bounds{})
	return c
}

// stumble fails its sixth read of leaves, and gives few at a time.
type stumble struct {
	*feedtest.Desk
	reads atomic.Int64
}

func (s *stumble) Leaves(ctx context.Context, after int64, limit int) ([]feed.Leaf, error) {
	if s.reads.Add(1) == 6 {
		return nil, errors.New("the disk stumbles")
	}
	return s.Desk.Leaves(ctx, after, min(limit, 25))
}

// TestRebuildBeginsAnew: a rebuild that breaks off leaves nothing that counts or runs.
func TestRebuildBeginsAnew(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	var tokens []*feedtest.Token
	for i := range 70 {
		tokens = append(tokens, feedtest.NewToken(fmt.Sprintf("user%d", i)))
		desk.Issue(tokens[i])
	}
	desk.settled(t)
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	calm := desk.handOver(t, r, func(c *publish.Config, _ *net.Listener) {
		c.Source = &stumble{Desk: desk.Desk}
	})
	keys := []*feed.Opener{escrowKey(t, escrow)}
	if _, err := r.Rebuild(soon(t), keys, func(string, error) {}); err == nil {
		t.Fatal("nothing stumbled")
	}
	if s := r.status(t); s.Credentials["active"] != 50 {
		t.Fatalf("it broke off at another place: %v", s.Credentials)
	}
	if err := r.Run(soon(t)); !errors.Is(err, verifier.ErrRebuilding) {
		t.Fatalf("it runs with half of it: %v", err)
	}
	// The operator thinks of a bound that the desk had.
	next := calm.handOver(t, r)
	r.trust(t, next, verifier.Bounds{Users: []string{"user3", "user6"}})
	r.rebuild(t, escrow)
	// Those are 3 and 30 to 39, 6 and 60 to 69.
	if s := r.status(t); s.Credentials["active"] != 22 || s.Unsure != 22 {
		t.Errorf("%+v", s)
	}
	r.stop()
	r = start(t, r.dir)
	if r.verify(t, "user3", tokens[3].Press()) || !r.verify(t, "user3", tokens[3].Press()) {
		t.Error("a token was not rebuilt")
	}
	// A desk that is away is waited for, not left out.
	ctx, cancel := context.WithCancel(t.Context())
	away := successor(t, old.Bundle)
	gone := next.handOver(t, away)
	gone.stop()
	_, err := away.Rebuild(ctx, keys, func(string, error) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "desk1 does not answer") {
		t.Errorf("a desk that is away: %v", err)
	}
}

// TestOldBundleAfterTheRebuild: what a desk sealed to the lost verifier too late is told so.
func TestOldBundleAfterTheRebuild(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	registered(t, old, desk, "ana")
	escrow := lose(t, old)
	stale, err := feed.NewSealer(old.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	r := successor(t, old.Bundle)
	desk = desk.handOver(t, r)
	r.rebuild(t, escrow)
	r.stop()
	start(t, r.dir)
	token := feedtest.NewToken("bea")
	rec, err := stale.SealSeed(desk.Record(token.Credential), desk.Body(token))
	if err != nil {
		t.Fatal(err)
	}
	desk.Commit(rec)
	desk.expect(t, rec.ID, feed.Unreadable)
}

// TestACopyIsDoubted: a state that was put back from a copy accepts nothing that may have been used
// since, after the operator said so.
func TestACopyIsDoubted(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := registered(t, r, desk, "ana")
	code := desk.NewPasscode("bea", "123456789")
	desk.expect(t, desk.IssuePasscode(code), feed.InStep)
	r.stop()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	r = start(t, r.dir)
	used := token.Press()
	if !r.verify(t, "ana", used) {
		t.Fatal("refused")
	}
	r.stop()
	for _, secret := range []string{"state.key", "feed.key", "api.key", "follower.key", "verifier.db"} {
		if err := os.Chmod(filepath.Join(copied, secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	back := idle(t, copied)
	if err := back.Doubt(); err != nil {
		t.Fatal(err)
	}
	back.stop()
	back = start(t, copied)
	if back.verify(t, "ana", used) || back.verify(t, "bea", secret.NewOTP("123456789")) {
		t.Error("what may have been used since was accepted")
	}
	token.Skip(5)
	if back.verify(t, "ana", token.Press()) || !back.verify(t, "ana", token.Press()) {
		t.Error("two OTPs in a row do not bring the token back")
	}
}
