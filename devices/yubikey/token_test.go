package yubikey

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// slotState is a token that can be told when to count and when to fail.
type slotState struct {
	scripted
	status [reportSize]byte
	// after is the status once a complete frame was taken; busy is how long that takes.
	after [reportSize]byte
	busy  time.Duration
	until time.Time
}

// newSlotState is a token of this firmware, sequence and touch level before and after a write.
func newSlotState(fw [3]byte, before, after [2]byte) *slotState {
	s := &slotState{
		status: [reportSize]byte{1: fw[0], 2: fw[1], 3: fw[2], 4: before[0], 5: before[1]},
		after:  [reportSize]byte{1: fw[0], 2: fw[1], 3: fw[2], 4: after[0], 5: after[1]},
	}
	s.set = func(_ int, report []byte) error { s.take(report); return nil }
	s.get = func() ([reportSize]byte, error) {
		answer := s.status
		if time.Now().Before(s.until) {
			answer[partSize] |= flagWrite
		}
		return answer, nil
	}
	return s
}

func (s *slotState) take(report []byte) {
	if report[partSize] == flagWrite|lastPart {
		s.status = s.after
		s.until = time.Now().Add(s.busy)
	}
}

var (
	fw5      = [3]byte{5, 4, 3}
	errStall = errors.New("stalled")
)

func hotpConfig(slot int) provisioning.SlotConfig {
	return provisioning.SlotConfig{Slot: slot, Seed: rfcSeed(), Digits: 6, Enter: true}
}

func program(ctx context.Context, t *Token) error { return t.Program(ctx, hotpConfig(1)) }

func erase(ctx context.Context, t *Token) error { return t.Erase(ctx, 1, secret.AccessCode{}) }

// is says of an error which of the contract's sentinels it wraps, in one word each.
func is(err error) string {
	words := ""
	for _, w := range []struct {
		word string
		err  error
	}{
		{"untouched ", provisioning.ErrUntouched}, {"unknown ", provisioning.ErrUnknownOutcome},
		{"protected ", provisioning.ErrProtected}, {"gone ", provisioning.ErrGone},
		{"held ", provisioning.ErrHeld},
	} {
		if errors.Is(err, w.err) {
			words += w.word
		}
	}
	if err == nil {
		return "done"
	}
	return words
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		before, after [2]byte // sequence and touch level
		do            func(context.Context, *Token) error
		want          string
	}{
		"first slot":                  {[2]byte{0, 0}, [2]byte{1, 1}, program, "done"},
		"overwritten":                 {[2]byte{7, 3}, [2]byte{8, 3}, program, "done"},
		"wraps":                       {[2]byte{255, 1}, [2]byte{0, 1}, program, "done"},
		"bits that lie":               {[2]byte{7, 0}, [2]byte{8, 0}, program, "done"},
		"refused, empty":              {[2]byte{7, 2}, [2]byte{7, 2}, program, "untouched "},
		"refused, configured":         {[2]byte{7, 3}, [2]byte{7, 3}, program, "untouched protected "},
		"refused, sensor moved":       {[2]byte{7, 3}, [2]byte{7, 0x13}, program, "untouched protected "},
		"jumps":                       {[2]byte{7, 3}, [2]byte{9, 3}, program, "unknown "},
		"falls to zero":               {[2]byte{7, 1}, [2]byte{0, 0}, program, "unknown "},
		"bits move alone":             {[2]byte{7, 0}, [2]byte{7, 1}, program, "unknown "},
		"erased, other left":          {[2]byte{7, 3}, [2]byte{8, 2}, erase, "done"},
		"erased, last":                {[2]byte{7, 1}, [2]byte{0, 0}, erase, "done"},
		"erased, last, after a wrap":  {[2]byte{0, 1}, [2]byte{0, 0}, erase, "done"},
		"erased, last, at 255":        {[2]byte{255, 1}, [2]byte{0, 0}, erase, "done"},
		"erased, other left, at 255":  {[2]byte{255, 3}, [2]byte{0, 2}, erase, "done"},
		"nothing to erase":            {[2]byte{0, 0}, [2]byte{0, 0}, erase, "done"},
		"erase refused":               {[2]byte{7, 1}, [2]byte{7, 1}, erase, "untouched protected "},
		"erase unmoved, shown empty":  {[2]byte{7, 2}, [2]byte{7, 2}, erase, "untouched "},
		"erase falls to zero, in use": {[2]byte{7, 3}, [2]byte{0, 3}, erase, "unknown "},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlotState(fw5, c.before, c.after)
			err := c.do(t.Context(), New(s, devices.Info{}))
			if got := is(err); got != c.want {
				t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
			}
		})
	}
}

// A report that fails before the last part cannot have had an effect; the last one can, whatever
// the bus says of it. Where the token can still be asked, its word counts.
func TestFailingReports(t *testing.T) {
	for name, c := range map[string]struct {
		// at is the number of the part whose set fails; taken says that the token has it anyway.
		at    byte
		taken bool
		err   error
		want  string
	}{
		"pulled out at the first part":       {0, true, devices.ErrUnplugged, "untouched gone "},
		"pulled out at part 7":               {7, true, devices.ErrUnplugged, "untouched gone "},
		"pulled out at the last, taken":      {9, true, devices.ErrUnplugged, "unknown gone "},
		"pulled out at the last, not taken":  {9, false, devices.ErrUnplugged, "unknown gone "},
		"stalled at part 7":                  {7, false, errStall, "untouched "},
		"stalled at the last, not taken":     {9, false, errStall, "untouched "},
		"stalled at the last, taken":         {9, true, errStall, "done"},
		"timed out at the last, taken":       {9, true, devices.ErrTimeout, "done"},
		"timed out at the last, not taken":   {9, false, devices.ErrTimeout, "untouched "},
		"closed under us at the last, taken": {9, true, devices.ErrClosed, "unknown "},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
			s.set = func(_ int, report []byte) error {
				if report[partSize] != flagWrite|c.at {
					s.take(report)
					return nil
				}
				if c.taken {
					s.take(report)
				}
				if c.err == devices.ErrUnplugged {
					s.get = func() (r [reportSize]byte, err error) { return r, devices.ErrUnplugged }
				}
				return c.err
			}
			err := program(t.Context(), New(s, devices.Info{}))
			if got := is(err); got != c.want {
				t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
			}
		})
	}
}

// A last part that timed out may still be on its way; that it never comes is believed only once the
// reset sent after it was taken.
func TestLastPartThatTimedOut(t *testing.T) {
	for name, c := range map[string]struct {
		late    bool  // the part arrives with the reset
		resetBy error // what the bus says of that reset
		want    string
	}{
		"comes with the reset":       {true, nil, "done"},
		"never comes":                {false, nil, "untouched "},
		"never comes, reset fails":   {false, errStall, "unknown "},
		"comes late, reset may fail": {true, devices.ErrTimeout, "unknown "},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
			timedOut := false
			s.set = func(_ int, report []byte) error {
				switch {
				case report[partSize] == flagWrite|lastPart:
					timedOut = true
					return devices.ErrTimeout
				case timedOut && c.late:
					s.status = s.after
				}
				if timedOut {
					return c.resetBy
				}
				return nil
			}
			err := program(t.Context(), New(s, devices.Info{}))
			if got := is(err); got != c.want {
				t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
			}
		})
	}
}

// Whoever aborts a frame leaves no half of it in the token.
func TestAbortEndsTheFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
		ctx, cancel := context.WithCancel(t.Context())
		s.set = func(_ int, report []byte) error {
			if report[partSize] == flagWrite|4 {
				cancel()
			}
			return nil
		}
		err := program(ctx, New(s, devices.Info{}))
		if is(err) != "untouched " || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		last := s.sent[len(s.sent)-1]
		if last != [reportSize]byte{partSize: resetNumber} {
			t.Errorf("the last report was % x", last)
		}
	})
}

// Once the last part is out, a caller who has lost patience still learns what became of it.
func TestConfirmOutlivesTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		busy time.Duration
		want string
	}{
		"busy a second": {time.Second, "done"}, "busy too long": {time.Minute, "unknown "},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
			s.busy = c.busy
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := program(ctx, New(s, devices.Info{}))
			if got := is(err); got != c.want {
				t.Errorf("%s: %q (%v), want %q", name, got, err, c.want)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
		})
	}
}

// A busy token is noticed ready within one step of the pace, and polled no harder than that.
func TestBusyToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
		s.busy = 300 * time.Millisecond
		polls, get := 0, s.get
		s.get = func() ([reportSize]byte, error) { polls++; return get() }
		began := time.Now()
		if err := program(t.Context(), New(s, devices.Info{})); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 300*time.Millisecond+2*longWait {
			t.Errorf("took %v", took)
		}
		if polls > 40 {
			t.Errorf("polled %d times", polls)
		}
	})
}

// Who had the token before us may have been killed in the middle of a frame, which shows nowhere:
// the first thing sent ends it. When an abort does not get through, the next exchange repeats it.
func TestExchangesBeginClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reset := [reportSize]byte{partSize: resetNumber}
		s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
		take, stuck := s.set, false
		s.set = func(n int, report []byte) error {
			if stuck || report[partSize] == flagWrite|4 && n < 10 {
				stuck = true
				return errStall
			}
			return take(n, report)
		}
		k := New(s, devices.Info{})
		if got := is(program(t.Context(), k)); got != "untouched " {
			t.Errorf("stuck at part 4: %q", got)
		}
		if s.sent[0] != reset || s.sent[len(s.sent)-1] != reset {
			t.Errorf("sent % x", s.sent)
		}
		stuck = false
		begun := len(s.sent)
		s.set = take
		if err := program(t.Context(), k); err != nil || s.sent[begun] != reset {
			t.Errorf("again: %v, beginning with % x", err, s.sent[begun])
		}
	})
}

// Leftovers of a program that was killed are cleared away before anything is sent.
func TestLeftoverResponseIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
		pending := true
		set, get := s.set, s.get
		s.set = func(n int, report []byte) error {
			pending = pending && report[partSize] != resetNumber
			return set(n, report)
		}
		s.get = func() ([reportSize]byte, error) {
			if pending {
				return [reportSize]byte{partSize: flagPending | 3}, nil
			}
			return get()
		}
		if err := program(t.Context(), New(s, devices.Info{})); err != nil {
			t.Error(err)
		}
	})
}

// The buffers that went over the wire are overwritten when Program returns.
func TestFramesAreWiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlotState(fw5, [2]byte{7, 1}, [2]byte{8, 1})
		var buffers [][]byte
		s.set = func(_ int, report []byte) error {
			buffers = append(buffers, report)
			s.take(report)
			return nil
		}
		if err := program(t.Context(), New(s, devices.Info{})); err != nil {
			t.Fatal(err)
		}
		for _, b := range buffers {
			if report := [reportSize]byte(b); report != [reportSize]byte{} && b[partSize] != resetNumber {
				t.Errorf("left behind: part %d", b[partSize]&maskNumber)
			}
		}
	})
}
