package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// trustedClock is the system's, and set.
type trustedClock struct{ SystemClock }

// Synced implements Clock.
func (trustedClock) Synced() bool { return true }

// pair is a real desk and a real verifier that follows it, each as its program runs it.
type pair struct {
	t      *testing.T
	config Config
	clock  Clock
	desk   *Desk
	client *Client
	// ahead is how much later the verifier's clock is.
	ahead    atomic.Int64
	dir      string
	verifier *verifier.Verifier
	api      string
	stopDesk func()
	listener net.Listener
	wrap     func(net.Listener) net.Listener

	// mu is held for reading by calls under way.
	mu     sync.RWMutex
	caller *http.Client
}

// newPair makes a pair; wrap, if there is one, stands between the desk's feed and the network.
func newPair(
	t *testing.T, wrap func(net.Listener) net.Listener, before ...func(*pair),
) *pair {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole desk takes its time")
	}
	p := &pair{t: t, wrap: wrap, clock: trustedClock{}, dir: filepath.Join(t.TempDir(), "verifier")}
	_, err := verifier.Init(verifier.Plan{Dir: p.dir, Name: "test", Hosts: []string{"127.0.0.1"},
		Escrow: filepath.Join(t.TempDir(), "escrow.key"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	p.config, _, _ = newDesk(t)
	p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.config.FeedURL = "https://" + p.listener.Addr().String()
	card := filepath.Join(t.TempDir(), "card.json")
	if _, err := Init(p.config, filepath.Join(p.dir, verifier.FileBundle), card); err != nil {
		t.Fatal(err)
	}
	p.client = NewClient(p.config.Admin)
	for _, change := range before {
		change(p)
	}
	p.startDesk()
	p.startVerifier()
	data, err := os.ReadFile(card)
	if err != nil {
		t.Fatal(err)
	}
	public, err := feed.DecodeDeskCard(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.verifier.Trust(public, verifier.Bounds{}, false); err != nil {
		t.Fatal(err)
	}
	p.call("caller")
	return p
}

// startDesk runs the desk from its files, as at the start of the machine.
func (p *pair) startDesk() {
	p.t.Helper()
	keys, err := ReadKeys(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	site, err := provisioning.LoadSite(p.config.Site)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.listener == nil {
		address := p.config.FeedURL[len("https://"):]
		if p.listener, err = net.Listen("tcp", address); err != nil {
			p.t.Fatal(err)
		}
	}
	if p.wrap != nil {
		p.listener = p.wrap(p.listener)
	}
	p.desk, err = Open(p.t.Context(), Parts{Config: p.config, Keys: keys, Site: site,
		Bus: virtual.NewBus(), Clock: p.clock, Log: slog.New(slog.DiscardHandler),
		Listeners: map[string]net.Listener{"feed": p.listener},
		Fatal:     func(err error) { p.t.Error(err) }})
	if err != nil {
		p.t.Fatal(err)
	}
	p.listener = nil
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	desk := p.desk
	go func() { done <- desk.Run(ctx) }()
	p.stopDesk = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Errorf("the desk ended with %v", err)
		}
	})
	p.t.Cleanup(func() { p.stopDesk() })
	p.until("the desk's socket is there", func() bool {
		_, err := p.client.Status(p.t.Context())
		return err == nil
	})
}

func (p *pair) startVerifier() {
	p.t.Helper()
	state, err := verifier.Open(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(p.t.Output(), nil))
	p.verifier, err = verifier.New(verifier.Config{State: state, Log: log, Clock: func() time.Time {
		return time.Now().Add(time.Duration(p.ahead.Load()))
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.api = "https://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		if err := p.verifier.Run(ctx); err != nil {
			p.t.Errorf("the verifier ended with %v", err)
		}
	})
	group.Go(func() { _ = p.verifier.Serve(ctx, listener) })
	p.t.Cleanup(func() {
		cancel()
		group.Wait()
		if err := state.Close(); err != nil {
			p.t.Error(err)
		}
	})
}

// call has the sign-in service call with a certificate of a file, which is made if it is new.
func (p *pair) call(name string) *http.Client {
	p.t.Helper()
	cert, key := filepath.Join(p.dir, "..", name+".crt"), filepath.Join(p.dir, "..", name+".key")
	if _, err := os.Stat(cert); err != nil {
		pin, err := verifier.Identity{Name: name, Now: time.Now()}.Write(cert, key)
		if err != nil {
			p.t.Fatal(err)
		}
		err = p.verifier.AddCaller("signin", verifier.RoleVerify, pin)
		if err != nil {
			err = p.verifier.Renew(verifier.RenewOrder{What: verifier.RenewCaller,
				Step: verifier.StepBegin, Caller: "signin", Pin: pin})
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		p.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.verifier.APICertificate())
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{own}}}
	client := &http.Client{Timeout: 10 * time.Second, Transport: transport}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.caller = client
	return client
}

// signIn asks the verifier as a caller does.
func (p *pair) signIn(ctx context.Context, client *http.Client, user string, otp secret.OTP) (bool, error) {
	digits := otp.Expose()
	body, err := json.Marshal(map[string]string{"user": user, "otp": string(digits)})
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.api+verifier.PathVerify,
		bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the verifier answered %s", resp.Status)
	}
	var answer verifier.VerifyAnswer
	return answer.Accepted, json.NewDecoder(resp.Body).Decode(&answer)
}

// issue publishes a token as a loan does, sealed by the bundle in force, and waits until the
// verifier has it.
func (p *pair) issue(ctx context.Context, token *feedtest.Token) error {
	record := func() feed.Record {
		return feed.Record{ID: feedtest.RandomID(), Desk: p.config.Desk, Credential: token.Credential,
			At: time.Now().UTC().Truncate(time.Millisecond), Synced: true}
	}
	seed, err := p.desk.keys.SealSeed(record(), feed.SeedBody{User: token.User, Site: "um",
		Vendor: "yubikey", Serial: token.Serial, Seed: token.Seed, Digits: 6})
	if err != nil {
		return err
	}
	proof, err := p.desk.keys.SealProof(record(), feed.ProofBody{OTPs: []secret.OTP{token.Press()}})
	if err != nil {
		return err
	}
	position, err := p.desk.store.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.NewChange(provisioning.Entry{Act: "test.issue"}).Publish(seed, proof), nil
	})
	if err != nil {
		return err
	}
	for p.held() < position {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("the verifier did not acknowledge it")
		}
	}
	return nil
}

// held is how far the desk's log is durable at the verifier.
func (p *pair) held() int64 {
	s, err := p.verifier.Status()
	if err != nil || len(s.Desks) == 0 {
		return 0
	}
	return s.Desks[0].Position
}

func (p *pair) until(what string, holds func() bool) {
	p.t.Helper()
	for over := time.Now().Add(60 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(over) {
			p.t.Fatalf("waited in vain until %s", what)
		}
	}
}

func (p *pair) status() verifier.Status {
	p.t.Helper()
	s, err := p.verifier.Status()
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// traffic issues tokens and signs in with them, one after the other, until it is stopped, and tells
// how long the slowest took from the desk to the sign-in.
type traffic struct {
	issued, failed atomic.Int64
	slowest        atomic.Int64
	stop           func()
}

func (p *pair) traffic() *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	tr := &traffic{}
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := p.once(ctx, fmt.Sprintf("user-%d-%d", worker, n), tr); err != nil {
					tr.failed.Add(1)
					p.t.Errorf("sign-in %d of worker %d: %v", n, worker, err)
					return
				}
			}
		})
	}
	tr.stop = sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	p.t.Cleanup(tr.stop)
	return tr
}

func (p *pair) once(ctx context.Context, user string, tr *traffic) error {
	begun := time.Now()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 60*time.Second)
	defer cancel()
	token := feedtest.NewToken(user)
	if err := p.issue(bounded, token); err != nil {
		return err
	}
	p.mu.RLock()
	accepted, err := p.signIn(bounded, p.caller, user, token.Press())
	p.mu.RUnlock()
	if err != nil || !accepted {
		return fmt.Errorf("accepted %v, %w", accepted, errors.Join(err, errNotAccepted))
	}
	tr.issued.Add(1)
	took := int64(time.Since(begun))
	for old := tr.slowest.Load(); took > old && !tr.slowest.CompareAndSwap(old, took); {
		old = tr.slowest.Load()
	}
	return nil
}

var errNotAccepted = errors.New("a right code was refused")
