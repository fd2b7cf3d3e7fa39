package daemon

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/erasure"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// eraseBox is a store that a test stops and starts.
type eraseBox struct {
	t *testing.T
	o store.Options
}

func newEraseBox(t *testing.T) eraseBox {
	t.Helper()
	private, _, err := note.GenerateKey(rand.Reader, "d1")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	o := store.Options{Path: filepath.Join(t.TempDir(), "desk.db"), Desk: "d1", Signer: signer,
		Key: secret.NewKey(bytes.Repeat([]byte{7}, 32)), Clock: time.Now,
		Fatal: func(err error) { t.Error(err) }}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	return eraseBox{t, o}
}

func (b eraseBox) open() (*store.Store, *erasure.Eraser) {
	b.t.Helper()
	s, err := store.Open(b.t.Context(), b.o)
	if err != nil {
		b.t.Fatal(err)
	}
	return s, erasure.New(erasure.Config{Ledger: erasable{s},
		Now: func() provisioning.Now { return provisioning.Now{Desk: "d1", At: time.Now()} }})
}

func (b eraseBox) put(s *store.Store, rows ...provisioning.Row) {
	b.t.Helper()
	_, err := s.Do(b.t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.NewChange(provisioning.Entry{Act: "a", Person: "ada"}).Put(rows...), nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestErasedAgain: a file from before an erasure erases the same person by the mark that was kept,
// and nobody else; what it says they have on loan is in doubt.
func TestErasedAgain(t *testing.T) {
	b := newEraseBox(t)
	s, _ := b.open()
	c := provisioning.Credential{ID: "c", Person: "ada", Token: "yubikey/1",
		State: provisioning.CredentialActive}
	b.put(s, provisioning.Person{ID: "ada", Name: "Ada Adams"}, provisioning.Person{ID: "bea"},
		provisioning.Token{ID: "yubikey/1", State: provisioning.TokenLoaned}, c)
	old := keep(t, s, b.o.Path)
	s, e := b.open()
	c.State = provisioning.CredentialRevoked
	b.put(s, c)
	done, err := e.Erase(t.Context(), "operator:root", "ada", "left")
	if err != nil || done.ID == "" {
		t.Fatal(done, err)
	}
	if err := errors.Join(s.Close(), os.WriteFile(b.o.Path, old, 0o600)); err != nil {
		t.Fatal(err)
	}

	s, e = b.open()
	defer s.Close()
	if n, err := e.Apply(t.Context(), []string{"00", done.ID}); n != 1 || err != nil {
		t.Errorf("%d were erased again, %v", n, err)
	}
	if n, err := e.Apply(t.Context(), []string{done.ID}); n != 0 || err != nil {
		t.Errorf("%d were erased a third time, %v", n, err)
	}
	now := s.Snapshot()
	_, ada := provisioning.Get[provisioning.Person](now, "ada")
	_, bea := provisioning.Get[provisioning.Person](now, "bea")
	token, _ := provisioning.Get[provisioning.Token](now, "yubikey/1")
	if ada || !bea || token.State != provisioning.TokenDoubtful {
		t.Errorf("ada: %v, bea: %v, the token: %s", ada, bea, token.State)
	}
	if a, err := s.Audit(t.Context()); err != nil || a.Erased == 0 {
		t.Errorf("the audit saw %+v, %v", a, err)
	}
}

// keep stops a store and returns its file.
func keep(t *testing.T, s *store.Store, path string) []byte {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
