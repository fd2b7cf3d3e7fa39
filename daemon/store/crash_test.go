package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// countUp puts the token "n" with one more in its slot, and publishes: an effect that shows at once
// whether it was lost or happened twice.
func countUp(now provisioning.Snapshot) (provisioning.Change, error) {
	t, _ := provisioning.Get[provisioning.Token](now, "yubikey/n")
	t.ID, t.Serial, t.State, t.Slot = "yubikey/n", "n", provisioning.TokenStock, t.Slot+1
	return change("count").Put(t).Publish(record(fmt.Sprint("r", t.Slot))), nil
}

func count(s *Store) int {
	t, _ := provisioning.Get[provisioning.Token](s.Snapshot(), "yubikey/n")
	return t.Slot
}

func TestCommitThatErrsStopsTheStore(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, happens := range map[string]bool{"did not happen": false, "happened": true} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			var fatal []error
			o.Fatal = func(err error) { fatal = append(fatal, err) }
			fail := false
			o.Commit = func(commit func() error) error {
				if !fail {
					return commit()
				}
				if happens {
					return errors.Join(commit(), broken)
				}
				return broken
			}
			s := create(t, o)
			if _, err := s.Do(t.Context(), countUp); err != nil {
				t.Fatal(err)
			}
			changed := s.Changed()
			fail = true
			at, err := s.Do(t.Context(), countUp)
			if !errors.Is(err, broken) || !errors.Is(err, boltfile.ErrCommit) || at != 0 {
				t.Errorf("position %d, %v", at, err)
			}
			fail = false
			if _, err := s.Do(t.Context(), countUp); !errors.Is(err, ErrStopped) {
				t.Errorf("the store went on: %v", err)
			}
			if len(fatal) != 1 || !errors.Is(fatal[0], broken) {
				t.Errorf("fatal was called with %v", fatal)
			}
			select {
			case <-changed:
				t.Error("somebody was woken")
			default:
			}
			if count(s) != 1 || s.Head() != 1 {
				t.Errorf("memory is ahead: %d, head %d", count(s), s.Head())
			}
			closeStore(t, s)
			s = open(t, o)
			want := 1 + map[bool]int{true: 1}[happens]
			if count(s) != want || s.Head() != int64(want) {
				t.Errorf("after the restart: %d, head %d, want %d", count(s), s.Head(), want)
			}
			if _, err := s.Audit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDefaultFatalPanics(t *testing.T) {
	o := options(t)
	o.Fatal = nil
	o.Commit = func(func() error) error { return errors.New("gone") }
	closed := options(t)
	closed.Path = o.Path
	closeStore(t, create(t, closed))
	s := open(t, o)
	defer func() {
		if recover() == nil {
			t.Error("the process went on")
		}
	}()
	_, _ = s.Do(t.Context(), countUp)
}

func TestParallelChanges(t *testing.T) {
	const callers, each = 50, 20
	o := options(t)
	var syncs atomic.Int64
	o.Commit = func(commit func() error) error { syncs.Add(1); return commit() }
	s := create(t, o)
	refused := errors.New("refused")
	var all sync.WaitGroup
	var positions sync.Map
	for i := range callers {
		all.Go(func() {
			for j := range each {
				if (i+j)%5 == 0 {
					_, err := s.Do(context.Background(),
						func(provisioning.Snapshot) (provisioning.Change, error) {
							return change("x"), refused
						})
					if !errors.Is(err, refused) {
						t.Errorf("got %v", err)
					}
					continue
				}
				var saw int64
				at, err := s.Do(context.Background(),
					func(now provisioning.Snapshot) (provisioning.Change, error) {
						saw = now.Position()
						return countUp(now)
					})
				if err != nil || at != saw+1 {
					t.Errorf("position %d, decided at %d, %v", at, saw, err)
				}
				if _, again := positions.LoadOrStore(at, true); again {
					t.Errorf("position %d was given twice", at)
				}
				if s.Head() < at {
					t.Errorf("committed %d, visible %d", at, s.Head())
				}
			}
		})
	}
	all.Wait()
	const want = callers * each * 4 / 5
	if count(s) != want || s.Head() != want {
		t.Errorf("%d counted, head %d, want %d", count(s), s.Head(), want)
	}
	if syncs.Load() >= want {
		t.Errorf("%d commits took %d syncs: none was shared", want, syncs.Load())
	}
	closeStore(t, s)
	s = open(t, o)
	if a, err := s.Audit(t.Context()); err != nil || a.Leaves != want || count(s) != want {
		t.Errorf("the audit saw %+v, %v", a, err)
	}
}

func TestCancelledCallChangesNothing(t *testing.T) {
	s := create(t, options(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Do(ctx, countUp); !errors.Is(err, context.Canceled) || s.Head() != 0 {
		t.Errorf("head %d, %v", s.Head(), err)
	}
}

// A decision that panics, or ends its goroutine, is its own caller's affair.
func TestDecisionsThatDoNotReturn(t *testing.T) {
	s := create(t, options(t))
	func() {
		defer func() {
			if p := recover(); p != "a mistake" {
				t.Errorf("recovered %v", p)
			}
		}()
		_, _ = s.Do(t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
			panic("a mistake")
		})
	}()
	// The first of two callers serves both, and its decision ends its goroutine: the second, whose
	// request was taken already, must be served all the same.
	first := &request{decide: func(provisioning.Snapshot) (provisioning.Change, error) {
		runtime.Goexit()
		return provisioning.Change{}, nil
	}}
	second := &request{decide: countUp}
	s.queue.add(first)
	s.queue.add(second)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.serve(first)
	}()
	<-ended
	if err := s.serve(second); err != nil || second.err != nil || second.position != 1 {
		t.Errorf("position %d, %v, %v", second.position, second.err, err)
	}
	if count(s) != 1 || s.Head() != 1 {
		t.Errorf("%d counted, head %d", count(s), s.Head())
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := create(t, options(t))
	closeStore(t, s)
	if _, err := s.Do(t.Context(), countUp); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Leaves(t.Context(), 0, 1); err == nil {
		t.Error("a closed file was read")
	}
}

// TestKilledAtRandom kills a writing process again and again. Nothing it acknowledged may be lost,
// at most what it was about to acknowledge may be there as well, and the log must be whole.
func TestKilledAtRandom(t *testing.T) {
	if os.Getenv(killEnv) != "" {
		t.Skip("is the child")
	}
	o := options(t)
	closeStore(t, create(t, o))
	acked := 0
	for range 20 {
		last := killAfter(t, o.Path, time.Duration(5+rand.IntN(40))*time.Millisecond)
		acked = max(acked, last)
		s := open(t, o)
		if got := count(s); got < acked || got > acked+1 || s.Head() != int64(got) {
			t.Fatalf("acknowledged %d, found %d, head %d", acked, got, s.Head())
		}
		acked = count(s)
		a, err := s.Audit(t.Context())
		if err != nil || a.Records != int64(acked) {
			t.Fatalf("the audit saw %+v, %v", a, err)
		}
		closeStore(t, s)
	}
	if acked == 0 {
		t.Error("the child never wrote anything")
	}
}

const killEnv = "STORE_KILL_CHILD"

// killAfter lets a child write, kills it, and returns the last number it acknowledged.
func killAfter(t *testing.T, path string, after time.Duration) (last int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	child.Env = append(os.Environ(), killEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var kill *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "acked ")); err == nil {
			last = n
		}
		if kill == nil { // it writes
			kill = time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
	}
	if err := child.Wait(); err == nil || kill == nil {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return last
}

// TestKillChild writes until it is killed.
func TestKillChild(t *testing.T) {
	path := os.Getenv(killEnv)
	if path == "" {
		t.Skip("runs as the child of TestKilledAtRandom")
	}
	o := options(t)
	o.Path = path
	s := open(t, o)
	for {
		if _, err := s.Do(t.Context(), countUp); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acked", count(s))
	}
}

// TestOtherWritesThatErrStopTheStore: a compaction and a new key whose outcome is unknown end the
// store as a commit does.
func TestOtherWritesThatErrStopTheStore(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, write := range map[string]func(*Store) error{
		"compact": func(s *Store) error { _, err := s.Compact(); return err },
		"rekey":   func(s *Store) error { return s.Rekey(secret.NewKey(make([]byte, 32))) },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			var fatal []error
			fail := false
			o.Commit = func(commit func() error) error {
				if fail {
					return broken
				}
				return commit()
			}
			var s *Store
			o.Fatal = func(err error) {
				fatal = append(fatal, err)
				if _, err := s.Do(context.Background(), countUp); !errors.Is(err, ErrStopped) {
					t.Errorf("while it was told: %v", err)
				}
			}
			s = create(t, o)
			if _, err := s.Do(t.Context(), countUp); err != nil {
				t.Fatal(err)
			}
			fail = true
			for range 2 {
				if err := write(s); err == nil {
					t.Error("it was taken for done")
				}
			}
			fail = false
			if _, err := s.Do(t.Context(), countUp); !errors.Is(err, ErrStopped) {
				t.Errorf("the store went on: %v", err)
			}
			if len(fatal) != 1 || !errors.Is(fatal[0], broken) ||
				!errors.Is(fatal[0], boltfile.ErrCommit) {
				t.Errorf("fatal was called with %v", fatal)
			}
		})
	}
}
