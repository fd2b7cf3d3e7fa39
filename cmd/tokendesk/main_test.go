package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// box is an appliance on which nothing is set up yet, with a verifier's bundle at hand.
type box struct {
	t      *testing.T
	dir    string
	config string
}

func newBox(t *testing.T, more string) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir()}
	b.config = b.path("desk.toml")
	_, err := verifier.Init(verifier.Plan{Dir: b.path("central"), Name: "central",
		Hosts: []string{"127.0.0.1"}, Escrow: b.path("escrow.key"), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	lines := fmt.Sprintf("desk = \"icto-1\"\nsite = \"um\"\nfeed_url = \"https://127.0.0.1:8443\"\n"+
		"listen = \"127.0.0.1:0\"\nfeed = \"127.0.0.1:0\"\nstate = %q\ncredentials = %q\n"+
		"sealed_credentials = %q\n"+
		"directory = %q\nportraits = %q\nverifier = %q\nadmin = %q\n%s\n", b.path("state"),
		b.path("credentials"), b.path("sealed"), b.path("people.csv"), b.path("portraits"), b.path("verifier.json"),
		b.path("a.sock"), more)
	b.write("desk.toml", lines)
	var people bytes.Buffer
	if err := directory.Write(&people, nil); err != nil {
		t.Fatal(err)
	}
	b.write("people.csv", people.String())
	return b
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

func (b *box) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// run gives one command, with what is typed, and returns its exit status and what it said.
func (b *box) run(typed string, args ...string) (status int, out, errs string) {
	var o, e strings.Builder
	args = append([]string{"--config", b.config}, args...)
	status = run(args, terminal{strings.NewReader(typed), &o}, &e)
	return status, o.String(), e.String()
}

// works fails unless the command goes well and says these words.
func (b *box) works(typed, words string, args ...string) string {
	b.t.Helper()
	status, out, errs := b.run(typed, args...)
	if status != 0 || !strings.Contains(out, words) {
		b.t.Fatalf("%q: status %d, want it to say %q\n%s%s", args, status, words, out, errs)
	}
	return out
}

// fails fails unless the command is refused with these words.
func (b *box) fails(typed, words string, args ...string) {
	b.t.Helper()
	status, out, errs := b.run(typed, args...)
	if status != 1 || !strings.Contains(errs, words) {
		b.t.Errorf("%q: status %d, want 1 and %q\n%s%s", args, status, words, out, errs)
	}
}

func (b *box) init(words string) {
	b.t.Helper()
	b.works("", words, "init", "--verifier", b.path("central/bundle.json"),
		"--card", b.path("card.json"))
}

// TestInit: a desk is made once, and says what was made and what comes next.
func TestInit(t *testing.T) {
	b := newBox(t, "")
	b.fails("", "missing flags", "init")
	b.init("next: give " + b.path("card.json") + " to the verifier")
	before := b.files()
	b.fails("", "a desk is made once; nothing was changed", "init",
		"--verifier", b.path("central/bundle.json"), "--card", b.path("other.json"))
	if err := os.Remove(b.path("state/desk.db")); err != nil {
		t.Fatal(err)
	}
	b.fails("", "is there already; nothing was changed", "init",
		"--verifier", b.path("central/bundle.json"), "--card", b.path("other.json"))
	for name, was := range before {
		if data, err := os.ReadFile(b.path(name)); err != nil || string(data) != was {
			t.Errorf("%s was changed", name)
		}
	}
	if _, err := os.Stat(b.path("other.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused init left a card: %v", err)
	}
}

// files are the secrets and what is public of a desk, with what is in them.
func (b *box) files() map[string]string {
	b.t.Helper()
	files := map[string]string{}
	for _, name := range []string{"credentials/desk-key", "credentials/log-key",
		"credentials/feed-key", "credentials/site-secret", "verifier.json", "card.json"} {
		data, err := os.ReadFile(b.path(name))
		if err != nil {
			b.t.Fatal(err)
		}
		files[name] = string(data)
		if info, err := os.Stat(b.path(name)); err != nil ||
			strings.HasPrefix(name, "credentials") && info.Mode().Perm() != 0o600 {
			b.t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	return files
}

// TestRefusals: what is wrong with a box is said in a sentence that says what to do.
func TestRefusals(t *testing.T) {
	b := newBox(t, "colour = \"red\"")
	b.fails("", "unknown keys: colour", "status")
	b = newBox(t, "")
	b.fails("", "the daemon does not answer (is it running, and are you root?)", "status")
	b.fails("", "the daemon does not answer", "officers")
	b.fails("", "no PIN on standard input", "officers", "add", "x", "--name", "X", "--pin-stdin")
	b.init("made the keys of desk icto-1")
	if err := os.Chmod(b.path("credentials/desk-key"), 0o644); err != nil {
		t.Fatal(err)
	}
	config, err := daemon.ReadConfig(b.config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = daemon.ReadKeys(config)
	if err == nil || !strings.Contains(err.Error(), "desk-key is readable by others: run chmod 600") {
		t.Errorf("a secret that everybody can read: %v", err)
	}
	b.config = b.path("nowhere.toml")
	b.fails("", "read the configuration", "status")
}

// TestPolicy needs no desk: the terms and every deviation are read off the profile.
func TestPolicy(t *testing.T) {
	b := newBox(t, "")
	for _, want := range []string{`profile "um"`, "unlimited", "phone_lost, app_deleted",
		"Deviations from NIST SP 800-63B-4 (July 2025): 14", "Section 3.1.2.2, SHALL"} {
		b.works("", want, "policy")
	}
	b.works("", "enrolling a device", "policy", "--site", "um-strict")
	b.works("", "issues no passcodes", "policy", "--site", "unimas")
	b.write("own.toml", "colour = \"red\"")
	b.fails("", "unknown key colour", "policy", "--site", b.path("own.toml"))
	b.fails("", "neither a profile", "policy", "--site", "nowhere")
}

// start runs the daemon of the box until the test ends.
func (b *box) start() {
	b.t.Helper()
	config, err := daemon.ReadConfig(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		b.t.Fatal(err)
	}
	site, err := provisioning.LoadSite(config.Site)
	if err != nil {
		b.t.Fatal(err)
	}
	desk, err := daemon.Open(b.t.Context(), daemon.Parts{Config: config, Keys: keys, Site: site,
		Bus: virtual.NewBus(), Clock: daemon.SystemClock{}, Log: slog.New(slog.DiscardHandler),
		Fatal: func(err error) { b.t.Error(err) }})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- desk.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("the daemon ended with %v", err)
		}
	})
	b.answers(config.Admin, ended)
}

// answers waits until the daemon's socket is there.
func (b *box) answers(socket string, ended chan error) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			b.t.Fatalf("the daemon did not start: %v", err)
		default:
		}
	}
}

// TestOfficersAndStatus reaches a running daemon.
func TestOfficersAndStatus(t *testing.T) {
	b := newBox(t, "")
	b.init("made its empty store")
	b.start()
	b.works("", "icto-1 of um", "status")
	out := b.works("", "The PIN of help is ", "officers", "add", "help", "--name", "CHAN Officer",
		"--person", "E1004402")
	if words := strings.Fields(out); len(words) < 6 || len(strings.Trim(words[5], ".")) != 6 {
		t.Errorf("the PIN that was drawn: %q", out)
	}
	b.works("270418\n", "", "officers", "add", "lead", "--name", "Lead", "--supervisor", "--pin-stdin")
	b.fails("270418\n", "an officer with this id exists; nothing was changed", "officers", "add",
		"lead", "--name", "Again", "--pin-stdin")
	b.fails("123456\n", "a PIN has 6 to 12 digits", "officers", "pin", "lead", "--pin-stdin")
	b.fails("904117\n", "there is no such officer", "officers", "pin", "nobody", "--pin-stdin")
	b.works("904117\n", "", "officers", "pin", "lead", "--pin-stdin")
	b.works("", "", "officers", "disable", "help")
	list := b.works("", "lead", "officers")
	for _, row := range []string{`help\s+CHAN Officer\s+E1004402\s+officer\s+none\s+disabled`,
		`lead\s+Lead\s+supervisor\s+none\s+may work`} {
		if !regexp.MustCompile(row).MatchString(list) {
			t.Errorf("the list has no row %s:\n%s", row, list)
		}
	}
	b.works("", "", "officers", "enable", "help")
	b.works("", "", "officers", "unlock", "lead")
	b.fails("", "this officer has no token as a key; nothing was changed", "officers", "token-lost",
		"lead")
	if list := b.works("", "help", "officers"); strings.Contains(list, "disabled") {
		t.Errorf("still disabled:\n%s", list)
	}
	status := b.works("", "verifier", "status")
	for _, says := range []string{"DOWN, last seen never", "0 known, 0 on loan", "doubtful",
		"none: numbers are typed", "0 to see to at the screen"} {
		if !strings.Contains(status, says) {
			t.Errorf("the status does not say %q:\n%s", says, status)
		}
	}
	config, err := os.ReadFile(b.config)
	if err != nil || strings.Contains(list+status+string(config), "270418") {
		t.Error("a PIN is shown again")
	}
}
