//go:build crash

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// callers is how many certificates there are, one for each client: a caller that fails too often
// must wait.
const callers = linearClients

// linearSite is a verifierd in a process of its own, a desk it follows, and its callers.
type linearSite struct {
	desk    *feedtest.Desk
	config  string
	api     string
	clients []*http.Client
	logs    *os.File

	mu      sync.Mutex
	process *exec.Cmd
}

func newLinearSite(t *testing.T) *linearSite {
	t.Helper()
	dir := t.TempDir()
	s := &linearSite{config: filepath.Join(dir, "v.toml"), api: freeAddress(t)}
	state := filepath.Join(dir, "state")
	text := fmt.Sprintf("state = %q\nlisten = %q\nadmin = %q\n", state, s.api,
		filepath.Join(dir, "admin.sock"))
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bundle, err := verifier.Init(verifier.Plan{Dir: state, Name: "um", Hosts: []string{"127.0.0.1"},
		Escrow: filepath.Join(dir, "escrow.key"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if s.logs, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	card := s.publish(t, bundle)
	s.enrol(t, state, card)
	s.start(t)
	t.Cleanup(func() {
		s.kill(t)
		if t.Failed() {
			said, _ := os.ReadFile(s.logs.Name())
			t.Logf("verifierd said: %s", said)
		}
	})
	return s
}

// freeAddress is a port below those that clients are given, so that it is free after each kill.
func freeAddress(t *testing.T) string {
	t.Helper()
	for port := 20000 + os.Getpid()%5000; port < 30000; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return listener.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// publish serves the feed of a new desk.
func (s *linearSite) publish(t *testing.T, bundle feed.Bundle) feed.DeskCard {
	t.Helper()
	desk, err := feedtest.NewDesk("desk1", bundle)
	if err != nil {
		t.Fatal(err)
	}
	s.desk = desk
	server, err := publish.New(publish.Config{Source: desk, Acks: desk, Meta: desk.Meta})
	if err != nil {
		t.Fatal(err)
	}
	cert, pin, err := feedtest.Certificate("desk1", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	secure := tls.NewListener(listener, publish.TLSConfig(cert, bundle.FollowerPin))
	go func() { done <- server.Serve(ctx, secure) }()
	t.Cleanup(func() { cancel(); <-done })
	return feed.DeskCard{Version: feed.Version, Desk: desk.ID, Site: desk.Site, LogKey: desk.LogKey,
		FeedURL: "https://" + listener.Addr().String(), TLSPin: pin}
}

// enrol trusts the desk and adds the callers, before anybody runs.
func (s *linearSite) enrol(t *testing.T, dir string, card feed.DeskCard) {
	t.Helper()
	state, err := verifier.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{State: state})
	if err == nil {
		err = v.Trust(card, verifier.Bounds{}, false)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(state.APICertificate())
	for i := range callers {
		cert, pin, cerr := feedtest.Certificate("vpn", time.Now().Add(time.Hour))
		err = errors.Join(err, cerr, v.AddCaller(fmt.Sprintf("vpn%d", i), verifier.RoleVerify, pin))
		transport := &http.Transport{TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{cert}}}
		t.Cleanup(transport.CloseIdleConnections)
		s.clients = append(s.clients, &http.Client{Transport: transport, Timeout: 20 * time.Second})
	}
	if err := errors.Join(err, state.Close()); err != nil {
		t.Fatal(err)
	}
}

// start starts the process on what the last one left.
func (s *linearSite) start(t *testing.T) {
	t.Helper()
	process := exec.Command("verifierd", "run", "--config", s.config)
	process.Stderr = s.logs
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.process = process
	s.mu.Unlock()
	for over := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.api)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(over) {
			t.Fatalf("verifierd does not listen: %v", err)
		}
	}
}

func (s *linearSite) signal(to syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.process.Process.Signal(to)
}

func (s *linearSite) kill(t *testing.T) {
	s.signal(syscall.SIGKILL)
	var ended *exec.ExitError
	if err := s.process.Wait(); !errors.As(err, &ended) || ended.Exited() {
		t.Errorf("verifierd ended by itself: %v", err)
	}
}

// verify asks over the API. Without an answer it is not known what came of it, unless nothing was
// sent.
func (s *linearSite) verify(client int, user, otp string) said {
	body, _ := json.Marshal(map[string]string{"user": user, "otp": otp})
	resp, err := s.clients[client%callers].Post("https://"+s.api+verifier.PathVerify,
		"application/json", bytes.NewReader(body))
	var call *net.OpError
	switch {
	case errors.As(err, &call) && call.Op == "dial":
		time.Sleep(5 * time.Millisecond)
		return ""
	case err != nil:
		return saidUnknown
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	var answer verifier.VerifyAnswer
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return ""
	case err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(data, &answer) != nil:
		return saidUnknown
	case answer.Accepted:
		return saidYes
	}
	return saidNo
}

// order publishes a state and waits until the verifier says that it holds it.
func (s *linearSite) order(ctx context.Context, rec feed.Record) said {
	position := s.desk.Commit(rec)
	err := s.desk.Await(ctx, func(acks []feed.Ack, _ map[string]feed.Verdict) bool {
		return len(acks) > 0 && acks[len(acks)-1].Position >= position
	})
	if err != nil {
		return saidUnknown
	}
	return saidDone
}
