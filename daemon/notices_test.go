package daemon

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/notice"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// postbox keeps what it is sent, and lets a test look at the moment of sending.
type postbox struct {
	mu     sync.Mutex
	got    []notice.Message
	during func()
	err    error
}

func (p *postbox) Send(_ context.Context, m notice.Message) error {
	if p.during != nil {
		p.during()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.got = append(p.got, m)
	}
	return p.err
}

func (p *postbox) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// onDisk is a store on disk, as a desk has it.
type onDisk struct {
	options store.Options
	site    provisioning.Site
}

func newOnDisk(t *testing.T) onDisk {
	t.Helper()
	private, _, err := note.GenerateKey(rand.Reader, "desk1")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	d := onDisk{site: site, options: store.Options{Path: filepath.Join(t.TempDir(), "desk.db"),
		Key: secret.NewKey(bytes.Repeat([]byte{7}, keyLen)), Desk: "desk1", Signer: signer,
		Clock: SystemClock{}.Now, Fatal: func(err error) { t.Error(err) }}}
	if err := store.Create(d.options); err != nil {
		t.Fatal(err)
	}
	return d
}

// run opens the store and lets the desk send until the condition holds.
func (d onDisk) run(
	t *testing.T, box *postbox, work func(*store.Store), until func(*store.Store) bool,
) {
	t.Helper()
	s, err := store.Open(t.Context(), d.options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := notice.New(notice.Config{Ledger: s, Site: d.site, Desk: "desk1", Clock: SystemClock{},
		Log: slog.New(slog.DiscardHandler), Mail: box})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if work != nil {
		work(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); !until(s); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came to that")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A box that loses its power while a notice is being sent finds it again on its disk, sends it once
// more, and says that it may be the second.
func TestPowerCutWhileSending(t *testing.T) {
	d := newOnDisk(t)
	image := filepath.Join(t.TempDir(), "image.db")
	box := &postbox{during: func() {
		data, err := os.ReadFile(d.options.Path)
		if err == nil {
			err = os.WriteFile(image, data, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}}
	d.run(t, box, func(s *store.Store) { tell(t, s) },
		func(*store.Store) bool { return box.count() == 1 })

	// The image is the disk as it was in the middle.
	cut := d
	cut.options.Path = image
	after := &postbox{}
	backdate := func(s *store.Store) { due(t, s) }
	cut.run(t, after, backdate, func(s *store.Store) bool {
		return provisioning.WaitingNotices(s.Snapshot()) == 0
	})
	if box.count() != 1 || after.count() != 1 {
		t.Fatalf("%d before, %d after", box.count(), after.count())
	}
	first, second := box.got[0], after.got[0]
	if first.ID != second.ID || strings.Contains(first.Text, "twice") ||
		!strings.Contains(second.Text, "twice") {
		t.Errorf("first %q\nsecond %q", first.Text, second.Text)
	}
}

// tell commits an act that a person is told of.
func tell(t *testing.T, s *store.Store) {
	t.Helper()
	_, err := s.Do(t.Context(), func(now provisioning.Snapshot) (provisioning.Change, error) {
		rows := []provisioning.Row{provisioning.Person{ID: "e1", Name: "Chan", Mail: "chan@example.edu"}}
		e := provisioning.Entry{At: SystemClock{}.Now(), Desk: "desk1", Actor: "desk", Person: "e1",
			Act: "recovery.failed", Outcome: provisioning.OutcomeRefused}
		return provisioning.NewChange(e).Put(rows...).Put(provisioning.NoticesOf(now, e, rows)...), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// due spares the test the wait before the second try.
func due(t *testing.T, s *store.Store) {
	t.Helper()
	_, err := s.Do(t.Context(), func(now provisioning.Snapshot) (provisioning.Change, error) {
		change := provisioning.NewChange(provisioning.Entry{Act: "test"})
		for n := range provisioning.All[provisioning.Notice](now) {
			n.Next = time.Time{}
			change = change.Put(n)
		}
		return change, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
