package main

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

// liar serves a feed that says it is another desk's, and writes the card of desk1 for it.
func liar(ts *testscript.TestScript, _ bool, args []string) {
	holders, err := feedtest.NewHolders()
	ts.Check(err)
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	ts.Check(err)
	cert, pin, err := feedtest.Certificate("desk1", time.Now().Add(time.Hour))
	ts.Check(err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			meta := desk.Meta()
			meta.Desk = "desk2"
			_ = json.NewEncoder(w).Encode(meta)
		}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	ts.Defer(server.Close)
	card := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um", FeedURL: server.URL,
		LogKey: desk.LogKey, TLSPin: pin}
	line, err := card.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), line, 0o600))
}

// until runs a command until its output fits a pattern.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for over := time.Now().Add(20 * time.Second); time.Now().Before(over); {
		if ts.Exec(args[1], args[2:]...) == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("%v never said %s", args[1:], args[0])
}
