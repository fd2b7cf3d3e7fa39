package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// An init that a power cut ended is taken up where it stopped; keys whose store was lost are not.
func TestInitIsTakenUp(t *testing.T) {
	c, bundle, card := newDesk(t)
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(c.Credentials, credDesk))
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{c.file(), card, filepath.Join(c.Credentials, credFeed)} {
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Init(c, bundle, card); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("keys without their store: %v", err)
	}
	draft := filepath.Join(c.Credentials, ".feed-key.new-1")
	for _, left := range []string{c.unfinished(), draft} {
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeys(c); err != nil {
		t.Error(err)
	}
	now, err := os.ReadFile(filepath.Join(c.Credentials, credDesk))
	if err != nil || string(now) != string(kept) {
		t.Errorf("a key that was whole was replaced: %v", err)
	}
	if boltfile.Exists(c.unfinished()) || boltfile.Exists(draft) || !boltfile.Exists(c.file()) ||
		!boltfile.Exists(card) {
		t.Error("something is missing, or was left behind")
	}
}
