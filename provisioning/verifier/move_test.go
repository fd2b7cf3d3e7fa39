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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// bundleOf is the public half of the verifier in a directory.
func bundleOf(t testing.TB, dir string) feed.Bundle {
	t.Helper()
	r := idle(t, dir)
	defer r.stop()
	return r.Bundle
}

func (r *rig) moveOut(t testing.TB, to feed.Bundle) []byte {
	t.Helper()
	var parcel bytes.Buffer
	if err := r.MoveOut(to, false, &parcel); err != nil {
		t.Fatal(err)
	}
	return parcel.Bytes()
}

func moveIn(t testing.TB, dir string, parcel []byte) verifier.Arrival {
	t.Helper()
	arrival, err := verifier.MoveIn(dir, bytes.NewReader(parcel), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return arrival
}

// TestMoveKeepsEverything moves a verifier and holds the new one against the old.
func TestMoveKeepsEverything(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	ana, bea := registered(t, old, desk, "ana"), registered(t, old, desk, "bea")
	cid, dora := registered(t, old, desk, "cid"), registered(t, old, desk, "dora")
	waiting := feedtest.NewToken("eli")
	desk.Commit(desk.SealSeed(waiting, desk.Body(waiting)), desk.State(cid, feed.StateSuspended),
		desk.State(dora, feed.StateRevoked))
	code := desk.NewPasscode("fay", "123456789")
	desk.expect(t, desk.IssuePasscode(code), feed.InStep)
	desk.settled(t)
	digits := secret.NewOTP("123456789")
	used := ana.Skip(3).Press()
	if !old.verify(t, "ana", used) || !old.verify(t, "fay", digits) || !old.verify(t, "fay", digits) {
		t.Fatal("refused before the move")
	}
	for range 5 { // the next one has to wait
		old.verify(t, "bea", wrong(bea))
	}
	if err := old.AddCaller("vpn", verifier.RoleVerify, strings.Repeat("0a", 32)); err != nil {
		t.Fatal(err)
	}
	before := old.status(t)

	dir := newDir(t)
	parcel := old.moveOut(t, bundleOf(t, dir))
	for name, secret := range map[string][]byte{"a user": []byte(`"user":"ana"`),
		"a seed": ana.Seed.Expose(), "a caller": []byte("0a0a0a0a")} {
		if bytes.Contains(parcel, secret) {
			t.Errorf("the export shows %s", name)
		}
	}
	parcel = old.isDone(t, bundleOf(t, dir), ana)
	arrival := moveIn(t, dir, parcel)
	r := start(t, dir)
	after := r.status(t)
	if fmt.Sprint(after.Credentials) != fmt.Sprint(before.Credentials) || after.Passcodes != 1 ||
		after.Unsure != 0 || arrival.Rows["credential"] != 5 || after.Arrived.Export == "" {
		t.Errorf("before %+v, after %+v, arrived %+v", before, after, arrival)
	}
	if r.verify(t, "ana", used) || !r.verify(t, "ana", ana.Press()) ||
		r.verify(t, "bea", bea.Press()) {
		t.Error("a counter moved, or the failures of a user were forgotten")
	}
	if r.verify(t, "cid", cid.Press()) || r.verify(t, "dora", dora.Press()) {
		t.Error("a suspended or revoked token is accepted")
	}
	for n := range 4 {
		if r.verify(t, "fay", digits) != (n < 3) {
			t.Errorf("use %d after the two before the move", n+1)
		}
	}
	err := r.AddCaller("vpn", verifier.RoleVerify, strings.Repeat("0c", 32))
	if !errors.Is(err, verifier.ErrCaller) {
		t.Errorf("a caller did not come along: %v", err)
	}

	r.followsUnknowing(t, desk, waiting, ana)
}

// isDone says that a verifier that moved answers nothing and stays so, and gives the export once
// more: the crash came before the file was safe.
func (r *rig) isDone(t *testing.T, target feed.Bundle, token *feedtest.Token) []byte {
	ok, err := r.Verify(soon(t), "test", token.User, token.Press())
	if ok || !errors.Is(err, verifier.ErrMoved) {
		t.Errorf("the old verifier answers %v, %v", ok, err)
	}
	if err := r.Alive(soon(t)); err != nil {
		t.Errorf("its watchdog would have it started anew: %v", err)
	}
	err = r.AddCaller("late", verifier.RoleVerify, strings.Repeat("0b", 32))
	if !errors.Is(err, verifier.ErrMoved) {
		t.Errorf("it takes orders: %v", err)
	}
	r.stop()
	again := idle(t, r.dir)
	defer again.stop()
	if err := again.Run(soon(t)); !errors.Is(err, verifier.ErrMoved) {
		t.Errorf("it runs again: %v", err)
	}
	return again.moveOut(t, target)
}

// followsUnknowing: the desk knows nothing of the move, lets the old certificate in and seals to
// the old key. Later it gets the new bundle.
func (r *rig) followsUnknowing(t *testing.T, desk *counter, waiting, taken *feedtest.Token) {
	proof := desk.SealProof(waiting, waiting.Press())
	desk.Commit(proof)
	desk.expect(t, proof.ID, feed.InStep)
	if !r.verify(t, waiting.User, waiting.Press()) {
		t.Error("a token proven after the move is refused")
	}
	// A seed that was taken before the move is known as taken.
	copied := feedtest.NewToken("gus")
	copied.Seed = taken.Seed
	rec := desk.SealSeed(copied, desk.Body(copied))
	desk.Commit(rec)
	desk.expect(t, rec.ID, feed.Refused)
	desk.stop()
	if err := desk.Adopt(r.Bundle); err != nil {
		t.Fatal(err)
	}
	registered(t, r, r.trustedAgain(t, desk.Desk), "hal")
}

// TestMoveIsForOneVerifierOnce: what is cut, changed, for somebody else or taken before is refused,
// and leaves nothing behind.
func TestMoveIsForOneVerifierOnce(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	token := registered(t, old, desk, "ana")
	dir, other, full := newDir(t), newDir(t), newDir(t)
	if err := old.MoveOut(old.Bundle, false, new(bytes.Buffer)); err == nil {
		t.Fatal("it moved to itself")
	}
	if !old.verify(t, "ana", token.Press()) {
		t.Fatal("an export that was refused stopped it")
	}
	parcel := old.moveOut(t, bundleOf(t, dir))
	var nothing bytes.Buffer
	if err := old.MoveOut(bundleOf(t, other), false, &nothing); !errors.Is(err, verifier.ErrMoved) ||
		nothing.Len() > 0 {
		t.Errorf("given out for a second verifier: %v", err)
	}

	refused := func(dir string, parcel []byte, want error) {
		t.Helper()
		if _, err := verifier.MoveIn(dir, bytes.NewReader(parcel), time.Now()); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	refused(other, parcel, feed.ErrOtherParcel)
	holding := idle(t, full)
	holding.trust(t, desk, verifier.Bounds{})
	foreign := holding.Bundle
	holding.stop()
	var instead bytes.Buffer
	if err := old.MoveOut(foreign, true, &instead); err != nil {
		t.Fatal(err)
	}
	refused(full, instead.Bytes(), verifier.ErrNotEmpty)
	for cut := len(parcel) - 1; cut > 0; cut -= len(parcel)/7 + 1 {
		refused(dir, parcel[:cut], feed.ErrParcel)
	}
	flipped := bytes.Clone(parcel)
	flipped[len(flipped)-20] ^= 1
	refused(dir, flipped, feed.ErrParcel)
	if r := idle(t, dir); len(r.status(t).Desks) != 0 {
		t.Error("a refused export left something behind")
	} else {
		r.stop()
	}
	moveIn(t, dir, parcel)
	refused(dir, parcel, verifier.ErrNotEmpty)
	start(t, dir).stop()
	refused(dir, parcel, verifier.ErrNotEmpty)
}

// TestMoveAmongVerifications: each verification while the verifier is moved is in the export or
// refused, and never both accepted and forgotten.
func TestMoveAmongVerifications(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	var tokens []*feedtest.Token
	for i := range 8 {
		tokens = append(tokens, registered(t, old, desk, fmt.Sprintf("user%d", i)))
	}
	dir := newDir(t)
	target := bundleOf(t, dir)
	accepted := make([][]secret.OTP, len(tokens))
	var count atomic.Int64
	var group sync.WaitGroup
	for i, token := range tokens {
		group.Go(func() {
			for {
				otp := token.Press()
				ok, err := old.Verify(soon(t), "test", token.User, otp)
				if errors.Is(err, verifier.ErrMoved) {
					token.Counter-- // this one was not counted
					return
				}
				if err != nil || !ok {
					t.Errorf("a good OTP: %v, %v", ok, err)
					return
				}
				accepted[i] = append(accepted[i], otp)
				count.Add(1)
			}
		})
	}
	for count.Load() < 100 {
		time.Sleep(time.Millisecond)
	}
	parcel := old.moveOut(t, target)
	group.Wait()
	old.stop()
	moveIn(t, dir, parcel)
	r := start(t, dir)
	for i, token := range tokens {
		for _, otp := range accepted[i][max(0, len(accepted[i])-3):] {
			if r.verify(t, token.User, otp) {
				t.Errorf("%s: an OTP that was accepted before the move is accepted after it", token.User)
			}
		}
		if !r.verify(t, token.User, token.Press()) {
			t.Errorf("%s: the next OTP is refused after the move", token.User)
		}
	}
	t.Logf("%d accepted before the move", count.Load())
}

// adminOf serves the admin socket of a running verifier.
func adminOf(t testing.TB, r *rig) *verifier.AdminClient {
	t.Helper()
	return adminAt(t, r, filepath.Join(t.TempDir(), "admin.sock"))
}

func adminAt(t testing.TB, r *rig, path string) *verifier.AdminClient {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.ServeAdmin(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return verifier.NewAdminClient(path)
}

// TestMoveThroughTheSocket: the running verifier gives itself out, and the desk it followed is free
// for the new one at once.
func TestMoveThroughTheSocket(t *testing.T) {
	old := newRig(t)
	desk := old.trusted(t, "desk1")
	token := registered(t, old, desk, "ana")
	client := adminOf(t, old)
	dir := newDir(t)
	var parcel bytes.Buffer
	if err := client.MoveOut(old.Bundle, false, &parcel); err == nil || parcel.Len() > 0 ||
		!strings.Contains(err.Error(), "the running verifier refused") {
		t.Errorf("a refusal: %v", err)
	}
	if err := client.MoveOut(bundleOf(t, dir), false, &parcel); err != nil {
		t.Fatal(err)
	}
	if s, err := client.Status(); err != nil || s.Moved.At.IsZero() {
		t.Errorf("the status of one that moved: %+v, %v", s, err)
	}
	moveIn(t, dir, parcel.Bytes())
	r := start(t, dir)
	desk.expect(t, commitProof(desk, token), feed.InStep)
	if !r.verify(t, "ana", token.Press()) {
		t.Error("refused after the move")
	}
	// A desk has one long poll for a certificate, and the new verifier shows the old one's.
	if d := old.status(t).Desks[0]; d.Trouble != "" {
		t.Errorf("the old verifier went on following: %s", d.Trouble)
	}
}

// TestMoveTwice: keys and blinding come along a second time.
func TestMoveTwice(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := registered(t, r, desk, "ana")
	code := desk.NewPasscode("bea", "123456789")
	desk.expect(t, desk.IssuePasscode(code), feed.InStep)
	for range 2 {
		dir := newDir(t)
		parcel := r.moveOut(t, bundleOf(t, dir))
		r.stop()
		moveIn(t, dir, parcel)
		r = start(t, dir)
	}
	if !r.verify(t, "ana", token.Press()) || !r.verify(t, "bea", secret.NewOTP("123456789")) {
		t.Error("refused after two moves")
	}
	proof := commitProof(desk, token)
	desk.expect(t, proof, feed.InStep)
	for _, name := range []string{"state.key", "feed.key", "verifier.db"} {
		info, err := os.Stat(r.dir + "/" + name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
