package verifier_test

import (
	"bytes"
	"context"
	"encoding/hex"
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

// year is what two desks and a verifier did before the verifier was lost.
type year struct {
	late, early *counter
	tokens      []*feedtest.Token
	// used signed in beyond the look-ahead; shown was used far ahead, and typed two OTPs at the desk
	// then; of swapped and its successor the first was reported lost and came back too late; lost and
	// mislaid were reported at the other desk.
	used, shown, swapped, second, resumed, revoked, suspended, lost, mislaid *feedtest.Token
	code                                                                     *feedtest.Passcode
	before                                                                   verifier.Status
}

func aYear(t *testing.T, old *rig) *year {
	// The desk whose name comes first did what came last.
	y := &year{late: old.trusted(t, "a-late"), early: old.trusted(t, "z-early")}
	early := y.early
	for i := range 200 {
		y.tokens = append(y.tokens, feedtest.NewToken(fmt.Sprintf("user%d", i)))
		early.Issue(y.tokens[i])
	}
	early.settled(t)
	y.used, y.swapped, y.resumed, y.revoked = y.tokens[0], y.tokens[1], y.tokens[2], y.tokens[3]
	y.shown, y.suspended, y.lost, y.mislaid = y.tokens[4], y.tokens[5], y.tokens[6], y.tokens[8]
	for range 15 {
		if !old.verify(t, y.used.User, y.used.Press()) {
			t.Fatal("a good OTP was refused")
		}
	}
	y.shown.Skip(700)
	early.Commit(early.SealProof(y.shown, y.shown.Press(), y.shown.Press()),
		early.State(y.swapped, feed.StateSuspended), early.State(y.resumed, feed.StateSuspended))
	early.settled(t)
	y.second = feedtest.NewToken(y.swapped.User)
	y.late.expect(t, y.late.Issue(y.second), feed.InStep)
	early.Commit(early.State(y.swapped, feed.StateResumed), early.State(y.resumed, feed.StateResumed),
		early.State(y.revoked, feed.StateRevoked), early.State(y.suspended, feed.StateSuspended))
	y.code = early.NewPasscode("user7", "123456789")
	early.expect(t, early.IssuePasscode(y.code), feed.InStep)
	early.settled(t)
	for token, act := range map[*feedtest.Token]feed.OrderAct{y.lost: feed.OrderRevoke,
		y.mislaid: feed.OrderSuspend} {
		order := y.late.Order(token, act)
		y.late.Commit(order)
		y.late.expect(t, order.ID, feed.InStep)
	}
	y.before = old.status(t)
	return y
}

// TestRebuildFromEscrow loses a verifier with 200 credentials and makes it anew from the escrow key
// and what two desks hold.
func TestRebuildFromEscrow(t *testing.T) {
	old := newRig(t)
	y := aYear(t, old)
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	if err := r.Run(soon(t)); !errors.Is(err, verifier.ErrRebuilding) {
		t.Fatalf("it ran before it was rebuilt: %v", err)
	}
	y.early, y.late = y.early.handOver(t, r), y.late.handOver(t, r)
	// The desks went on meanwhile, for the new key.
	fresh := feedtest.NewToken("fresh")
	freshProof := y.early.Issue(fresh)
	list := r.rebuild(t, escrow)
	if len(list) != 2 || list[1].Passcodes != 1 || list[1].Unreadable != 0 {
		t.Errorf("the report is %+v", list)
	}
	r.stop()
	r = start(t, r.dir)
	y.early.expect(t, freshProof, feed.InStep)
	if !r.verify(t, fresh.User, fresh.Press()) {
		t.Error("a token from after the loss wants more than one OTP")
	}
	y.holds(t, r)
	y.signIn(t, r)

	// The escrow key left no trace.
	text, err := os.ReadFile(escrow)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	contents, err := r.Contents()
	if err != nil || bytes.Contains(contents, raw[:16]) || bytes.Contains(contents, text[:32]) {
		t.Errorf("the escrow key stayed: %v", err)
	}
}

// holds says that the rebuilt verifier holds what the lost one held, and one token more.
func (y *year) holds(t *testing.T, r *rig) {
	after := r.status(t)
	y.before.Credentials["active"]++
	if fmt.Sprint(after.Credentials) != fmt.Sprint(y.before.Credentials) || after.Unsure != 198 ||
		after.Passcodes != 0 || after.Rebuilt.At.IsZero() || !after.Rebuilding.At.IsZero() {
		t.Errorf("before %v, after %+v", y.before.Credentials, after)
	}
	if d := after.Desks[1]; d.Bounds.PerHour != 1 {
		t.Errorf("the bounds of a desk became %+v", d.Bounds)
	}
	// The desk hears that its passcode is dead.
	end, err := y.early.End(soon(t), y.code)
	if err != nil || end.Outcome != feed.Rebuilt ||
		r.verify(t, "user7", secret.NewOTP("123456789")) {
		t.Errorf("the passcode ended as %v, %v", end, err)
	}
}

// signIn: each good token needs two OTPs in a row, once, and no other works.
func (y *year) signIn(t *testing.T, r *rig) {
	good := []*feedtest.Token{y.used, y.second, y.resumed, y.shown}
	for _, token := range append(good, y.tokens[10:15]...) {
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
	for _, token := range []*feedtest.Token{y.revoked, y.swapped, y.suspended, y.lost, y.mislaid} {
		r.verify(t, token.User, token.Press())
		if r.verify(t, token.User, token.Press()) {
			t.Errorf("%s: one that is no longer good was accepted", token.User)
		}
	}
}

// TestRebuildObeysAnOrderThatSeemsTooEarly: the clocks of the desks say that a token was reported
// lost before it was lent.
func TestRebuildObeysAnOrderThatSeemsTooEarly(t *testing.T) {
	old := newRig(t)
	home, other := old.trusted(t, "desk1"), old.trusted(t, "desk2")
	ana := registered(t, old, home, "ana")
	rec := other.Record(ana.Credential)
	rec.At = rec.At.Add(-time.Hour)
	order, err := other.Sealer().SealOrder(rec, feed.OrderBody{Vendor: "yubikey", Serial: ana.Serial,
		Act: feed.OrderRevoke, Officer: "officer"})
	if err != nil {
		t.Fatal(err)
	}
	other.Commit(order)
	other.expect(t, order.ID, feed.InStep)
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	home.handOver(t, r)
	other.handOver(t, r)
	r.rebuild(t, escrow)
	if got := r.status(t).Credentials; got["active"] != 0 || got["revoked"] != 1 {
		t.Errorf("the lost token is rebuilt as %v", got)
	}
}

// TestRebuiltNeverBelowAProof: OTPs that the desk's proofs showed are gone, though the lost
// verifier is the only one that counted the sign-ins between them.
func TestRebuiltNeverBelowAProof(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	token := registered(t, old, desk, "ana")
	for range 20 {
		if !old.verify(t, "ana", token.Press()) {
			t.Fatal("refused")
		}
	}
	stolen := *token // who saw the next three OTPs
	token.Skip(2)
	desk.expect(t, commitProof(desk, token), feed.InStep)
	escrow := lose(t, old)
	r := successor(t, old.Bundle)
	desk.handOver(t, r)
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
	next := desk.handOver(t, r)
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
	// A desk that signs with another key than its card says is not believed a word.
	card := next.card
	card.LogKey = newRig(t).open(t, "desk1").LogKey
	if err := r.Trust(card, verifier.Bounds{}, false); err != nil {
		t.Fatal(err)
	}
	if err := rebuild(escrow); !errors.Is(err, feed.ErrFork) || len(r.status(t).Credentials) > 0 {
		t.Errorf("another log key: %v", err)
	}
	r.trust(t, next, verifier.Bounds{})
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
	next := second.trustedAgain(t, desk.Desk)
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
