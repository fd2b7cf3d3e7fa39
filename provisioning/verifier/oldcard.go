package verifier

import (
	"errors"
	"slices"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// ErrOldCard says that the desk has other keys by now than those on a card.
var ErrOldCard = errors.New("the card is an old one, with keys that the desk has renewed or that " +
	"a restore took the place of: take a new one with tokendesk card")

// old says whether a card names keys that others took the place of. Pinned again, the desk would no
// longer be followed, and whoever kept the old keys would be. With newFeed an operator may go back
// behind a restore, to the desk that was replaced.
func (d deskRow) old(card feed.DeskCard, newFeed bool) bool {
	pinned := func(pin string) bool { return slices.Contains(card.TLSPins(), pin) }
	if slices.ContainsFunc(d.RetiredLogKeys, card.SignsWith) ||
		slices.ContainsFunc(d.RetiredTLSPins, pinned) {
		return true
	}
	return !newFeed && !d.Card.SignsWith(card.LogKey) &&
		slices.ContainsFunc(d.Former, func(f former) bool {
			return f.Card.SignsWith(card.LogKey) || slices.ContainsFunc(f.RetiredLogKeys, card.SignsWith)
		})
}
