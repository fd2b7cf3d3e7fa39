package notice

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// start is a Monday at the counter, in Macau.
var start = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// testClock is a clock that is moved by hand.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Synced() bool { return true }

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// chan's contacts, as the directory gave them.
var chanTai = provisioning.Person{ID: "e1", Name: "Chan Tai Man", Native: "陳大文",
	NativeLang: "zh-Hant", Account: "chan", Role: "student", Lang: "en", Mail: "chan@example.edu",
	Phone: "+85366123456"}

// world is a ledger with Chan in it, and a clock.
type world struct {
	ledger *provisioningtest.Ledger
	clock  *testClock
	site   provisioning.Site
	logs   *logBuffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	site, err := provisioning.LoadSite("unimas")
	if err != nil {
		t.Fatal(err)
	}
	return &world{ledger: provisioningtest.NewLedger(chanTai), clock: &testClock{now: start},
		site: site, logs: &logBuffer{}}
}

// runner is a desk that has just started.
func (w *world) runner(t testing.TB, mail, sms Sender) *Runner {
	t.Helper()
	r, err := New(Config{Ledger: w.ledger, Site: w.site, Desk: "desk1", Clock: w.clock,
		Log: slog.New(slog.NewTextHandler(w.logs, nil)), Mail: mail, SMS: sms})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// happen commits an act that Chan is told of.
func (w *world) happen(t testing.TB, act provisioning.Act) {
	t.Helper()
	_, err := w.ledger.Do(t.Context(), func(s provisioning.Snapshot) (provisioning.Change, error) {
		e := provisioning.Entry{At: w.clock.Now(), Desk: "desk1", Actor: "lee", Act: act, Person: "e1",
			Outcome: provisioning.OutcomeDone}
		var rows []provisioning.Row
		if act == taken {
			rows = append(rows, provisioning.Passcode{Person: "e1", State: provisioning.PasscodeLive,
				ID: provisioning.PasscodeID(strconv.FormatInt(s.Position(), 10)), Uses: 5, Count: 1,
				Type: provisioning.PasscodeShort, Until: w.clock.Now().Add(24 * time.Hour)})
		}
		return provisioning.NewChange(e).Put(rows...).Put(provisioning.NoticesOf(s, e, rows)...), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// taken is the act in which a passcode of Chan's is taken by the verifier.
const taken provisioning.Act = "verifier.ack"

// round lets every channel send what is due.
func (r *Runner) rounds(ctx context.Context, boxes map[provisioning.NoticeChannel]*outbox) error {
	var errs []error
	for channel, sender := range r.senders {
		if boxes[channel] == nil {
			boxes[channel] = &outbox{channel: channel, sender: sender}
		}
		boxes[channel].Runner = r
		_, err := boxes[channel].round(ctx)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (w *world) states() map[provisioning.NoticeState]int {
	count := map[provisioning.NoticeState]int{}
	for n := range provisioning.All[provisioning.Notice](w.ledger.Snapshot()) {
		count[n.State]++
	}
	return count
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func newLedgerWith(p provisioning.Person) *provisioningtest.Ledger {
	return provisioningtest.NewLedger(p)
}
