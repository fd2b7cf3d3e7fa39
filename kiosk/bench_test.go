package kiosk_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The people of these tests.
const (
	alice, bob, carol          = "alice", "bob", "carol"
	alicePIN, bobPIN, carolPIN = "274963", "830517", "619402"
	chanNumber, chanCard       = "20250001", "CARD0001"
	serial                     = "12345678"
)

var site = provisioning.Site{
	ID: "test", Name: "Test University", Desk: "Help Desk", Location: time.FixedZone("MO", 8*3600),
	Roles: []string{"student", "staff"}, Reasons: []string{"no_phone", "phone_unsupported"},
	NoPhone: []string{"no_phone"}, PhoneSeen: true, Terms: "2026-09", LoanDays: 365,
	Fee:  provisioning.Money{Minor: 23500, Label: "MOP$"},
	Slot: 2, Digits: 6, AdviseDevices: 2, Strip: "@example.edu",
	Evidence: []provisioning.EvidenceRule{
		{Kind: provisioning.EvidenceUniversityCard, Loan: true, Lost: true, Passcode: true},
		{Kind: provisioning.EvidencePassport, Loan: true, Lost: true},
		{Kind: provisioning.EvidenceSupervisor, Loan: true, Lost: true},
	},
	Hours: []provisioning.Hours{{Days: "Mon-Thu", Spans: []string{"09:00-13:00"}}},
	Passcodes: []provisioning.PasscodeTerms{
		{Type: provisioning.PasscodeShort, Hours: 24, Uses: 5},
		{Type: provisioning.PasscodeLong, Hours: 168, Unlimited: true, SecondOfficer: true},
		{Type: provisioning.PasscodeRecovery, Hours: 24, Uses: 2},
	},
	Situations: []provisioning.Situation{
		{Key: "phone_forgotten", Passcode: provisioning.PasscodeShort},
		{Key: "phone_lost", Passcode: provisioning.PasscodeLong},
		{Key: "app_deleted", Passcode: provisioning.PasscodeLong, Justify: true},
	},
	PasscodeLimits: provisioning.PasscodeLimits{Person: 3, Officer: 60, Desk: 200},
}

// counter is the desk around the screen: the real rules and the real officers over a ledger in
// memory, with a runner whose hardware is a method call.
type counter struct {
	t      testing.TB
	ledger *provisioningtest.Ledger
	mu     sync.Mutex
	at     time.Time
	plugs  []provisioning.Plug
	news   chan struct{}
	health provisioning.Health
	fault  error
	orders int
	taps   chan devices.Tap
	// unplugged is a reader that is not there.
	unplugged bool
	people    map[string]provisioning.Person
	// refuse is what the directory says of a number instead of a person.
	refuse map[string]*provisioning.Refusal
	finds  []string
	logs   *syncBuffer
	config kiosk.Config
	// held are the digits of passcodes the desk can show.
	held map[provisioning.PasscodeID][]string
	// issued counts codes, shown how often the digits were asked for.
	issued, shown int
	http          *httptest.Server
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// staff are the officers. Their PINs are hashed once: that is slow on purpose.
var staff = sync.OnceValue(func() []provisioning.Row {
	ledger := provisioningtest.NewLedger()
	officers := officer.New(ledger, "desk", func() (time.Time, bool) { return time.Time{}, true },
		officer.Tokens{})
	for _, o := range []struct{ id, name, pin string }{
		{alice, "Alice Officer", alicePIN}, {bob, "Bob Officer", bobPIN},
		{carol, "Carol Officer", carolPIN},
	} {
		row := provisioning.Officer{ID: provisioning.OfficerID(o.id), Name: o.name,
			Person: provisioning.PersonID("staff-" + o.id), Supervisor: o.id == carol}
		if err := officers.Add(context.Background(), "test", row, secret.NewPIN(o.pin)); err != nil {
			panic(err) // the constants above are wrong.
		}
	}
	var rows []provisioning.Row
	for o := range provisioning.All[provisioning.Officer](ledger.Snapshot()) {
		rows = append(rows, o)
	}
	return rows
})

func newCounter(t testing.TB) *counter {
	t.Helper()
	c := &counter{
		t: t, ledger: provisioningtest.NewLedger(staff()...), news: make(chan struct{}),
		at: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC), taps: make(chan devices.Tap),
		health: provisioning.Health{VerifierUp: true, DirectoryUp: true, ClockSynced: true,
			TokensInDrawer: 7},
		logs: &syncBuffer{}, people: map[string]provisioning.Person{},
		held: map[provisioning.PasscodeID][]string{},
	}
	c.people[chanNumber] = provisioning.Person{ID: chanNumber, Name: "CHAN Lok Ching",
		Native: "陳樂晴", NativeLang: "zh-Hant", Role: "student", Unit: "Arts", Account: "chan",
		Card: chanCard, CardUntil: time.Date(2028, 6, 1, 0, 0, 0, 0, time.UTC), Portrait: "chan",
		Devices: 0}
	c.people[chanCard] = c.people[chanNumber]
	officers := officer.New(c.ledger, "desk", func() (time.Time, bool) { return c.now(), true },
		officer.Tokens{PINAlone: true})
	c.config = kiosk.Config{
		Visits: c, Officers: officers, People: c, Health: c, Reader: c, Passcodes: c, Site: site,
		Desk:  "Counter 2",
		Clock: c.now, Logger: slog.New(slog.NewTextHandler(io.MultiWriter(c.logs, t.Output()), nil)),
	}
	return c
}

// serve puts the screen on a real listener and runs it until the test ends.
func serve(t testing.TB) *counter {
	t.Helper()
	c := newCounter(t)
	t.Cleanup(c.start())
	return c
}

// start starts a screen over what the desk remembers; stop is what a restart begins with.
func (c *counter) start() (stop func()) {
	c.t.Helper()
	server, err := kiosk.New(c.config)
	if err != nil {
		c.t.Fatalf("kiosk: %v", err)
	}
	c.http = httptest.NewServer(server.Handler())
	web, done := c.http, make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- server.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("Run: %v", err)
		}
		web.Close()
	}
}

func (c *counter) browser() *kiosktest.Browser { return kiosktest.New(c.t, c.http.URL) }

func (c *counter) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *counter) pass(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
	c.bump()
}

func (c *counter) bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.news)
	c.news = make(chan struct{})
}

// Taps implements kiosk.Reader.
func (c *counter) Taps() <-chan devices.Tap { return c.taps }

// Up implements kiosk.Reader.
func (c *counter) Up() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.unplugged
}

// Health implements kiosk.Health.
func (c *counter) Health(context.Context) provisioning.Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

// Find implements kiosk.People.
func (c *counter) Find(_ context.Context, number string) (provisioning.Person, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finds = append(c.finds, number)
	if !c.health.DirectoryUp {
		return provisioning.Person{}, errors.New("connection refused")
	}
	if no := c.refuse[number]; no != nil {
		return provisioning.Person{}, no
	}
	p, ok := c.people[number]
	if !ok {
		return p, provisioning.Refuse(kiosk.CodePersonUnknown)
	}
	return p, nil
}

// Portrait implements kiosk.People.
func (c *counter) Portrait(context.Context, string) ([]byte, string, error) {
	return []byte("\x89PNG"), "image/png", nil
}

// Snapshot implements kiosk.Visits.
func (c *counter) Snapshot() provisioning.Snapshot { return c.ledger.Snapshot() }

// Plugs implements kiosk.Visits.
func (c *counter) Plugs() []provisioning.Plug {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plugs
}

// Changed implements kiosk.Visits.
func (c *counter) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.news
}

// Do implements kiosk.Visits: the rules decide, and what a runner holds in its hand is the one
// plugged token.
func (c *counter) Do(
	ctx context.Context, o provisioning.Order,
) (provisioning.VisitID, error) {
	c.mu.Lock()
	c.orders++
	fault := c.fault
	c.mu.Unlock()
	if fault != nil {
		return "", fault
	}
	id, err := c.decide(ctx, c.fill(o))
	c.bump()
	c.react(ctx)
	return id, err
}

func (c *counter) decide(
	ctx context.Context, o provisioning.Order,
) (provisioning.VisitID, error) {
	var outcome error
	_, err := c.ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, err := provisioning.Decide(s, c.config.Site, o)
		outcome = err
		if change.IsZero() {
			return change, err
		}
		return change, nil
	})
	var repeated *provisioning.Repeated
	switch {
	case errors.As(err, &repeated):
		if r := repeated.Refusal(); r != nil {
			return repeated.Result.Visit, r
		}
		return repeated.Result.Visit, nil
	case err != nil:
		return "", err
	}
	result, _ := provisioning.Get[provisioning.OpResult](c.ledger.Snapshot(), string(o.Op))
	return result.Visit, outcome
}

func (c *counter) fill(o provisioning.Order) provisioning.Order {
	o.Desk = "desk"
	hand := provisioning.Hand{Trouble: provisioning.Refuse(provisioning.CodeTokenAbsent)}
	if plugs := c.Plugs(); len(plugs) == 1 && plugs[0].Info != nil {
		hand = provisioning.Hand{Token: *plugs[0].Info}
	}
	switch command := o.Command.(type) {
	case provisioning.Write:
		v, _ := provisioning.Get[provisioning.Visit](c.Snapshot(), string(o.Visit))
		id := "c0ffee" + string(o.Op)[:26]
		command.Hand = hand
		command.Prepared = provisioning.Prepared{Credential: provisioning.CredentialID(id),
			Person: v.Person, Token: v.Token, Seed: feed.Record{ID: id, Credential: id}}
		o.Command = command
	case provisioning.TakeBack:
		command.Hand = hand
		o.Command = command
	case provisioning.Restock:
		command.Hand = hand
		o.Command = command
	case provisioning.IssuePasscode:
		o.Command = c.prepare(o, command)
	case provisioning.Reveal:
		o.Command = provisioning.Reveal{Held: c.holds(o.Visit)}
	}
	return o
}

// react gives the desk's own orders, as the runner does.
func (c *counter) react(ctx context.Context) {
	plugs := c.Plugs()
	for v := range provisioning.Find[provisioning.Visit](
		c.Snapshot(), provisioning.ByState, string(provisioning.VisitOpen)) {
		waits := v.Step == provisioning.StepPlug || v.Step == provisioning.StepReturn ||
			v.Step == provisioning.StepLost
		if waits && len(plugs) == 1 && v.Token == "" && v.Problem == "" {
			_, _ = c.decide(ctx, provisioning.Order{Visit: v.ID, At: c.now(), Synced: true,
				Desk: "desk", Command: provisioning.Plugged{Token: *plugs[0].Info}})
			c.bump()
		}
	}
}
