package verifier_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
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
	told := func(desk string, err error) { t.Logf("waiting for %s: %v", desk, err) }
	list, err := r.Rebuild(soon(t), []*feed.Opener{escrowKey(t, escrow)}, told)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// trustedAgain serves a desk that exists, and has it followed.
func (r *rig) trustedAgain(t testing.TB, desk *feedtest.Desk) *counter {
	c := r.serve(t, desk)
	r.trust(t, c, verifier.Bounds{})
	return c
}
