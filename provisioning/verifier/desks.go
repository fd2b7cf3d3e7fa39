package verifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// ErrUnknownDesk says that a desk was never trusted here.
var ErrUnknownDesk = errors.New("no such desk: trust its card first")

// errDone ends a walk over a table early.
var errDone = errors.New("done")

// Trust pins a desk's card and follows it from now on, within bounds. Trusting a desk again
// replaces its card and bounds, clears its alarm and lifts a revocation; where it was left is kept,
// and so are the keys that were renewed. With newFeed the desk may begin a new feed: it was
// restored, or its store was made anew.
func (v *Verifier) Trust(card feed.DeskCard, bounds Bounds, newFeed bool) error {
	if _, err := card.Encode(); err != nil {
		return fmt.Errorf("trust a desk: %w", err)
	}
	err := v.file.Update(func(tx *boltfile.Tx) error {
		row, _, err := load[deskRow](tx, deskTable, []byte(card.Desk))
		if err != nil {
			return err
		}
		if row.old(card, newFeed) {
			return ErrOldCard
		}
		row.clear(v.clock(), trustedAgain)
		if row.CaughtUp.IsZero() {
			row.CaughtUp = v.clock()
		}
		row.Card, row.Bounds, row.Revoked = card, bounds, time.Time{}
		row.deskKeys = deskKeys{RetiredLogKeys: row.RetiredLogKeys, RetiredTLSPins: row.RetiredTLSPins}
		if newFeed {
			row.Tail, row.Checkpoint, row.Restore = nil, nil, nil
			if err := forgetHidden(tx, card.Desk); err != nil {
				return err
			}
		}
		return save(tx, deskTable, []byte(card.Desk), row)
	})
	if err != nil {
		return fmt.Errorf("trust desk %s: %w", card.Desk, err)
	}
	v.desksChanged()
	v.spreadSoon()
	v.act()
	return nil
}

// Suspended is a credential that a revocation took out of use.
type Suspended struct {
	Credential string    `json:"credential"`
	User       string    `json:"user"`
	Vendor     string    `json:"vendor"`
	Serial     string    `json:"serial"`
	Issued     time.Time `json:"issued"`
}

// RevokeDesk refuses what a desk sends from now on, and suspends and lists what it issued since a
// time. Nothing the desk sends lifts that; its users need new tokens from another desk. It may be
// done again, with the same time or an earlier one: what is suspended stays so and is listed again,
// but for the passcodes, which are gone.
func (v *Verifier) RevokeDesk(desk string, since time.Time) ([]Suspended, error) {
	var list []Suspended
	err := v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[deskRow](tx, deskTable, []byte(desk))
		if err != nil {
			return err
		}
		if !ok {
			return ErrUnknownDesk
		}
		if row.Revoked.IsZero() {
			row.Revoked = v.clock()
		}
		if err := save(tx, deskTable, []byte(desk), row); err != nil {
			return err
		}
		list, err = v.suspendIssued(tx, desk, since)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("revoke desk %s: %w", desk, err)
	}
	v.log.Warn("a desk is revoked", systemd.DeskRevoked.Attr(), "desk", desk, "suspended", len(list))
	v.desksChanged()
	v.sitesChanged()
	return list, nil
}

// suspendIssued takes out of use what a desk issued since a time, and what it had only prepared.
// Its passcodes are gone for good; they are listed with "passcode" as the vendor and their type as
// the serial.
func (v *Verifier) suspendIssued(
	tx *boltfile.Tx, desk string, since time.Time,
) (list []Suspended, err error) {
	var hit []credential
	err = each(tx, credentialTable, func(_ string, c credential) error {
		issued := c.live() && !c.Issued.Before(since)
		if c.Desk == desk && (issued || c.State == waiting) {
			hit = append(hit, c)
		}
		return nil
	})
	for _, c := range hit {
		if c.live() {
			list = append(list, Suspended{c.ID, c.User, c.Vendor, c.Serial, c.Issued})
		}
		if c.State != suspended || !c.Held {
			err = errors.Join(err, v.moved(tx, c.heldNow(v.clock())))
		}
	}
	passcodes, perr := endWhere(tx, "", func(p passcodeSet) bool {
		return p.Desk == desk && !p.Issued.Before(since)
	})
	for _, p := range passcodes {
		list = append(list, Suspended{Credential: p.ID, User: p.User, Vendor: "passcode",
			Serial: p.Type, Issued: p.Issued})
	}
	return list, errors.Join(err, perr)
}

func (v *Verifier) desksChanged() {
	select {
	case v.poke <- struct{}{}:
	default: // the supervisor has not looked yet since the last poke
	}
}

func (s *State) desks() (map[string]deskRow, error) {
	desks := map[string]deskRow{}
	err := s.file.View(func(tx *boltfile.Tx) error {
		return each(tx, deskTable, func(id string, row deskRow) error {
			desks[id] = row
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list desks: %w", err)
	}
	return desks, nil
}

// tail is where a desk's feed was left.
func (s *State) tail(desk string) (tail feed.Tail, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		row, _, err := load[deskRow](tx, deskTable, []byte(desk))
		if err != nil || len(row.Tail) == 0 {
			return err
		}
		return tail.UnmarshalBinary(row.Tail)
	})
	return tail, err
}

// pending lists verdicts no ack has carried yet, as many as one ack holds.
func (s *State) pending(desk string) ([]feed.Verdict, error) {
	var list []feed.Verdict
	from, to := verdictKey(desk, feed.Verdict{}), []byte(desk+"\x01")
	err := s.file.View(func(tx *boltfile.Tx) error {
		return tx.ForEach(verdictTable, from, to, func(item boltfile.Item) error {
			var verdict feed.Verdict
			if err := json.Unmarshal(item.Value, &verdict); err != nil {
				return err
			}
			if list = append(list, verdict); len(list) == feed.MaxVerdicts {
				return errDone
			}
			return nil
		})
	})
	if err != nil && !errors.Is(err, errDone) {
		return nil, fmt.Errorf("list verdicts: %w", err)
	}
	return list, nil
}

// owes says whether there is a verdict no ack has carried yet.
func (s *State) owes(desk string) (owes bool, err error) {
	from, to := verdictKey(desk, feed.Verdict{}), []byte(desk+"\x01")
	err = s.file.View(func(tx *boltfile.Tx) error {
		return tx.ForEach(verdictTable, from, to, func(boltfile.Item) error {
			owes = true
			return errDone
		})
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	return owes, err
}

// forget drops verdicts that the desk confirmed.
func (s *State) forget(desk string, verdicts []feed.Verdict) error {
	err := s.file.Update(func(tx *boltfile.Tx) error {
		for _, verdict := range verdicts {
			if err := tx.Delete(verdictTable, verdictKey(desk, verdict)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget verdicts: %w", err)
	}
	return nil
}
