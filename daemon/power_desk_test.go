//go:build crash

package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/daemon/boltfile/disktest"
	"github.com/tokendesk/tokendesk/daemon/boltfile/powertest"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// powerMark is what the recorded desk says on its tape.
type powerMark struct {
	// Init says that init returned.
	Init bool `json:",omitempty"`
	// Shown is a position at which the state was seen, and Rows what the rows come to there.
	Shown int64
	Rows  string `json:",omitempty"`
	// Kept says that somebody was told that everything up to Shown is safe: a change was
	// acknowledged, or the desk was opened and shows it. Root is the log up to there.
	Kept bool   `json:",omitempty"`
	Root string `json:",omitempty"`
	// Meant says that a change is about to be decided at Shown.
	Meant bool `json:",omitempty"`
}

func (m powerMark) say() {
	line, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	disktest.Say(line)
}

// powerRows is everything in memory, in short.
func powerRows(s provisioning.Snapshot) string {
	sum := sha256.New()
	for _, kind := range provisioning.Rows() {
		for row := range s.Find(kind.Kind(), "", "") {
			line, err := json.Marshal(row)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(sum, "%s %s\n", kind.Kind(), line)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// powerRoot is the log of the first size leaves, in short.
func powerRoot(s *store.Store, size int64) (string, error) {
	signed, err := s.Checkpoint(size)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(signed)
	return hex.EncodeToString(sum[:]), nil
}

// powerConfig is a desk in a folder; its bundle lies beside the folder.
func powerConfig(dir string) (c Config, bundle, card string) {
	c = Defaults()
	c.Desk, c.Site, c.FeedURL = "icto-1", "um", "https://icto-1.example.edu:8443"
	c.State, c.Credentials = filepath.Join(dir, "state"), filepath.Join(dir, "keys")
	c.Verifier = filepath.Join(dir, "verifier.json")
	return c, "", filepath.Join(dir, "card.json")
}

var powerNoon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

type powerClock struct{}

func (powerClock) Now() time.Time { return powerNoon }
func (powerClock) Synced() bool   { return true }

// powerDesk is a desk at work, on a tape.
type powerDesk struct {
	t       *testing.T
	site    provisioning.Site
	options store.Options
	*store.Store
	ops   int
	visit provisioning.VisitID
}

// errLife ends a life: the disk failed, and the process stops.
var errLife = errors.New("the life of the process is over")

// TestPowerDeskRecorded is the program of which the tape is made: a desk is initialised and works
// for several lives, each of which ends with a disk that fails in another way.
func TestPowerDeskRecorded(t *testing.T) {
	dir, recorded := powertest.Recorded(t)
	if !recorded {
		t.Skip("runs in the build that records, for TestCrashPowerDesk")
	}
	c, _, card := powerConfig(dir)
	if _, err := Init(c, filepath.Join(filepath.Dir(dir), "bundle.json"), card); err != nil {
		t.Fatal(err)
	}
	powerMark{Init: true}.say()
	keys, err := ReadKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	d := &powerDesk{t: t, site: site, options: storeOptions(c, keys, powerClock{}, func(error) {})}
	for life, end := range []struct {
		kind disktest.Kind
		nth  int
		with error
	}{
		{disktest.Synced, 151, syscall.EIO}, {disktest.Synced, 120, syscall.EIO},
		{disktest.Written, 900, syscall.ENOSPC}, {disktest.Written, 701, syscall.EROFS}, {},
	} {
		nth := 0
		disktest.Fail(func(s disktest.Step) error {
			if s.Kind == end.kind {
				nth++
			}
			if end.with != nil && nth >= end.nth && s.Kind == end.kind {
				return end.with
			}
			return nil
		})
		never := end.with == nil || end.kind == disktest.Synced && disktest.Syncs == "no"
		if ended := d.life(life); ended == never {
			t.Fatalf("life %d ended early: %v, after %d steps of its kind", life, ended, nth)
		}
	}
}

// life opens the desk, settles what the last life left, and serves people until the disk fails.
func (d *powerDesk) life(n int) (ended bool) {
	var err error
	if d.Store, err = store.Open(context.Background(), d.options); err != nil {
		d.t.Fatal(err)
	}
	defer func() {
		disktest.Fail(nil)
		_ = d.Close() // a store that failed writes nothing more
		if p := recover(); p != nil && p != errLife {
			panic(p)
		}
	}()
	d.keep(d.Head())
	ended = true
	if err := powerSettle(d.Store, d.do); err != nil {
		d.t.Fatal(err)
	}
	if n == 0 {
		d.staff()
	}
	for person := range 6 {
		d.serve(n, person)
	}
	return false
}

// keep says that everything up to a position was acknowledged.
func (d *powerDesk) keep(at int64) {
	root, err := powerRoot(d.Store, at)
	if err != nil {
		d.t.Fatal(err)
	}
	s := d.Snapshot()
	if s.Position() != at {
		d.t.Fatalf("memory is at %d, not %d", s.Position(), at)
	}
	powerMark{Shown: at, Rows: powerRows(s), Kept: true, Root: root}.say()
}

// do commits a change and says so, before and after.
func (d *powerDesk) do(decide func(provisioning.Snapshot) (provisioning.Change, error)) error {
	at, err := d.Store.Do(context.Background(),
		func(s provisioning.Snapshot) (provisioning.Change, error) {
			powerMark{Shown: s.Position(), Rows: powerRows(s), Meant: true}.say()
			return decide(s)
		})
	if errors.Is(err, boltfile.ErrCommit) {
		panic(errLife)
	}
	if err == nil {
		d.keep(at)
	}
	return err
}

// must is a change that a rule gives.
func (d *powerDesk) must(change provisioning.Change, err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	err = d.do(func(provisioning.Snapshot) (provisioning.Change, error) { return change, nil })
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *powerDesk) now() provisioning.Now {
	return provisioning.Now{Desk: "icto-1", At: powerNoon, Synced: true}
}

// post is one order of an officer, or of the desk itself.
func (d *powerDesk) post(by provisioning.OfficerID, c provisioning.Command) {
	d.t.Helper()
	d.ops++
	o := provisioning.Order{By: by, Visit: d.visit, At: powerNoon, Synced: true, Desk: "icto-1",
		Command: c}
	if by != "" {
		// Ids are unique over all lives, as those of a browser's forms are.
		o.Op = provisioning.OpID(fmt.Sprintf("op%d.%d", d.Head(), d.ops))
	}
	change, err := provisioning.Decide(d.Snapshot(), d.site, o)
	d.must(change, err)
	for _, row := range change.Rows() {
		if op, ok := row.(provisioning.OpResult); ok && op.Visit != "" {
			d.visit = op.Visit
		}
	}
}

// staff lets the officers in, one of them with a PIN that is tried.
func (d *powerDesk) staff() {
	d.must(provisioning.NewChange(provisioning.Entry{Act: "officer.add", Outcome: "done"}).Put(
		provisioning.Officer{ID: "lee"}, provisioning.Officer{ID: "wong", Supervisor: true},
		provisioning.NoticeChannels{Mail: true, Lang: "en"}), nil)
	officers := officer.New(powerLedger{d}, "icto-1",
		func() (time.Time, bool) { return powerNoon, true }, officer.Tokens{})
	err := officers.Add(d.t.Context(), "operator:root", provisioning.Officer{ID: "ho"},
		secret.NewPIN("274913"))
	if err != nil {
		d.t.Fatal(err)
	}
	for range 2 {
		if _, err := officers.Check(d.t.Context(), "ho", secret.NewPIN("999999")); err == nil {
			d.t.Fatal("a wrong PIN was right")
		}
	}
}

// powerLedger lets a part of the desk write, on the tape.
type powerLedger struct{ *powerDesk }

// Do implements provisioning.Ledger.
func (l powerLedger) Do(_ context.Context,
	decide func(provisioning.Snapshot) (provisioning.Change, error)) (int64, error) {
	err := l.do(decide)
	return l.Head(), err
}

// serve is one person at the counter: a loan, a passcode, a message about each, and what becomes of
// the token.
func (d *powerDesk) serve(life, n int) {
	id := fmt.Sprintf("e%d%d", life, n)
	d.visit = ""
	d.post("lee", provisioning.Open{Person: provisioning.Person{ID: provisioning.PersonID(id),
		Account: id, Role: "student", Mail: id + "@example.edu",
		CardUntil: powerNoon.AddDate(1, 0, 0)}})
	d.post("lee", provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard})
	if n%3 == 2 {
		d.passcode(id, n%2 == 0)
	} else {
		d.loan(id, fmt.Sprint(1000+10*life+n), n)
		d.post("lee", provisioning.End{})
	}
	d.notices()
}

func (d *powerDesk) loan(id, serial string, n int) {
	info := provisioning.TokenInfo{Vendor: "yubikey", Model: "YubiKey 5 NFC", Serial: serial,
		Firmware: "5.4.3", Digits: []int{6, 8}, Slots: []provisioning.SlotInfo{
			{Number: 1, Configured: true}, {Number: 2}}}
	credential := provisioning.CredentialID("c-" + id)
	seed := feed.Record{ID: "seed-" + id, Desk: "icto-1", Kind: feed.KindSeed,
		Credential: string(credential), At: powerNoon, Sealed: []byte("sealed")}
	for _, c := range []provisioning.Command{
		provisioning.Choose{Errand: provisioning.ErrandLoan}, provisioning.Plugged{Token: info},
		provisioning.Ask{Reason: "phone_unsupported", PhoneSeen: true}, provisioning.Turn{Away: true},
		provisioning.Agree{Terms: d.site.Terms}, provisioning.Turn{},
		provisioning.Write{Hand: provisioning.Hand{Token: info}, Prepared: provisioning.Prepared{
			Credential: credential, Seed: seed, Person: provisioning.PersonID(id), Token: info.ID(),
			Generation: 1}},
	} {
		by := provisioning.OfficerID("lee")
		if _, own := c.(provisioning.Plugged); own {
			by = ""
		}
		d.post(by, c)
	}
	d.must(provisioning.Wrote(d.Snapshot(), d.now(), credential))
	d.must(provisioning.Mistouched(d.Snapshot(), d.now(), credential, 1))
	proof := feed.Record{ID: "proof-" + id, Desk: "icto-1", Kind: feed.KindProof,
		Credential: string(credential), At: powerNoon, Sealed: []byte("sealed")}
	d.must(provisioning.Proved(d.Snapshot(), d.now(), credential, 1, proof))
	d.ack(proof.ID, string(credential), feed.InStep)
	v, _ := provisioning.Get[provisioning.Visit](d.Snapshot(), string(d.visit))
	switch n {
	case 0:
		d.post("lee", provisioning.Choose{Errand: provisioning.ErrandReturn})
		d.post("lee", provisioning.TakeBack{Loan: v.Loan, Hand: provisioning.Hand{Token: info}})
		d.must(provisioning.Wiped(d.Snapshot(), d.now(), info.ID()))
	case 1:
		d.post("lee", provisioning.Choose{Errand: provisioning.ErrandLost})
		d.post("lee", provisioning.ReportLost{Loan: v.Loan})
	}
}

func (d *powerDesk) ack(record, credential string, outcome feed.Outcome) {
	change, news := provisioning.Acked(d.Snapshot(), d.site, d.now(), feed.Ack{Position: d.Head(),
		Verdicts: []feed.Verdict{{Record: record, Credential: credential, Outcome: outcome}}})
	if !news {
		d.t.Fatal("an ack brought no news")
	}
	d.must(change, nil)
}

func (d *powerDesk) passcode(id string, revoke bool) {
	d.post("lee", provisioning.Choose{Errand: provisioning.ErrandPasscode})
	p := provisioning.PreparedPasscode{ID: provisioning.PasscodeID("p-" + id),
		Person: provisioning.PersonID(id), Type: provisioning.PasscodeShort,
		Record: feed.Record{ID: "code-" + id, Desk: "icto-1", Kind: feed.KindPasscode,
			Credential: "p-" + id, At: powerNoon, Sealed: []byte("sealed")}}
	d.post("lee", provisioning.IssuePasscode{Situation: "phone_forgotten", Turn: true, Prepared: p})
	d.ack(p.Record.ID, string(p.ID), feed.InStep)
	d.post("lee", provisioning.Reveal{Held: true})
	if !revoke {
		d.post("lee", provisioning.Noted{}) // which ends the visit
		return
	}
	d.post("lee", provisioning.Turn{})
	d.post("lee", provisioning.RevokePasscode{Passcode: p.ID})
	d.post("lee", provisioning.End{})
}

// notices sends what is queued: the intent, then the outcome.
func (d *powerDesk) notices() {
	for n := range provisioning.Find[provisioning.Notice](d.Snapshot(), provisioning.ByState,
		string(provisioning.NoticeQueued)) {
		if !n.Due(powerNoon) {
			continue
		}
		d.must(provisioning.SendNotice(d.Snapshot(), d.now(), n.ID))
		d.must(provisioning.NoticeTried(d.Snapshot(), d.now(), n.ID, provisioning.Delivered, ""))
	}
}

// powerSettle is what the daemon does before it opens its doors (visit.Runner and notice.Runner).
func powerSettle(s *store.Store,
	do func(func(provisioning.Snapshot) (provisioning.Change, error)) error) error {
	now := provisioning.Now{Desk: "icto-1", At: powerNoon, Synced: true}
	for {
		change, any := provisioning.Recover(s.Snapshot(), now)
		if !any {
			change, any = provisioning.RecoverNotice(s.Snapshot(), now)
		}
		if !any {
			return nil
		}
		err := do(func(provisioning.Snapshot) (provisioning.Change, error) { return change, nil })
		if err != nil {
			return err
		}
	}
}
