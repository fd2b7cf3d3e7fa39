package visit

import (
	"context"
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// tend reacts to everything that changes: deadlines that pass, tokens that come and go.
func (r *Runner) tend(ctx context.Context) error {
	for {
		// Subscribed before looking, so that nothing in between is missed.
		ledger, bench := r.ledger.Changed(), r.bench.Changed()
		r.announce()
		next, err := r.lapse(ctx)
		if err == nil {
			next, err = r.lapsePasscodes(ctx, next)
		}
		if err == nil {
			err = r.watchBench(ctx)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.log.Error("tend visits", "err", err)
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-ledger:
		case <-bench:
		case <-r.freed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// longest is how long tend sleeps when nothing is due. The clock may be set in the meantime.
const longest = time.Minute

// lapse lets what is due happen and returns how long nothing else is.
func (r *Runner) lapse(ctx context.Context) (time.Duration, error) {
	next := longest
	for _, state := range []provisioning.VisitState{
		provisioning.VisitOpen, provisioning.VisitHeld, provisioning.VisitParked,
	} {
		s := r.ledger.Snapshot()
		for v := range provisioning.Find[provisioning.Visit](s, provisioning.ByState, string(state)) {
			if v.Deadline.IsZero() {
				continue
			}
			if left := v.Deadline.Sub(r.clock.Now()); left > 0 {
				next = min(next, left)
				continue
			}
			_, err := r.maybe(ctx, func(s provisioning.Snapshot) (provisioning.Change, bool) {
				return provisioning.Lapse(s, r.now(), v.ID)
			})
			if err != nil {
				return time.Second, err
			}
		}
	}
	return next, nil
}

// offer is one plugging a visit was told of.
type offer struct {
	visit provisioning.VisitID
	plug  string
}

// watchBench tells the visit at the counter which token is under the officer's hand.
func (r *Runner) watchBench(ctx context.Context) error {
	s := r.ledger.Snapshot()
	for v := range provisioning.Find[provisioning.Visit](
		s, provisioning.ByState, string(provisioning.VisitOpen),
	) {
		command := r.news(s, v)
		if command == nil {
			continue
		}
		_, err := r.decide(ctx, provisioning.Order{Visit: v.ID, Command: command,
			At: r.clock.Now(), Synced: r.clock.Synced(), Desk: r.desk})
		var moved *provisioning.Refusal
		if err != nil && !errors.As(err, &moved) {
			return err
		}
	}
	return nil
}

// news is what the bench has to tell a visit, if anything.
func (r *Runner) news(s provisioning.Snapshot, v provisioning.Visit) provisioning.Command {
	if !awaitsToken(s, v) {
		return nil
	}
	free, settled := r.freePlugs()
	if settled && v.Step != provisioning.StepPlug && v.Token != "" && !holds(free, v.Token) {
		return provisioning.Unplugged{}
	}
	if settled && len(free) == 0 && v.Problem != "" {
		return provisioning.Unplugged{}
	}
	if len(free) != 1 || free[0].Info == nil || v.Step == provisioning.StepCheck {
		return nil
	}
	if v.Step != provisioning.StepPlug && v.Token != "" {
		return nil
	}
	this := offer{v.ID, free[0].ID}
	if v.Problem != "" && r.offered == this {
		return nil
	}
	r.offered = this
	return provisioning.Plugged{Token: *free[0].Info}
}

// awaitsToken: a return in progress has its token already, and a loss needs one only to be lifted.
func awaitsToken(s provisioning.Snapshot, v provisioning.Visit) bool {
	switch v.Step {
	case provisioning.StepPlug, provisioning.StepCheck:
		return true
	case provisioning.StepReturn:
		return v.Progress != provisioning.ProgressWiping
	case provisioning.StepLost:
		loan, _ := provisioning.Get[provisioning.Loan](s, string(v.Loan))
		return loan.State == provisioning.LoanSuspended
	}
	return false
}

// freePlugs are the usable tokens no job works with. It is settled once each of them is known: one
// that is being asked who it is may be the one that seems to be missing.
func (r *Runner) freePlugs() (free []provisioning.Plug, settled bool) {
	settled = true
	for _, p := range r.bench.Plugs() {
		if !p.Usable || r.isBusy(p.ID) {
			continue
		}
		free = append(free, p)
		settled = settled && (p.Info != nil || p.Err != nil)
	}
	return free, settled
}

func holds(plugs []provisioning.Plug, id provisioning.TokenID) bool {
	for _, p := range plugs {
		if p.Info != nil && p.Info.ID() == id {
			return true
		}
	}
	return false
}
