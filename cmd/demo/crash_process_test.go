//go:build crash

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// The environment of a process of the crash test: which part it plays, and what it needs for it.
const (
	crashRole = "CRASH_ROLE"
	crashPart = "CRASH_PART"
)

// crashScript is what a process of the crash test is told.
type crashScript struct {
	// Tokens is the socket of the process with the tokens, or of the tap before it.
	Tokens string
	// Folder and Serials are the tokens themselves.
	Folder  string   `json:",omitempty"`
	Serials []uint32 `json:",omitempty"`
	// Digits of the OTPs, when not the site's own.
	Digits int `json:",omitempty"`
	Config daemon.Config
}

// TestMain lets this binary play the other processes, too. They end with the one that started them:
// their standard input ends with it.
func TestMain(m *testing.M) {
	play, ok := map[string]func(context.Context, crashScript) error{
		"desk": playDesk, "tokens": playTokens}[os.Getenv(crashRole)]
	if !ok {
		os.Exit(m.Run())
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	var script crashScript
	err := json.Unmarshal([]byte(os.Getenv(crashPart)), &script)
	if err == nil {
		err = play(ctx, script)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// playTokens is the process with the tokens: it survives every desk, and its keys every process.
func playTokens(ctx context.Context, s crashScript) error {
	bus := virtual.NewBus()
	for _, serial := range s.Serials {
		file := filepath.Join(s.Folder, fmt.Sprintf("%d.json", serial))
		key, err := virtual.Open(file, virtual.Options{Serial: serial})
		if err != nil {
			return err
		}
		if err := bus.Add(key); err != nil {
			return err
		}
	}
	listener, err := net.Listen("unix", s.Tokens)
	if err != nil {
		return err
	}
	return virtual.Serve(ctx, listener, bus)
}

// The sockets a desk inherits, as systemd would hand them over: they outlive it, so whoever
// connects between two desks is answered by the second.
const (
	crashScreenFD = 3 + iota
	crashFeedFD
	crashViewFD
)

// playDesk is the appliance: the daemon on its own state, with tokens in another process.
func playDesk(ctx context.Context, s crashScript) error {
	var sockets [3]net.Listener
	for i := range sockets {
		socket, err := net.FileListener(os.NewFile(uintptr(crashScreenFD+i), ""))
		if err != nil {
			return err
		}
		sockets[i] = socket
	}
	keys, err := daemon.ReadKeys(s.Config)
	if err != nil {
		return err
	}
	site, err := provisioning.LoadSite(s.Config.Site)
	if err != nil {
		return err
	}
	if s.Digits > 0 {
		site.Digits = s.Digits
	}
	desk, err := daemon.Open(ctx, daemon.Parts{Config: s.Config, Keys: keys, Site: site,
		Bus: virtual.Dial(s.Tokens), Clock: newSwitchedClock(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Listeners: map[string]net.Listener{"desk": sockets[crashScreenFD-3],
			"feed": sockets[crashFeedFD-3]},
		Fatal: func(err error) { panic(err) }})
	if err != nil {
		return err
	}
	go func() { _ = serveHTTP(ctx, sockets[crashViewFD-3], crashViewer(desk)) }()
	return desk.Run(ctx)
}

// crashView is what a desk holds to be true.
type crashView struct {
	Position    int64
	Verifier    provisioning.Verifier
	Tokens      []provisioning.Token
	Credentials []provisioning.Credential
	Loans       []provisioning.Loan
}

func crashViewOf(s provisioning.Snapshot) crashView {
	v := crashView{Position: s.Position(),
		Tokens:      slices.Collect(provisioning.All[provisioning.Token](s)),
		Credentials: slices.Collect(provisioning.All[provisioning.Credential](s)),
		Loans:       slices.Collect(provisioning.All[provisioning.Loan](s))}
	v.Verifier, _ = provisioning.Get[provisioning.Verifier](s, provisioning.Verifier{}.Key())
	return v
}

// settled says that nothing is under way: the verifier holds all that was published, every verdict
// came, and no journal runs.
func (v crashView) settled() bool {
	for _, c := range v.Credentials {
		switch c.State {
		case provisioning.CredentialPrepared, provisioning.CredentialWritten,
			provisioning.CredentialProven:
			return false
		}
	}
	for _, t := range v.Tokens {
		if t.State == provisioning.TokenBusy {
			return false
		}
	}
	return v.Verifier.Acked >= v.Verifier.Published
}

// crashViewer answers with the view once it is settled, for what the operator's socket does not
// tell.
func crashViewer(desk *daemon.Desk) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			view := crashViewOf(desk.Snapshot())
			if view.settled() {
				_ = json.NewEncoder(w).Encode(view)
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	})
}

// crashProcess is one process of the crash test.
type crashProcess struct {
	cmd *exec.Cmd
	// meant is set before the process is killed; gone is closed when it has ended.
	meant atomic.Bool
	gone  chan struct{}
}

// startCrash starts this binary as another process. It lives until it is killed, or at most as long
// as this one.
func startCrash(role string, script crashScript, files []*os.File, log io.Writer) (
	*crashProcess, error,
) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	part, err := json.Marshal(script)
	if err != nil {
		return nil, err
	}
	p := &crashProcess{cmd: exec.Command(program), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), crashRole+"="+role, crashPart+"="+string(part))
	p.cmd.ExtraFiles, p.cmd.Stderr = files, log
	if _, err := p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.gone)
	}()
	return p, nil
}

// dial connects to a socket of the process. The socket outlives it; the connection does not.
func (p *crashProcess) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err == nil {
		go func() {
			<-p.gone
			_ = conn.Close()
		}()
	}
	return conn, err
}

// kill ends the process with SIGKILL and returns when there is no trace of it left but its files.
func (p *crashProcess) kill() {
	p.meant.Store(true)
	_ = p.cmd.Process.Kill() // it may have been killed already
	<-p.gone
}
