package verifier_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// TestBackupAndRestore: what an operator decided and who may call comes back, what happened at the
// desks since is followed, and nothing that may have been used since is accepted.
func TestBackupAndRestore(t *testing.T) {
	old := newRig(t)
	desk, bad := old.trusted(t, "desk1"), old.trusted(t, "desk2")
	ana, bea := registered(t, old, desk, "ana"), registered(t, old, desk, "bea")
	registered(t, old, bad, "mal")
	if _, err := old.RevokeDesk("desk2", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	old.trust(t, desk, verifier.Bounds{Users: []string{"ana", "bea", "cid"}})
	code := desk.NewPasscode("cid", "123456789")
	desk.expect(t, desk.IssuePasscode(code), feed.InStep)
	var backup bytes.Buffer
	if err := old.Backup(&backup); err != nil {
		t.Fatal(err)
	}
	used := ana.Press()
	if !old.verify(t, "ana", used) {
		t.Fatal("a backup stopped the verifier")
	}
	cid := registered(t, old, desk, "cid")
	desk.Commit(desk.State(bea, feed.StateRevoked))
	desk.settled(t)
	escrow := escrowKey(t, lose(t, old))

	dir := vacant(t, old.Bundle)
	refusesBackups(t, old, dir, backup.Bytes(), escrow)
	if err := restore(dir, backup.Bytes(), escrow, false); err != nil {
		t.Fatal(err)
	}
	if err := restore(dir, backup.Bytes(), escrow, false); err == nil {
		t.Error("restored twice")
	}

	r := start(t, dir)
	r.until(t, "the desk is followed", func(d verifier.DeskStatus) bool {
		return d.Position > 0 && d.Position == desk.Head()
	})
	s := r.status(t)
	if fmt.Sprint(s.Credentials) != "map[active:2 revoked:1 suspended:1]" ||
		s.Desks[1].Revoked.IsZero() || len(s.Desks[0].Bounds.Users) != 3 || s.Passcodes != 0 {
		t.Errorf("%+v", s)
	}
	if r.verify(t, "ana", used) || r.verify(t, "cid", secret.NewOTP("123456789")) {
		t.Error("what was used after the backup was accepted again")
	}
	ana.Skip(1)
	if r.verify(t, "ana", ana.Press()) || !r.verify(t, "ana", ana.Press()) {
		t.Error("two OTPs in a row do not bring a token back")
	}
	if r.verify(t, "cid", cid.Press()) || !r.verify(t, "cid", cid.Press()) {
		t.Error("two OTPs in a row do not bring back a token from after the backup")
	}
	r.verify(t, "bea", bea.Press())
	if r.verify(t, "bea", bea.Press()) {
		t.Error("a token that was revoked after the backup is accepted")
	}
	token := feedtest.NewToken("bea")
	desk.expect(t, desk.Issue(token), feed.InStep)
}

// vacant is a new directory in which the verifier of a bundle is rebuilt.
func vacant(t *testing.T, lost feed.Bundle) string {
	r := successor(t, lost)
	r.stop()
	return r.dir
}

func restore(dir string, data []byte, escrow *feed.Opener, compared bool) error {
	_, err := verifier.Restore(dir, bytes.NewReader(data), escrow, compared, time.Now())
	return err
}

// refusesBackups: anybody can seal a backup to the public escrow key, and nobody but the lost
// verifier has its key.
func refusesBackups(t *testing.T, lost *rig, dir string, good []byte, escrow *feed.Opener) {
	forger := newRig(t)
	forger.Verifier.Bundle.EscrowKey = lost.Bundle.EscrowKey
	var forged bytes.Buffer
	if err := forger.Backup(&forged); err != nil {
		t.Fatal(err)
	}
	if err := restore(dir, forged.Bytes(), escrow, false); !errors.Is(err, verifier.ErrForged) {
		t.Errorf("a forged backup: %v", err)
	}
	if err := restore(vacant(t, lost.Bundle), forged.Bytes(), escrow, true); err != nil {
		t.Errorf("one whose sum was compared: %v", err)
	}
	if err := restore(dir, good[:len(good)-9], escrow, false); !errors.Is(err, feed.ErrParcel) {
		t.Errorf("a backup that was cut: %v", err)
	}
	if err := restore(newDir(t), good, escrow, false); !errors.Is(err, verifier.ErrEscrow) {
		t.Errorf("into a verifier of another escrow key: %v", err)
	}
}

// copyOf is a copy of the directory of a verifier that does not run.
func copyOf(t *testing.T, r *rig) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"state.key", "feed.key", "api.key", "follower.key",
		"verifier.db"} {
		if err := os.Chmod(filepath.Join(dir, secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
	copied := copyOf(t, r)
	r = start(t, r.dir)
	used := token.Press()
	if !r.verify(t, "ana", used) {
		t.Fatal("refused")
	}
	r.stop()
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
