package devices_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
)

// shelf is a bus whose listing the test sets.
type shelf struct {
	mu    sync.Mutex
	infos []devices.Info
	err   error
	hang  bool
	calls int
}

func (s *shelf) set(err error, infos ...devices.Info) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.infos, s.err = infos, err
}

func (s *shelf) List(ctx context.Context) ([]devices.Info, error) {
	s.mu.Lock()
	hang := s.hang
	s.calls++
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, devices.ErrTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.infos), s.err
}

func (s *shelf) Open(context.Context, devices.Info) (devices.HID, error) {
	return nil, devices.ErrUnsupported
}

// sighting is one call of changed.
type sighting struct {
	After time.Duration
	IDs   []string
	Err   error
}

// watch runs Watch over the shelf while script runs, and returns what changed was told.
func watch(t *testing.T, s *shelf, script func()) []sighting {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var seen []sighting
	start := time.Now()
	done := make(chan error)
	go func() {
		done <- devices.Watch(ctx, s, devices.PollEvery, func(infos []devices.Info, err error) {
			var ids []string
			for _, info := range infos {
				ids = append(ids, info.ID)
			}
			seen = append(seen, sighting{time.Since(start), ids, err})
		})
	}()
	script()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v, want context.Canceled", err)
	}
	return seen
}

func idsOf(seen []sighting) [][]string {
	var ids [][]string
	for _, s := range seen {
		ids = append(ids, s.IDs)
	}
	return ids
}

func TestWatchNamesEveryPlugging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := devices.Info{Path: "1-1:1.0", Vendor: 0x1050, Product: 0x0407}
		b := devices.Info{Path: "1-2:1.0", Vendor: 0x1050, Product: 0x0407}
		other := devices.Info{Path: "1-1:1.0", Vendor: 0x1050, Product: 0x0401}
		s := &shelf{}
		seen := watch(t, s, func() {
			for _, now := range [][]devices.Info{{}, {a}, {b, a}, {b}, {a, b}, {other, b}, {}} {
				s.set(nil, now...)
				time.Sleep(time.Second)
			}
		})
		want := [][]string{
			nil,
			{"1-1:1.0#1"},
			{"1-1:1.0#1", "1-2:1.0#2"},
			{"1-2:1.0#2"},
			{"1-1:1.0#3", "1-2:1.0#2"},
			{"1-1:1.0#4", "1-2:1.0#2"},
			nil,
		}
		if diff := cmp.Diff(want, idsOf(seen)); diff != "" {
			t.Errorf("IDs told (-want +got):\n%s", diff)
		}
	})
}

func TestWatchKeepsTheIDsOfTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{infos: []devices.Info{{Path: "1-1:1.0", ID: "first"}}}
		seen := watch(t, s, func() {
			time.Sleep(time.Second)
			s.set(nil, devices.Info{Path: "1-1:1.0", ID: "second"})
			time.Sleep(time.Second)
		})
		want := [][]string{{"first"}, {"second"}}
		if diff := cmp.Diff(want, idsOf(seen)); diff != "" {
			t.Errorf("a replug between two polls (-want +got):\n%s", diff)
		}
	})
}

func TestWatchSeesAnArrivalInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		var arrived time.Duration
		start := time.Now()
		seen := watch(t, s, func() {
			time.Sleep(10*devices.PollEvery + time.Millisecond)
			arrived = time.Since(start)
			s.set(nil, devices.Info{Path: "1-1:1.0"})
			time.Sleep(time.Second)
		})
		if len(seen) != 2 {
			t.Fatalf("changed was called %d times, want 2", len(seen))
		}
		if late := seen[1].After - arrived; late > 200*time.Millisecond {
			t.Errorf("an arrival was told after %v", late)
		}
	})
}

func TestWatchToleratesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := devices.Info{Path: "1-1:1.0"}
		broken := errors.New("bus fell over")
		s := &shelf{infos: []devices.Info{a}}
		seen := watch(t, s, func() {
			time.Sleep(time.Second)
			s.set(broken)
			time.Sleep(time.Second)
			s.set(nil, a)
			time.Sleep(time.Second)
		})
		want := [][]string{{"1-1:1.0#1"}, {"1-1:1.0#1"}, {"1-1:1.0#1"}}
		if diff := cmp.Diff(want, idsOf(seen)); diff != "" {
			t.Fatalf("lists told (-want +got):\n%s", diff)
		}
		if seen[0].Err != nil || !errors.Is(seen[1].Err, broken) || seen[2].Err != nil {
			t.Errorf("errors told: %v, %v, %v", seen[0].Err, seen[1].Err, seen[2].Err)
		}
	})
}

func TestWatchOutlivesAStuckListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{hang: true}
		seen := watch(t, s, func() {
			time.Sleep(3 * time.Second)
			s.mu.Lock()
			s.hang = false
			s.mu.Unlock()
			s.set(nil, devices.Info{Path: "1-1:1.0"})
			time.Sleep(3 * time.Second)
		})
		if len(seen) != 2 || !errors.Is(seen[0].Err, devices.ErrTimeout) || seen[1].Err != nil {
			t.Errorf("told %v, want one timeout and then the device", seen)
		}
		if s.calls < 3 {
			t.Errorf("listed %d times, want the watch to go on", s.calls)
		}
	})
}

func TestWatchRefusesANonsenseInterval(t *testing.T) {
	err := devices.Watch(t.Context(), &shelf{}, 0, func([]devices.Info, error) {})
	if err == nil {
		t.Error("an interval of zero was accepted")
	}
}
