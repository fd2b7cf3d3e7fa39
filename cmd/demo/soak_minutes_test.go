//go:build e2e

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
)

// soakTime is how long a soak in real time takes: SOAK_MINUTES, or 20 with SOAK=1.
func soakTime(t testing.TB, standard time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK_MINUTES")
	if text == "" {
		if os.Getenv("SOAK") != "" {
			return 20 * time.Minute
		}
		return standard
	}
	minutes, err := strconv.ParseFloat(text, 64)
	if err != nil || minutes <= 0 {
		t.Fatalf("SOAK_MINUTES is %q, not a number of minutes", text)
	}
	return time.Duration(minutes * float64(time.Minute))
}

// TestE2ESoakMinutes keeps a desk, its verifier and all that stands around them busy for 20 minutes,
// on the machine's own clock and network.
func TestE2ESoakMinutes(t *testing.T) {
	took := soakTime(t, 0)
	if took == 0 {
		t.Skip("it takes 20 minutes: SOAK=1, or SOAK_MINUTES")
	}
	soakMinutes(t, took).judge(t)
}

// BenchmarkE2ESoak is a minute of that, for the table of targets: what is used in the second
// quarter, and in the last.
func BenchmarkE2ESoak(b *testing.B) {
	var quarters soakTrend
	took := soakTime(b, time.Minute)
	for b.Loop() {
		quarters = soakMinutes(b, took)
	}
	for name, at := range soakFigures(quarters) {
		b.ReportMetric(at[0], "second-"+name)
		b.ReportMetric(at[1], "last-"+name)
	}
	laws := broken(quarters)
	for _, law := range []string{"goroutines", "descriptors", "heap", "anonymous", "desk", "desk free",
		"verifier", "verifier free"} {
		n := 0.0
		if laws[law] != "" {
			n = 1
		}
		b.ReportMetric(n, strings.ReplaceAll(law, " ", "-")+"-broken")
	}
	b.ReportMetric(took.Minutes(), "minutes")
	b.ReportMetric(0, "ns/op")
}

// soakEvery is how often a sample is taken.
const soakEvery = 5 * time.Second

func soakMinutes(t testing.TB, took time.Duration) soakTrend {
	t.Helper()
	s, stop := openSoak(t)
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() { s.calls(ctx) })
	others.Go(func() { s.streams(ctx, s.browser(s.screen)) })
	others.Go(func() { s.streams(ctx, s.browser(s.stage.self)) })
	defer others.Wait()
	defer cancel()
	began := time.Now()
	var all []soakSample
	for next := soakEvery; time.Since(began) < took; {
		s.visit()
		if at := time.Since(began); at >= next {
			all = append(all, s.sample(at))
			t.Log(all[len(all)-1])
			next = at.Truncate(soakEvery) + soakEvery
		}
	}
	t.Logf("%d visits in %v", s.turns, took)
	const kept = 4 // by the browsers, the callers and the follower
	quarters, err := trend(all, kept)
	if err != nil {
		t.Fatal(err)
	}
	return quarters
}

// openSoak runs a stage on free ports until stop is called.
func openSoak(t testing.TB) (s *soak, stop func()) {
	t.Helper()
	dir, log := t.TempDir(), &journal{}
	post, err := newPostOffice(dir)
	if err != nil {
		t.Fatal(err)
	}
	const anyPort = "127.0.0.1:0"
	st := newSoakStage(t, settings{site: "um", state: dir, desk: anyPort, bench: anyPort,
		feed: anyPort, verifier: anyPort, self: anyPort},
		slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})), post)
	if err := st.listen(); err != nil {
		t.Fatal(err)
	}
	st.officersOf(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := st.openDesk(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- st.run(ctx) }()
	s = newSoak(t, st, log)
	return s, func() {
		s.away()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) &&
			!errors.Is(err, net.ErrClosed) {
			t.Errorf("the demonstration ended with: %v", err)
		}
		st.central.caller.CloseIdleConnections()
		st.close()
		if t.Failed() {
			t.Logf("the log:\n%s", log)
		}
	}
}

// calls signs nobody in, over and over, as often as one caller may fail.
func (s *soak) calls(ctx context.Context) {
	for ctx.Err() == nil {
		_, _ = s.central.signIn(ctx, "nokafor", "000000") // refused in so many words
		time.Sleep(250 * time.Millisecond)
	}
}

// streams opens the stream of a page and drops it, over and over.
func (s *soak) streams(ctx context.Context, b *kiosktest.Browser) {
	defer b.Client().CloseIdleConnections()
	for ctx.Err() == nil {
		b.Open("/")
		s.peek(b)
		time.Sleep(20 * time.Millisecond)
	}
}
