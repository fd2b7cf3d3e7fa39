package verifier

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

func newLogKey(t *testing.T) string {
	t.Helper()
	_, public, err := note.GenerateKey(rand.Reader, "desk1")
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// stillDesk is a verifier that does not run, and trusts the card of one desk.
func stillDesk(t *testing.T) (*Verifier, feed.DeskCard) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "verifier")
	_, err := Init(Plan{Dir: dir, Name: "test", Hosts: []string{"127.0.0.1"},
		Escrow: filepath.Join(t.TempDir(), "escrow.key"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	state, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	v, err := New(Config{State: state})
	if err != nil {
		t.Fatal(err)
	}
	_, pin, err := feedtest.Certificate("desk1", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	first := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
		FeedURL: "https://127.0.0.1:1", LogKey: newLogKey(t), TLSPin: pin}
	if err := v.Trust(first, Bounds{}, false); err != nil {
		t.Fatal(err)
	}
	<-v.poke
	return v, first
}

// renewed takes up log keys, one pair after another.
func (f *follower) renewed(t *testing.T, pairs [][2]string) {
	t.Helper()
	for _, keys := range pairs {
		next := f.card
		next.LogKey, next.NextLogKey = keys[0], keys[1]
		if err := f.pin(next, f.announced+1); err != nil {
			t.Fatal(err)
		}
		f.card = next
		f.announced++
	}
}

// TestLogKeyIsRetired: a key that was pinned first, then second beside the one that takes its place,
// and then not at all, is kept. A follower that was started with a card of before gets nowhere, and
// has whoever starts followers look again.
func TestLogKeyIsRetired(t *testing.T) {
	v, first := stillDesk(t)
	a, b := first.LogKey, newLogKey(t)
	f := &follower{Verifier: v, desk: "desk1", card: first}
	f.renewed(t, [][2]string{{a, b}, {b, a}, {b, ""}})
	row, err := v.deskRow("desk1")
	if err != nil || !slices.Equal(row.RetiredLogKeys, []string{a}) {
		t.Errorf("retired: %q, want the first alone; %v", row.RetiredLogKeys, err)
	}
	late := &follower{Verifier: v, desk: "desk1", card: first}
	next := first
	next.NextLogKey = b
	if err := late.pin(next, 9); !errors.Is(err, feed.ErrElsewhere) {
		t.Errorf("a card of before was renewed: %v", err)
	}
	select {
	case <-v.poke:
	default:
		t.Error("nobody looks whether the follower has the right card")
	}
	for _, c := range []struct {
		who    *follower
		stands bool
	}{{late, false}, {f, true}} {
		c.who.raise(&forgery{kind: AlarmOtherDesk})
		if row, err := v.deskRow("desk1"); err != nil || row.Alarm.Stands() != c.stands {
			t.Errorf("followed by its card of now: %v; the alarm is %+v, %v", c.stands, row.Alarm, err)
		}
	}
}
