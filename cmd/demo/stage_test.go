package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
)

// startStage runs the whole demonstration on free ports until the test ends.
func startStage(t *testing.T, s settings) *stage {
	t.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, stop := openStage(t, s, log.With("test", t.Name()), nil)
	t.Cleanup(stop)
	return st
}

// openStage runs the whole demonstration on free ports until stop is called, once. What is to be
// done before anything runs, before does.
func openStage(
	t testing.TB, s settings, log *slog.Logger, before func(*stage),
) (st *stage, stop func()) {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole desk takes its time")
	}
	const anyPort = "127.0.0.1:0"
	s.desk, s.bench, s.feed, s.verifier, s.self = anyPort, anyPort, anyPort, anyPort, anyPort
	s.lang = cmp.Or(s.lang, "en") // the tests read what the pages say
	if s.state == "" {
		s.state = t.TempDir()
	}
	ctx, cancel := context.WithCancel(context.Background())
	st, err := newStage(ctx, s, log)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if before != nil {
		before(st)
	}
	done := make(chan error, 1)
	go func() { done <- st.run(ctx) }()
	return st, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) &&
			!errors.Is(err, net.ErrClosed) {
			t.Errorf("the demonstration ended with: %v", err)
		}
		st.central.caller.CloseIdleConnections()
		st.close()
	})
}

// journal keeps everything that is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// logger logs everything there is to log, down to debugging.
func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
