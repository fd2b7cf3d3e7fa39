package main

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

// standing is a desk that lives as long as a script.
type standing struct {
	desk *feedtest.Desk
	stop func()
}

type standingKey struct{}

// standDesk gives a script a desk of the verifier of a bundle, with three tokens and a passcode, or
// hands the one it has over to another verifier: serve-desk BUNDLE CARD.
func standDesk(ts *testscript.TestScript, _ bool, args []string) {
	data := ts.ReadFile(args[0])
	bundle, err := feed.DecodeBundle([]byte(data))
	ts.Check(err)
	held := ts.Value(standingKey{}).(*standing)
	if held.desk == nil {
		held.desk, err = feedtest.NewDesk("served1", bundle)
		ts.Check(err)
		for _, user := range []string{"ana", "bea", "cid"} {
			held.desk.Issue(feedtest.NewToken(user))
		}
		held.desk.IssuePasscode(held.desk.NewPasscode("dora", "123456789"))
	} else {
		held.stop()
		ts.Check(held.desk.Adopt(bundle))
	}
	card := held.serve(ts, bundle)
	line, err := card.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), line, 0o600))
}

func (s *standing) serve(ts *testscript.TestScript, bundle feed.Bundle) feed.DeskCard {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	cert, pin, err := feedtest.Certificate(s.desk.ID, time.Now().Add(time.Hour))
	ts.Check(err)
	server, err := publish.New(publish.Config{Source: s.desk, Acks: s.desk, Meta: s.desk.Meta})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		secure := publish.TLSConfig(cert, bundle.FollowerPin)
		done <- server.Serve(ctx, tls.NewListener(listener, secure))
	}()
	s.stop = func() {
		cancel()
		<-done
	}
	return feed.DeskCard{Version: feed.Version, Desk: s.desk.ID, Site: s.desk.Site,
		FeedURL: "https://" + listener.Addr().String(), LogKey: s.desk.LogKey, TLSPin: pin}
}

// setUp is what every script begins with.
func setUp(env *testscript.Env) error {
	held := &standing{stop: func() {}}
	env.Values[standingKey{}] = held
	env.Defer(func() { held.stop() })
	return writeCard(env)
}
