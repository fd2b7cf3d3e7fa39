// Command demo is the whole desk on one machine, on sample data: the appliance's own daemon, a verifier
// behind the same mutual TLS as a real one, virtual tokens and a virtual card reader on a workbench,
// and a form to sign in with. Nothing in it is a shortcut past the real thing but the people.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := fromEnvironment(os.Getenv)
	if err == nil {
		err = run(ctx, s, os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// settings are what the environment may move.
type settings struct {
	// desk, bench, feed, verifier and self are addresses to listen on.
	desk, bench, feed, verifier, self string
	// state is where everything is kept; empty means a folder that is removed at the end.
	state string
	// kept says that state outlives this run.
	kept bool
	// real is the serial of the one token of this machine that may be opened.
	real string
	// site is the profile of the university.
	site string
	// lang is everybody's language; empty leaves each person their own.
	lang string
	// id names the desk, and central is the verifier it shares with others of its site; without one
	// it has its own. groups are what the verifier knows of users.
	id      string
	central *central
	groups  *verifier.Membership
	// net is where it listens and dials; the zero one is this machine's network.
	net cables
}

func fromEnvironment(get func(string) string) (settings, error) {
	or := func(name, standard string) string {
		if value := get(name); value != "" {
			return value
		}
		return standard
	}
	s := settings{desk: or("DESK_ADDR", "127.0.0.1:8440"), bench: or("WORKBENCH_ADDR", "127.0.0.1:8450"),
		self: or("SELF_ADDR", "127.0.0.1:8441"),
		feed: or("FEED_ADDR", "127.0.0.1:8443"), verifier: or("VERIFIER_ADDR", "127.0.0.1:8444"),
		state: get("STATE"), kept: get("STATE") != "", real: get("REAL"), site: or("SITE", "um")}
	for _, r := range s.real {
		if r < '0' || r > '9' {
			return s, errors.New("REAL is the serial number of a token: digits only")
		}
	}
	return s, nil
}

// run keeps the demonstration going until ctx ends.
func run(ctx context.Context, s settings, out, logs io.Writer) error {
	if s.state == "" {
		dir, err := os.MkdirTemp("", "tokendesk-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.state = dir
	} else if err := os.MkdirAll(s.state, 0o700); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	stage, err := newStage(ctx, s, log)
	if err != nil {
		return err
	}
	defer stage.close()
	stage.announce(out)
	return stage.run(ctx)
}
