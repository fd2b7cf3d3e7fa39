//go:build e2e

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/provisioning"
)

// pipeNetwork is a network of pipes: a listener for each address, and nothing that blocks outside
// the bubble of a fake clock.
type pipeNetwork struct{ sockets map[string]*pipes }

type pipes struct {
	address string
	come    chan net.Conn
	closed  chan struct{}
}

type pipeAddress string

// Network implements net.Addr.
func (pipeAddress) Network() string { return "memory" }

// String implements net.Addr.
func (a pipeAddress) String() string { return string(a) }

// listen opens a socket at a made-up address.
func (m *pipeNetwork) listen(string) (net.Listener, error) {
	address := "127.0.0.1:" + string('1'+rune(len(m.sockets)))
	p := &pipes{address: address, come: make(chan net.Conn), closed: make(chan struct{})}
	m.sockets[address] = p
	return p, nil
}

func (m *pipeNetwork) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p, ok := m.sockets[address]
	if !ok {
		return nil, errors.New("nobody listens there")
	}
	near, far := net.Pipe()
	select {
	case p.come <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.come:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return pipeAddress(p.address) }

// TestE2ESoakClock is a day and more of one desk and the verifier that follows it, in a bubble with a
// clock of its own: visits of every kind, the night between, passcodes that end, forms that are
// forgotten. The post office stands outside, on the machine's network; there is
// no printer. Without SOAK=1 the night takes most of it.
func TestE2ESoakClock(t *testing.T) {
	day := soakDay{busy: time.Hour, night: 2 * time.Hour, pause: 4 * time.Minute, every: 2}
	if os.Getenv("SOAK") != "" {
		day = soakDay{busy: 12 * time.Hour, night: 25 * time.Hour, pause: 2 * time.Minute,
			every: len(soakVisits)}
	}
	dir := t.TempDir()
	post, err := newPostOffice(dir)
	if err != nil {
		t.Fatal(err)
	}
	post.every = 10 * time.Minute
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- post.run(ctx) }()
	defer func() {
		cancel()
		post.close()
		<-done
	}()
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(lateEvening(began))) // a bubble begins in the year 2000
		day.run(t, dir, post)
	})
	t.Logf("it took %v", time.Since(began).Round(time.Millisecond))
}

// noOperator: whoever is known by no kernel gives no orders.
func (s *soak) noOperator() {
	s.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: s.settings.net.dial}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://" + s.operator.Addr().String() + "/status")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		s.t.Errorf("the admin socket answers a stranger with %s", resp.Status)
	}
}

// lateEvening is the next one in Macau: midnight comes during the first visits.
func lateEvening(now time.Time) time.Time {
	y, m, d := now.UTC().AddDate(0, 0, 1).Date()
	return time.Date(y, m, d, 15, 30, 0, 0, time.UTC)
}

// soakDay is how a fake day goes: busy, night, busy again.
type soakDay struct {
	busy, night, pause time.Duration
	// every so many visits a sample is taken.
	every int
}

func (d soakDay) run(t *testing.T, dir string, post *postOffice) {
	m, log := &pipeNetwork{sockets: map[string]*pipes{}}, &journal{}
	st := newSoakStage(t, settings{site: "um", state: dir, self: "memory",
		net: cables{m.listen, m.dial}},
		slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})), post)
	for _, at := range []*net.Listener{&st.screen, &st.feed, &st.self, &st.operator} {
		*at, _ = m.listen("")
	}
	st.officersOf(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := st.openDesk(ctx); err != nil {
		t.Fatal(err)
	}
	away, leave := context.WithCancel(context.Background())
	var desk, central errgroup.Group
	desk.Go(func() error { return st.desk.Run(ctx) })
	central.Go(func() error { return st.central.run(away) })
	s := newSoak(t, st, log)
	s.fast = true
	s.noOperator()
	defer func() {
		s.away()
		st.central.caller.CloseIdleConnections()
		leave() // first: a pipe is closed only when somebody reads at its other end
		err := central.Wait()
		cancel()
		for _, err := range []error{err, desk.Wait()} {
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the desk or the verifier ended with: %v", err)
			}
		}
		st.central.close()
		if t.Failed() {
			t.Logf("the log:\n%s", log)
		}
	}()
	s.day(d)
}

// day goes through a day, and judges what it left.
func (s *soak) day(d soakDay) {
	s.t.Helper()
	began := time.Now()
	var all []soakSample
	busy := func() {
		for until := time.Now().Add(d.busy); time.Now().Before(until); {
			s.visit()
			time.Sleep(d.pause)
			if s.turns%d.every == 0 {
				s.settled()
				synctest.Wait()
				all = append(all, s.sample(time.Since(began)))
				s.t.Log(all[len(all)-1])
			}
		}
	}
	busy()
	s.post.setClosed(true)
	s.ready()
	s.visitLoan()
	time.Sleep(d.night)
	s.post.setClosed(false)
	s.aged()
	busy()
	if n := provisioning.WaitingNotices(s.desk.Snapshot()); n > 0 {
		s.t.Errorf("%d notices still wait, though the post office has been open for %v", n, d.busy)
	}
	if n := strings.Count(s.log.String(), "live render"); n > 0 {
		s.t.Errorf("%d pages that were left are in the log", n)
	}
	quarters, err := trend(all, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	quarters.judge(s.t)
}
