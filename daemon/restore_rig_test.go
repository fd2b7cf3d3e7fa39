package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// enough is how long what is waited for may take on a machine that is busy with other tests.
const enough = 30 * time.Second

// town is a verifier, people, tokens, and the desks that come and go.
type town struct {
	*testing.T
	dir      string
	site     provisioning.Site
	folk     []provisioning.Person
	verifier *verifier.Verifier
	private  secret.Key
	host     string
}

func newTown(t *testing.T) *town {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole desk takes its time")
	}
	w := &town{T: t, dir: t.TempDir(), host: fmt.Sprintf("127.%d.%d.%d", 64+rand.N(128), rand.N(256),
		1+rand.N(254))}
	var err error
	if w.site, err = provisioning.LoadSite("um"); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	var records []directory.Record
	for i := range 60 {
		p := provisioning.Person{ID: provisioning.PersonID(fmt.Sprintf("DC1265%02d", i)), Site: "um",
			Name: fmt.Sprintf("Person %d", i), Role: "student", Account: fmt.Sprintf("dc1265%02d", i),
			Card: fmt.Sprintf("9000%02d", i)}
		w.folk, records = append(w.folk, p), append(records, directory.Record{Person: p})
	}
	if err := errors.Join(directory.Write(&file, records),
		os.WriteFile(w.path("people.csv"), file.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = MakeRecoveryKey(w.path("recovery.key"), w.path("recovery.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if w.private, err = ReadRecoveryKey(w.path("recovery.key")); err != nil {
		t.Fatal(err)
	}
	w.runVerifier()
	return w
}

func (w *town) path(name string) string { return filepath.Join(w.dir, name) }

func (w *town) runVerifier() {
	w.Helper()
	_, err := verifier.Init(verifier.Plan{Dir: w.path("verifier"), Name: "central",
		Hosts: []string{"127.0.0.1"}, Escrow: w.path("escrow.key"), Now: time.Now()})
	if err != nil {
		w.Fatal(err)
	}
	state, err := verifier.Open(w.path("verifier"))
	if err != nil {
		w.Fatal(err)
	}
	if w.verifier, err = verifier.New(verifier.Config{State: state}); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.verifier.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, state.Close()); err != nil {
			w.Error(err)
		}
	})
}

// config is a desk's in a folder of its own, reached at an address.
func (w *town) config(name, address string) Config {
	dir := w.path(name)
	return Config{Desk: "icto-1", Site: "um", State: filepath.Join(dir, "state"), PINAlone: true,
		Credentials: filepath.Join(dir, "credentials"), Directory: w.path("people.csv"),
		Verifier: filepath.Join(dir, "verifier.json"), Listen: "127.0.0.1:0", Feed: address,
		FeedURL: "https://" + address, Admin: filepath.Join(dir, "a.sock"),
		Backup: BackupConfig{Recovery: w.path("recovery.pub")}}
}

// text is the configuration as a file.
func text(c Config) []byte {
	return fmt.Appendf(nil, "desk = %q\nsite = %q\nstate = %q\npin_alone = true\ncredentials = %q\n"+
		"directory = %q\nverifier = %q\nlisten = %q\nfeed = %q\nfeed_url = %q\nadmin = %q\n"+
		"[backup]\nrecovery_key = %q\n", c.Desk, c.Site, c.State, c.Credentials, c.Directory, c.Verifier,
		c.Listen, c.Feed, c.FeedURL, c.Admin, c.Backup.Recovery)
}

// free is an address nobody listens on, and nobody else comes by: its port is given up and taken
// again, so it is on a loopback address of this town's own.
func (w *town) free() string {
	w.Helper()
	l, err := net.Listen("tcp", w.host+":0")
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// until waits until something holds.
func (w *town) until(what string, holds func() bool) {
	w.Helper()
	for over := time.Now().Add(enough); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(over) {
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

// typed is the next code of a token, at home.
func (w *town) typed(key *virtual.Key) string {
	w.Helper()
	home := virtual.NewBus()
	home.Plug(key)
	defer home.Unplug(key)
	typed, err := key.Touch(w.site.Slot)
	if err != nil {
		w.Fatal(err)
	}
	return typed
}

// accepts asks the verifier about a code.
func (w *town) accepts(p provisioning.Person, code string) bool {
	w.Helper()
	ok, err := w.verifier.Verify(w.Context(), "test", p.Account, secret.NewOTP(code))
	if err != nil {
		w.Fatal(err)
	}
	return ok
}

// signsIn tries the next code of a token at the verifier.
func (w *town) signsIn(p provisioning.Person, key *virtual.Key) bool {
	w.Helper()
	return w.accepts(p, w.typed(key))
}

func newKey(n int) *virtual.Key {
	return virtual.New(virtual.Options{Serial: uint32(17391000 + n)})
}

// settled waits until the verifier holds everything the desk published.
func (b *box) settled() {
	b.Helper()
	b.until("the verifier has everything", func() bool {
		v, _ := provisioning.Get[provisioning.Verifier](b.Snapshot(), provisioning.Verifier{}.Key())
		return v.Acked >= v.Published
	})
}

// backup makes a backup of the desk, as an operator does.
func (b *box) backup(name string) string {
	b.Helper()
	return b.backupFor(name, b.parts.Config)
}

// backupFor is backup with another configuration in it.
func (b *box) backupFor(name string, c Config) string {
	b.Helper()
	path := b.path(name)
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	client := NewClient(b.parts.Config.Admin)
	order := BackupOrder{Config: string(text(c))}
	b.until("the operator's socket is there", func() bool {
		_, err := os.Stat(b.parts.Config.Admin)
		return err == nil
	})
	if err := errors.Join(client.Backup(b.Context(), order, file), file.Close()); err != nil {
		b.Fatal(err)
	}
	report := BackupReport{File: name, Written: true}
	if err := client.BackupEnded(b.Context(), report); err != nil {
		b.Fatal(err)
	}
	return path
}

// restore makes the desk of a backup anew in a folder, and returns its configuration and its card.
func (w *town) restore(file, name string, step func(string) error) (Config, feed.RestoreCard, error) {
	w.Helper()
	return w.restoreAs(RestorePlan{File: file, step: step}, name)
}

// restoreAs is restore with more of the plan.
func (w *town) restoreAs(p RestorePlan, name string) (Config, feed.RestoreCard, error) {
	w.Helper()
	c := w.config(name, w.free())
	path, card := w.path(name+"/desk.toml"), w.path(name+".restore")
	if err := os.MkdirAll(w.path(name), 0o700); err != nil {
		w.Fatal(err)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(path, text(c), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	p.Config, p.Key, p.Card, p.By = path, w.private, card, "operator:test"
	_, err := Restore(w.Context(), p)
	if err != nil {
		return c, feed.RestoreCard{}, err
	}
	if c, err = ReadConfig(path); err != nil {
		return c, feed.RestoreCard{}, err
	}
	data, err := os.ReadFile(card)
	if err != nil {
		return c, feed.RestoreCard{}, err
	}
	read, err := feed.DecodeRestoreCard(data)
	return c, read, err
}

// standing waits until the desk's standing is as wanted.
func (b *box) standing(what string, wanted func(provisioning.Standing) bool) provisioning.Standing {
	b.Helper()
	b.until(what, func() bool { return wanted(provisioning.StandingOf(b.Snapshot())) })
	return provisioning.StandingOf(b.Snapshot())
}

// refused fails unless the desk refuses to begin a visit with this code.
func (b *box) refused(code provisioning.Code) {
	b.Helper()
	b.visit = ""
	if err := b.try(provisioning.Open{Person: b.folk[59]}); !errors.Is(err, provisioning.Refuse(code)) {
		b.Errorf("a visit was opened, or refused for something else: %v", err)
	}
}

// desk is the verifier's row of the desk.
func (w *town) desk() verifier.DeskStatus {
	w.Helper()
	s, err := w.verifier.Status()
	if err != nil {
		w.Fatal(err)
	}
	return s.Desks[0]
}

// copyFolder copies a desk's folder to another, as a thief or an image would, and points its
// configuration there.
func (w *town) copyFolder(from Config, name, address string) Config {
	w.Helper()
	to := w.config(name, address)
	to.FeedURL = from.FeedURL
	for _, pair := range [][2]string{{from.State, to.State}, {from.Credentials, to.Credentials}} {
		if err := os.CopyFS(pair[1], os.DirFS(pair[0])); err != nil {
			w.Fatal(err)
		}
		files, err := os.ReadDir(pair[1])
		if err != nil {
			w.Fatal(err)
		}
		for _, f := range files {
			if err := os.Chmod(filepath.Join(pair[1], f.Name()), 0o600); err != nil {
				w.Fatal(err)
			}
		}
	}
	data, err := os.ReadFile(from.Verifier)
	if err == nil {
		err = os.WriteFile(to.Verifier, data, 0o644)
	}
	if err != nil {
		w.Fatal(err)
	}
	return to
}

// serials are the tokens in doubt.
func (b *box) serials() []string {
	list := doubtful(b.Snapshot())
	slices.Sort(list)
	return list
}
