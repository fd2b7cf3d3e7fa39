package daemon

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// renewedBox is a desk all of whose keys were renewed while it ran: the credentials it was started
// with are the old ones, as they stay until systemd loads them anew.
type renewedBox struct {
	*box
	// first was lent before the renewal, second after it.
	first, second *virtual.Key
	before        string
	// atRest are the credentials as the operator's command left them.
	atRest Config
}

func newRenewedBox(t *testing.T) *renewedBox {
	w := newTown(t)
	b := &renewedBox{box: w.found("old"), first: newKey(1), second: newKey(2)}
	b.lend(w.folk[1], b.first)
	b.settled()
	b.before = b.backup("before.backup")
	b.atRest = w.copyFolder(b.parts.Config, "rest", b.parts.Config.Feed)
	b.atRest.Admin = b.parts.Config.Admin
	r := Renewal{Config: b.atRest, Client: NewClient(b.atRest.Admin), Patience: enough,
		Say: func(string) {}}
	err := r.RunSite(t.Context())
	for _, what := range []string{RenewFeed, RenewLog, RenewDesk} {
		err = errors.Join(err, r.Run(t.Context(), what))
	}
	if err != nil {
		t.Fatalf("%v: %+v", err, w.desk())
	}
	b.lend(w.folk[2], b.second)
	b.settled()
	return b
}

// gone ends the box and what was on it.
func (b *renewedBox) gone() {
	b.Helper()
	b.stop()
	c := b.parts.Config
	if err := errors.Join(os.RemoveAll(c.State), os.RemoveAll(c.Credentials)); err != nil {
		b.Fatal(err)
	}
}

// comesBack runs a restored desk, and has the verifier accept it. Both tokens sign in, and the
// second, which the new generation of the site secret guards, is written anew.
func (b *renewedBox) comesBack(file string) {
	b.Helper()
	c, card, err := b.restore(file, "new", nil)
	if err != nil {
		b.Fatal(err)
	}
	if a, err := b.verifier.AcceptRestore(card, true); err != nil || !a.Accepted {
		b.Fatalf("accept the restore: %+v, %v", a, err)
	}
	fresh := b.run(c)
	fresh.standing("the desk is accepted", func(s provisioning.Standing) bool { return !s.Waiting })
	fresh.settled()
	if !b.signsIn(b.folk[1], b.first) || !b.signsIn(b.folk[2], b.second) {
		b.Error("a token does not sign in any more")
	}
	fresh.takeBack(b.folk[2], b.second)
	fresh.lend(b.folk[3], b.second)
	if !b.signsIn(b.folk[3], b.second) {
		b.Error("the token that was written anew does not sign in")
	}
	if d := b.desk(); d.Alarm.What != "" {
		b.Errorf("the verifier raised an alarm: %s", d.Alarm.What)
	}
}

// TestBackupAfterRenewal: a backup that a desk makes after all its keys were renewed, and before it
// was started anew, has the new keys. It opens, and the desk comes back from it.
func TestBackupAfterRenewal(t *testing.T) {
	t.Parallel()
	b := newRenewedBox(t)
	file := b.backup("after.backup")
	facts, err := VerifyBackup(t.Context(), file, b.private)
	if err != nil || facts.LogKey != b.keys.now().LogKey || facts.LogKey == b.parts.Keys.LogKey {
		t.Errorf("%+v, %v", facts, err)
	}
	b.holds(file)
	b.gone()
	b.comesBack(file)
}

// holds: the backup has the credentials that lie at rest now, and none of those the desk was
// started with.
func (b *renewedBox) holds(file string) {
	b.Helper()
	c, err := openContent(file, b.private)
	if err != nil {
		b.Fatal(err)
	}
	defer c.wipe()
	defer c.close()
	for _, name := range neededCredentials {
		now, err := os.ReadFile(filepath.Join(b.atRest.Credentials, name))
		then, terr := os.ReadFile(filepath.Join(b.parts.Config.Credentials, name))
		if err := errors.Join(err, terr); err != nil {
			b.Fatal(err)
		}
		if !c.has(name, now) || bytes.Equal(now, then) {
			b.Errorf("the credential %s in the backup is not the one in force", name)
		}
	}
}

// TestRestoreFromBeforeRenewal: a backup that the renewed log key did not sign, but the one before,
// is accepted by the verifier that saw the renewal. The newer site secret comes from the recovery
// kit: one that goes on from the backup's is taken, and a strange one is not.
func TestRestoreFromBeforeRenewal(t *testing.T) {
	t.Parallel()
	b := newRenewedBox(t)
	b.gone()
	kit, err := os.ReadFile(filepath.Join(b.atRest.Credentials, credSite))
	if err != nil {
		t.Fatal(err)
	}
	path := b.path("new/credentials/" + credSite)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	strange := slices.Concat(randomKey(), []byte("\n2 "), randomKey())
	if err := os.WriteFile(path, strange, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.restore(b.before, "new", nil); err == nil {
		t.Error("a desk was restored beside a strange site secret")
	}
	if err := os.WriteFile(path, kit, 0o600); err != nil {
		t.Fatal(err)
	}
	b.comesBack(b.before)
}
