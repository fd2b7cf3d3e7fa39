package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// central is the verifier's machine: a real verifier behind mutual TLS, with a switch in its network
// cable, and a sign-in service that is one of its callers.
type central struct {
	dir      string
	state    *verifier.State
	verifier *verifier.Verifier
	listener net.Listener
	caller   *http.Client

	mu      sync.Mutex
	plugged bool
	turned  chan struct{}
	// followed is held while desks are followed.
	followed sync.Mutex
}

func newCentral(s settings, log *slog.Logger) (*central, error) {
	c := &central{dir: filepath.Join(s.state, "verifier"), plugged: true, turned: make(chan struct{})}
	if _, err := os.Stat(c.bundle()); errors.Is(err, fs.ErrNotExist) {
		_, err := verifier.Init(verifier.Plan{Dir: c.dir, Name: "demonstration",
			Hosts: []string{"127.0.0.1", "localhost"}, Escrow: filepath.Join(s.state, "escrow.key"),
			Now: time.Now()})
		if err != nil {
			return nil, err
		}
	}
	var err error
	if c.state, err = verifier.Open(c.dir); err != nil {
		return nil, err
	}
	if c.verifier, err = verifier.New(verifier.Config{State: c.state, Groups: s.groups,
		Log: log, Dial: s.net.dial}); err != nil {
		return nil, errors.Join(err, c.state.Close())
	}
	if c.caller, err = c.newCaller(s, filepath.Join(s.state, "signin")); err != nil {
		return nil, errors.Join(err, c.state.Close())
	}
	if c.listener, err = s.net.Listen(s.verifier); err != nil {
		return nil, errors.Join(err, c.state.Close())
	}
	return c, nil
}

// bundle is the verifier's public half.
func (c *central) bundle() string { return filepath.Join(c.dir, verifier.FileBundle) }

// newCaller makes the sign-in service a caller of the API, once, and returns its client.
func (c *central) newCaller(s settings, base string) (*http.Client, error) {
	certFile, keyFile := base+".crt", base+".key"
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		pin, err := verifier.Identity{Name: "sign-in", Now: time.Now()}.Write(certFile, keyFile)
		if err != nil {
			return nil, err
		}
		if err := c.verifier.AddCaller("sign-in", verifier.RoleVerify, pin); err != nil {
			return nil, err
		}
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.state.APICertificate())
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: s.net.dial, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots,
			Certificates: []tls.Certificate{cert}}}}, nil
}

// trust lets the verifier follow the desk of a card, at the address it is served under this time.
func (c *central) trust(card, url string) error {
	data, err := os.ReadFile(card)
	if err != nil {
		return err
	}
	desk, err := feed.DecodeDeskCard(data)
	if err != nil {
		return err
	}
	desk.FeedURL = url
	return c.verifier.Trust(desk, verifier.Bounds{}, false)
}

// signIn asks the verifier as the sign-in service would.
func (c *central) signIn(ctx context.Context, account, otp string) (accepted bool, err error) {
	if !c.connected() {
		return false, errors.New("the cable is out")
	}
	body, err := json.Marshal(map[string]string{"user": account, "otp": otp})
	if err != nil {
		return false, err
	}
	url := "https://" + c.listener.Addr().String() + verifier.PathVerify
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.caller.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusBadRequest {
		return false, nil
	}
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the verifier answered %s", resp.Status)
	}
	var answer verifier.VerifyAnswer
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Accepted, err
}

func (c *central) connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plugged
}

// connect puts the cable in or pulls it out. Once it returns from that, nothing passes any more.
func (c *central) connect(in bool) {
	c.mu.Lock()
	if c.plugged != in {
		c.plugged = in
		close(c.turned)
		c.turned = make(chan struct{})
	}
	c.mu.Unlock()
	if !in {
		c.followed.Lock()
		defer c.followed.Unlock()
	}
}

// run serves callers, and follows desks while the cable is in.
func (c *central) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.verifier.Serve(ctx, c.listener) })
	group.Go(func() error {
		for ctx.Err() == nil {
			if err := c.runWhilePlugged(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func (c *central) runWhilePlugged(ctx context.Context) error {
	c.mu.Lock()
	plugged, turned := c.plugged, c.turned
	if plugged {
		c.followed.Lock()
		defer c.followed.Unlock()
	}
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	if plugged {
		go func() { done <- c.verifier.Run(ctx) }()
	}
	select {
	case err := <-done:
		return err
	case <-turned:
	case <-ctx.Done():
	}
	cancel()
	if plugged {
		return <-done
	}
	return nil
}

func (c *central) close() {
	_ = c.listener.Close()
	_ = c.state.Close()
}
