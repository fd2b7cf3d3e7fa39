package verifier_test

import (
	"bytes"
	"errors"
	"fmt"
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

	begin := func() string {
		r := successor(t, old.Bundle)
		r.stop()
		return r.dir
	}
	dir := begin()
	restore := func(dir string, data []byte, compared bool) error {
		_, err := verifier.Restore(dir, bytes.NewReader(data), escrow, compared, time.Now())
		return err
	}
	// Anybody can seal a backup to the public escrow key; nobody but the lost verifier signs it.
	forger := newRig(t)
	forger.Verifier.Bundle.EscrowKey = old.Bundle.EscrowKey
	var forged bytes.Buffer
	if err := forger.Backup(&forged); err != nil {
		t.Fatal(err)
	}
	if err := restore(dir, forged.Bytes(), false); !errors.Is(err, verifier.ErrForged) {
		t.Errorf("a forged backup: %v", err)
	}
	if err := restore(begin(), forged.Bytes(), true); err != nil {
		t.Errorf("one whose sum was compared: %v", err)
	}
	if err := restore(dir, backup.Bytes()[:backup.Len()-9], false); !errors.Is(err, feed.ErrParcel) {
		t.Errorf("a backup that was cut: %v", err)
	}
	if err := restore(newDir(t), backup.Bytes(), false); !errors.Is(err, verifier.ErrEscrow) {
		t.Errorf("into a verifier of another escrow key: %v", err)
	}
	if err := restore(dir, backup.Bytes(), false); err != nil {
		t.Fatal(err)
	}
	if err := restore(dir, backup.Bytes(), false); err == nil {
		t.Error("restored twice")
	}

	r := start(t, dir)
	r.until(t, "the desk is followed", func(d verifier.DeskStatus) bool {
		return d.Position > 0 && d.Position == desk.Head()
	})
	s := r.status(t)
	if fmt.Sprint(s.Credentials) != "map[active:2 revoked:1 suspended:1]" || s.Desks[1].Revoked.IsZero() ||
		len(s.Desks[0].Bounds.Users) != 3 || s.Passcodes != 0 {
		t.Errorf("%+v", s)
	}
	if r.verify(t, "ana", used) || r.verify(t, "cid", secret.NewOTP("123456789")) {
		t.Error("what was used after the backup was accepted again")
	}
	ana.Skip(1)
	if r.verify(t, "ana", ana.Press()) || !r.verify(t, "ana", ana.Press()) {
		t.Error("two OTPs in a row do not bring a token back")
	}
	if !r.verify(t, "cid", cid.Press()) {
		t.Error("a token from after the backup is refused")
	}
	if r.verify(t, "bea", bea.Press()) || r.verify(t, "bea", bea.Press()) {
		t.Error("a token that was revoked after the backup is accepted")
	}
	token := feedtest.NewToken("bea")
	desk.expect(t, desk.Issue(token), feed.InStep)
}
