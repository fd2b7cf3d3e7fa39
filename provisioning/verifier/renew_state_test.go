package verifier

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// openedState makes a verifier and opens its state.
func openedState(t *testing.T) *State {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "verifier")
	_, err := Init(Plan{Dir: dir, Name: "test", Hosts: []string{"127.0.0.1"},
		Escrow: filepath.Join(base, "escrow.key"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestKeysAreTakenUpWhole: while the files of the keys cannot be read, the keys that were read
// before stay in use, every one of them, and so does the bundle that names them.
func TestKeysAreTakenUpWhole(t *testing.T) {
	s := openedState(t)
	opener, bundle, face := s.sealed(), s.InForce().Fingerprint(), s.followerCertificate()
	for _, name := range []string{fileFeedKey, fileFollowerCert, FileAPICert} {
		path := filepath.Join(s.dir, name)
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		next := s.InForce()
		next.Name = "another"
		if err := s.reload(); err == nil {
			t.Errorf("without %s: the keys were read", name)
		}
		if err := s.publish(next); err == nil {
			t.Errorf("without %s: a bundle is in force", name)
		}
		if s.sealed() != opener || s.InForce().Fingerprint() != bundle ||
			s.followerCertificate().Leaf != face.Leaf {
			t.Errorf("without %s: what was in use is given up", name)
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.reload(); err != nil {
		t.Error(err)
	}
}
