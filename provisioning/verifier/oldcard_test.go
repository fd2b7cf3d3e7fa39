package verifier

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// TestOldCardIsRefused: the card that lay here since before a renewal pins no key that was renewed,
// and trusting the desk by a card of now forgets none of them: a backup may be signed with one.
func TestOldCardIsRefused(t *testing.T) {
	v, first := stillDesk(t)
	a, b := first.LogKey, newLogKey(t)
	f := &follower{Verifier: v, desk: "desk1", card: first}
	f.renewed(t, [][2]string{{a, b}, {b, a}})
	half := f.card
	f.renewed(t, [][2]string{{b, ""}})
	now := f.card
	now.TLSPin = strings.Repeat("0e", 32)
	if err := f.pin(now, 9); err != nil {
		t.Fatal(err)
	}
	oldPin := now
	oldPin.TLSPin = first.TLSPin
	for name, card := range map[string]feed.DeskCard{"the first": first, "half of a renewal": half,
		"the certificate of before": oldPin} {
		for _, newFeed := range []bool{false, true} {
			if err := v.Trust(card, Bounds{}, newFeed); !errors.Is(err, ErrOldCard) {
				t.Errorf("%s, new feed %v: %v", name, newFeed, err)
			}
		}
	}
	if err := v.Trust(now, Bounds{}, false); err != nil {
		t.Fatal(err)
	}
	row, err := v.deskRow("desk1")
	if err != nil || row.Card != now || !slices.Equal(row.RetiredLogKeys, []string{a}) {
		t.Errorf("pinned %+v, retired %q; %v", row.Card, row.RetiredLogKeys, err)
	}
	if err := v.Trust(first, Bounds{}, false); !errors.Is(err, ErrOldCard) {
		t.Errorf("after it was trusted again: %v", err)
	}
}

// TestSetBounds: what a desk may do is changed without its card, and nothing else with it.
func TestSetBounds(t *testing.T) {
	v, first := stillDesk(t)
	if _, err := v.RevokeDesk("desk1", time.Now()); err != nil {
		t.Fatal(err)
	}
	bounds := Bounds{Groups: []string{"students"}, PerHour: 30}
	if err := v.SetBounds("desk1", bounds); err != nil {
		t.Fatal(err)
	}
	row, err := v.deskRow("desk1")
	if err != nil || !reflect.DeepEqual(row.Bounds, bounds) || row.Card != first ||
		row.Revoked.IsZero() {
		t.Errorf("%+v, %v", row, err)
	}
	if err := v.SetBounds("desk2", bounds); !errors.Is(err, ErrUnknownDesk) {
		t.Errorf("a desk that is not known: %v", err)
	}
}
