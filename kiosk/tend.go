package kiosk

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
)

// restful is how long Run sleeps when no deadline is near.
const restful = time.Minute

// taps is the reader's channel, or nil without a reader.
func (s *Server) taps() <-chan devices.Tap {
	if s.reader == nil {
		return nil
	}
	return s.reader.Taps()
}

// readerDown says that numbers have to be typed.
func (s *Server) readerDown() bool { return s.reader == nil || !s.reader.Up() }

// readerChanged wakes whoever shows whether the reader is down.
func (s *Server) readerChanged() <-chan struct{} {
	if s.reader == nil {
		return nil
	}
	return s.reader.Changed()
}

// tend locks the screen when its deadline has passed or its visit was taken away from it, and
// returns how long until the next look.
func (s *Server) tend(ctx context.Context) time.Duration {
	who := s.counter.now()
	if who.Owner == "" && who.Facing == "" {
		return restful
	}
	snap := s.visits.Snapshot()
	v, open := current(snap, who)
	if who.Owner != "" && s.dismissed(who.Officer) {
		// Whoever may not work here any more is out at once. Their visit waits for its own deadline.
		s.counter.lock(who)
		return restful
	}
	if s.dropped(snap, who, v, open) {
		s.counter.lock(who)
		return restful
	}
	until := deadline(snap, who)
	if until.IsZero() {
		return restful
	}
	if left := until.Sub(s.now()); left > 0 {
		return min(left, restful)
	}
	s.expire(ctx, who, v, open)
	return time.Second
}

// dropped follows the visit at the counter, and says whether the runner has put it away: then the
// screen that showed it locks.
func (s *Server) dropped(
	snap provisioning.Snapshot, who hands, v provisioning.Visit, open bool,
) bool {
	if open {
		if who.Visit != v.ID {
			s.counter.edit(func(h *hands) { h.Visit = v.ID })
		}
		return false
	}
	if who.Facing != "" {
		return true
	}
	if who.Visit == "" {
		return false
	}
	was, _ := provisioning.Get[provisioning.Visit](snap, string(who.Visit))
	if was.State == provisioning.VisitHeld {
		return true
	}
	s.counter.edit(func(h *hands) { h.Visit, h.Until = "", s.now().Add(idleReady) })
	return false
}

// expire does to the visit at the counter what its deadline means: a goodbye ends, a proven token
// is parked, anything else is held and the screen locks. The runner does the same to visits nobody
// looks at; whoever is second is refused, and nothing is done twice.
func (s *Server) expire(ctx context.Context, who hands, v provisioning.Visit, open bool) {
	switch {
	case open && v.Step == provisioning.StepDone && who.Owner != "":
		s.put(ctx, who, v.ID, provisioning.End{})
		return
	case open && v.Step == provisioning.StepVerify && who.Owner != "":
		s.put(ctx, who, v.ID, provisioning.Park{})
		return
	}
	s.hold(ctx, who)
	s.counter.lock(who)
}

// hold keeps the visit at the counter for its officer.
func (s *Server) hold(ctx context.Context, who hands) {
	if v, open := current(s.visits.Snapshot(), who); open {
		s.put(ctx, who, v.ID, provisioning.Hold{})
	}
}

// put gives an order that nobody waits for. A refusal means that it has happened already.
func (s *Server) put(
	ctx context.Context, who hands, id provisioning.VisitID, command provisioning.Command,
) {
	_, err := s.order(ctx, who.Officer, provisioning.OpID(newID()), id, command)
	if err != nil {
		s.log.InfoContext(ctx, "put the visit away", "visit", id, "err", err)
	}
}

// tapped opens a visit for the person of a card. A locked screen and a busy counter leave the card
// alone: nobody is looked up for an officer who is not there. later runs what may take its time.
func (s *Server) tapped(ctx context.Context, tap devices.Tap, later func(func())) {
	who := s.counter.now()
	if who.Owner == "" {
		if who.Facing == "" {
			s.counter.tell(provisioning.Refuse(CodeTapLocked))
		}
		return
	}
	if tap.Why != "" { // it gave no number, so there is nobody to look up
		s.counter.tell(provisioning.Refuse(provisioning.Code(tap.Why)))
		return
	}
	if v, open := current(s.visits.Snapshot(), who); open {
		if v.Step != provisioning.StepDone {
			s.tappedDuring(ctx, v, tap, later)
			return
		}
		s.put(ctx, who, v.ID, provisioning.End{})
	}
	s.counter.active(s.now())
	person, err := s.find(ctx, tap.Number)
	if err == nil {
		op := provisioning.OpID(newID())
		_, err = s.order(ctx, who.Officer, op, "", provisioning.Open{Person: person, Tapped: true})
	}
	s.counter.tell(s.noteOf(ctx, err))
}

// tappedDuring says that a card was not read. The card of the person who stands there may lie where
// it lies: by the numbers the desk knows, or, since a card has others besides, by whom the
// directory finds. Whoever that is, the visit stays the visit of its person.
func (s *Server) tappedDuring(
	ctx context.Context, v provisioning.Visit, tap devices.Tap, later func(func()),
) {
	p, _ := provisioning.Get[provisioning.Person](s.visits.Snapshot(), string(v.Person))
	bare := func(number string) string { return strings.ReplaceAll(number, " ", "") }
	if n := bare(tap.Number); n == bare(p.Card) || n == string(p.ID) {
		return
	}
	if !s.looking.CompareAndSwap(false, true) { // one question at a time; this card is not read.
		s.counter.tell(provisioning.Refuse(CodeTapBusy))
		return
	}
	later(func() {
		defer s.looking.Store(false)
		found, err := s.find(ctx, tap.Number)
		if err == nil && found.ID == v.Person {
			return
		}
		now, open := current(s.visits.Snapshot(), s.counter.now())
		if open && now.ID == v.ID && now.Step != provisioning.StepDone {
			s.counter.tell(provisioning.Refuse(CodeTapBusy))
		}
	})
}

// noteOf is what the ready page says of a tap that opened no visit.
func (s *Server) noteOf(ctx context.Context, err error) *provisioning.Refusal {
	var refusal *provisioning.Refusal
	if err == nil || errors.As(err, &refusal) {
		return refusal
	}
	s.log.ErrorContext(ctx, "card tap", "err", err)
	return provisioning.Refuse(CodeUnknown)
}
