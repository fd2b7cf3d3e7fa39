//go:build crash

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// The officer of the crash test. The hash is argon2id of the PIN at the lowest cost the desk reads:
// there is one sign-in after every kill.
const (
	crashOfficer = "help"
	crashPIN     = "274963"
	crashPINHash = "$argon2id$v=19$m=8,t=1,p=1$Y3Jhc2ggdGVzdCBzYWx0IQ$" +
		"lDDZtkh0BEIhUH4Leudkv3kOdG28IdV4inF+HgFTRAQ"
)

// crashLane is one desk with everything around it: tokens in a process of their own, a verifier of
// its own in this one, and one person at the counter.
type crashLane struct {
	t       *testing.T
	dir     string
	script  crashScript
	keys    daemon.Keys
	person  sample
	central *central
	// name is the desk's, where it is not the only one; who is the person, among the sample people,
	// and first the first token's serial.
	name  string
	who   int
	first uint32
	// secret is the site's, where another desk has it already.
	secret []byte
	// screen, feed and view are the desk's sockets; files are what it inherits.
	screen, feed, view net.Listener
	files              []*os.File
	tokens             *virtual.Remote
	log                *crashLog

	desk    *crashProcess
	browser *kiosktest.Browser
	// token counts the tokens that were lost; serial is the one at the counter.
	token  int
	serial uint32
	plan   *crashPlan
	// last is what was true after the last kill.
	last crashFacts

	mu sync.Mutex
	// seen counts the messages on each cable; mark is where the leg under way began.
	seen, mark [crashCables]int
	leg        crashLeg
	began      time.Time
	// aim is the point to kill at; armed once its leg has begun.
	aim   *crashPoint
	armed bool
}

// newCrashLane makes a desk, its verifier and its tokens, and starts them.
func newCrashLane(t *testing.T, number, points int) *crashLane {
	l := &crashLane{t: t, dir: t.TempDir(), log: &crashLog{}, plan: newCrashPlan(number)}
	l.central = newCrashCentral(t, l.dir, l.log)
	l.build(points)
	return l
}

// build makes the desk and its tokens, and starts them.
func (l *crashLane) build(points int) {
	t := l.t
	var err error
	for _, at := range []*net.Listener{&l.screen, &l.feed, &l.view} {
		if *at, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		file, err := (*at).(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		l.files = append(l.files, file)
	}
	l.startTokens(points)
	l.makeDesk()
	t.Cleanup(func() {
		for i, s := range []net.Listener{l.screen, l.feed, l.view} {
			_ = errors.Join(s.Close(), l.files[i].Close())
		}
	})
	l.start()
	t.Cleanup(func() { l.desk.kill() })
}

// startTokens starts the process with the tokens, enough of them to lose some, behind a tap.
func (l *crashLane) startTokens(points int) {
	folder, direct := filepath.Join(l.dir, "tokens"), filepath.Join(l.dir, "tokens.sock")
	if err := os.Mkdir(folder, 0o700); err != nil {
		l.t.Fatal(err)
	}
	script := crashScript{Tokens: direct, Folder: folder}
	for i := range points/2 + 3 {
		script.Serials = append(script.Serials, l.nth(i))
	}
	process, err := startCrash("tokens", script, nil, l.log)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(process.kill)
	l.tokens = virtual.Dial(direct)
	for i := 0; ; i++ {
		if _, err = l.tokens.Keys(l.soon()); err == nil {
			break
		}
		if i == 1000 {
			l.t.Fatalf("the process with the tokens does not answer: %v\n%s", err, l.log)
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.script.Tokens = filepath.Join(l.dir, "tap.sock")
	listener, err := net.Listen("unix", l.script.Tokens)
	if err != nil {
		l.t.Fatal(err)
	}
	l.tap(listener, "unix", direct, crashUSB, onlyLists)
	l.serial = l.nth(0)
	if err := l.tokens.Plug(l.soon(), l.serial); err != nil {
		l.t.Fatal(err)
	}
}

// nth is the serial of one of the lane's tokens.
func (l *crashLane) nth(i int) uint32 { return 20_000_001 + l.first + uint32(i) }

// tap puts a tap before an address.
func (l *crashLane) tap(
	listener net.Listener, network, address string, on crashCable, idle func([]byte) bool,
) {
	tap := &crashTap{listener: listener, idle: idle,
		dial:   func() (net.Conn, error) { return net.Dial(network, address) },
		passes: func() bool { return l.passes(on) }}
	done := make(chan struct{})
	go func() { defer close(done); tap.run() }()
	l.t.Cleanup(func() {
		tap.close()
		<-done
	})
}

// makeDesk makes the state of a new desk and has it trusted, with the tap in its network cable.
func (l *crashLane) makeDesk() {
	site, err := provisioning.LoadSite("um")
	if err != nil {
		l.t.Fatal(err)
	}
	list := people(site.ID, time.Now())
	for i := range list {
		list[i].Lang = "en"
	}
	l.person = list[l.who]
	cable, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	l.tap(cable, "tcp", l.feed.Addr().String(), crashFeed, nil)
	stage := &stage{settings: settings{id: l.name, state: l.dir, site: site.ID,
		desk: l.screen.Addr().String(), feed: l.feed.Addr().String()}, people: list, feed: cable}
	if l.script.Config, err = stage.config(); err != nil {
		l.t.Fatal(err)
	}
	if l.secret != nil {
		l.takeSecret(l.secret)
	}
	card := filepath.Join(l.dir, "card.json")
	if _, err = daemon.Init(l.script.Config, l.central.bundle(), card); err != nil {
		l.t.Fatal(err)
	}
	if err = l.central.trust(card, l.script.Config.FeedURL); err != nil {
		l.t.Fatal(err)
	}
	l.readKeys()
	l.letIn(list[4])
}

// readKeys reads the keys as they lie on the desk's disk now.
func (l *crashLane) readKeys() {
	var err error
	if l.keys, err = daemon.ReadKeys(l.script.Config); err != nil {
		l.t.Fatal(err)
	}
}

// letIn makes the officer.
func (l *crashLane) letIn(who sample) {
	s := l.open(filepath.Join(l.script.Config.State, crashFile))
	_, err := s.Do(l.soon(), func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.NewChange(provisioning.Entry{At: time.Now(), Actor: "operator:test",
			Act: "officer.add", Rule: "operator", Outcome: "done",
			Desk: provisioning.DeskID(l.script.Config.Desk)}).Put(
			provisioning.Officer{ID: crashOfficer, Name: who.Name, Person: who.ID,
				PINHash: crashPINHash}), nil
	})
	if err = errors.Join(err, s.Close()); err != nil {
		l.t.Fatal(err)
	}
}

// crashFile is the name of the store in a desk's state.
const crashFile = "desk.db"

// open opens a store that no desk has open.
func (l *crashLane) open(path string) *store.Store {
	s, err := store.Open(l.soon(), store.Options{Path: path, Key: l.keys.Desk,
		Desk: provisioning.DeskID(l.script.Config.Desk), Signer: l.keys.Log, Clock: time.Now,
		Fatal: func(err error) { panic(err) }})
	if err != nil {
		l.t.Fatalf("open what the desk left: %v", err)
	}
	return s
}

// start starts the desk on its state, as it is.
func (l *crashLane) start() {
	desk, err := startCrash("desk", l.script, l.files, l.log)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.desk, l.armed = desk, false
	l.mu.Unlock()
	l.browser = kiosktest.New(crashWitness{l.t}, "http://"+l.screen.Addr().String())
	l.browser.Client().Transport = &http.Transport{DialContext: desk.dial}
	if !l.survives(func() { l.browser.Open("/") }) {
		l.t.Fatalf("the desk does not start\n%s", l.log)
	}
}

// settled is what the desk holds to be true once nothing is under way.
func (l *crashLane) settled() (v crashView) {
	req, err := http.NewRequestWithContext(l.soon(), http.MethodGet,
		"http://"+l.view.Addr().String(), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		status, serr := l.central.verifier.Status()
		l.t.Fatalf("the desk and its verifier do not come to rest: %v\n%+v %v\n%s", err, status,
			serr, l.log)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		l.t.Fatal(err)
	}
	return v
}

// listed says whether the operator is told that the token is in doubt.
func (l *crashLane) listed() bool {
	status, err := daemon.NewClient(l.script.Config.Admin).Status(l.soon())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, serial := range status.Doubtful {
		if serial == strconv.Itoa(int(l.serial)) {
			return true
		}
	}
	return false
}

// press has the token type, and signs in with that.
func (l *crashLane) press() (accepted bool) {
	otp, err := l.tokens.Touch(l.soon(), l.serial, crashSlot)
	if errors.Is(err, virtual.ErrSilent) {
		return false
	}
	if err != nil {
		l.t.Fatal(err)
	}
	accepted, err = l.central.signIn(l.soon(), l.person.Account, otp)
	if err != nil {
		l.t.Fatal(err)
	}
	return accepted
}

// crashSlot is the one the site writes.
const crashSlot = 2

func (l *crashLane) id() provisioning.TokenID { return yubikeyID(l.serial) }

func yubikeyID(serial uint32) provisioning.TokenID {
	return provisioning.TokenID(fmt.Sprintf("yubikey/%d", serial))
}

// replace takes a token from the drawer in place of one that was lost.
func (l *crashLane) replace() {
	if err := l.tokens.Unplug(l.soon(), l.serial); err != nil {
		l.t.Fatal(err)
	}
	l.token++
	l.serial = l.nth(l.token)
	if err := l.tokens.Plug(l.soon(), l.serial); err != nil {
		l.t.Fatal(err)
	}
}

// verifierHolds is how many credentials are active at the verifier, which knows one desk and one
// person, and how many wait for their proof. It must have nothing against the desk.
func (l *crashLane) verifierHolds() (active, waiting int) {
	status, err := l.central.verifier.Status()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, d := range status.Desks {
		if d.Alarm.What != "" {
			l.t.Fatalf("the verifier raised an alarm: %s", d.Alarm.What)
		}
	}
	return status.Credentials["active"], status.Credentials["waiting"]
}

// copied opens a copy of the desk's file: the killed desk's own is for the next desk alone.
func (l *crashLane) copied() *store.Store {
	from, err := os.Open(filepath.Join(l.script.Config.State, crashFile))
	if err != nil {
		l.t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(l.dir, "copy.db")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		l.t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		l.t.Fatal(err)
	}
	return l.open(path)
}

// audit recomputes the whole log of a desk that does not run.
func (l *crashLane) audit() {
	s := l.copied()
	defer s.Close()
	audit, err := s.Audit(l.soon())
	if err == nil && (audit.Leaves != s.Head() || audit.Erased != 0) {
		err = fmt.Errorf("%d of %d leaves, %d erased", audit.Leaves, s.Head(), audit.Erased)
	}
	if err != nil {
		l.t.Errorf("the log does not hold: %v", err)
	}
}

// soon bounds a wait that ends by itself unless the test fails.
func (l *crashLane) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	l.t.Cleanup(cancel)
	return ctx
}

// crashLog keeps what the processes say, for a test that fails.
type crashLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *crashLog) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

// String is the end of it.
func (g *crashLog) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.text.Bytes()[max(0, g.text.Len()-4000):])
}
