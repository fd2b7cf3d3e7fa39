//go:build e2e

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/directory/directorytest"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/remote"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// try is one way to be wrong.
type try struct{ name, account, born, tail, password string }

// tries are those an attacker would tell apart. The account of the last one was tried too often.
func tries() []try {
	return []try{
		{"unknown account", "nobody1234", "29022004", "7(8)", "correct horse"},
		{"wrong birth date", "dc126543", "28022004", "7(8)", "correct horse"},
		{"wrong document", "dc126543", "29022004", "9999", "correct horse"},
		{"wrong password", "dc126543", "29022004", "7(8)", "wrong"},
		{"throttled", "tired", "29022004", "7(8)", "correct horse"},
	}
}

const (
	// triesEach is how often each of them is tried, at once with all the others.
	triesEach = 500
	// answerAfter is when a recovery is answered here.
	answerAfter = 400 * time.Millisecond
	// many people stand at the view at once.
	many = 40
)

// TestE2ERecoveryTellsNothing: over a real directory, with every way to be wrong tried in a random
// order, status, length and time of the answer are the same.
func TestE2ERecoveryTellsNothing(t *testing.T) {
	view := serveSelf(t)
	var mu sync.Mutex
	took, said := map[string][]time.Duration{}, map[string]string{}
	jobs := make(chan try)
	var people sync.WaitGroup
	for range many {
		people.Go(func() {
			b := kiosktest.New(t, view)
			for each := range jobs {
				d, answer := attempt(t, b, each)
				mu.Lock()
				took[each.name] = append(took[each.name], d)
				if before, ok := said[each.name]; ok && before != answer {
					t.Errorf("%s is answered in two ways: %s and %s", each.name, before, answer)
				}
				said[each.name] = answer
				mu.Unlock()
			}
		})
	}
	for i := range triesEach {
		list := tries()
		for j := range list {
			jobs <- list[(i+j)%len(list)]
		}
	}
	close(jobs)
	people.Wait()
	compare(t, took, said)
}

// compare holds every way to be wrong against the first.
func compare(t *testing.T, took map[string][]time.Duration, said map[string]string) {
	first := tries()[0].name
	at := func(name string, percent int) time.Duration {
		slices.Sort(took[name])
		return took[name][len(took[name])*percent/100]
	}
	for _, each := range tries() {
		t.Logf("%-18s p50 %v, p95 %v, %d times: %s", each.name, at(each.name, 50), at(each.name, 95),
			len(took[each.name]), said[each.name])
		if said[each.name] != said[first] {
			t.Errorf("%s is answered %s, %s with %s", each.name, said[each.name], first, said[first])
		}
		for _, percent := range []int{50, 95} {
			a, b := at(each.name, percent), at(first, percent)
			if diff := (a - b).Abs(); diff > b/20 {
				t.Errorf("%s: p%d is %v, and %v for %s: more than 5 %% apart", each.name, percent, a, b,
					first)
			}
		}
	}
}

// attempt answers every question, and times the last form alone.
func attempt(t *testing.T, b *kiosktest.Browser, each try) (took time.Duration, answer string) {
	b.Open("/")
	b.Press("Get a 2FA passcode")
	b.Press("Student")
	b.Press("Continue", "answer", each.account)
	b.Press("Continue", "answer", each.born)
	b.Press("Continue", "answer", each.tail)
	form := b.Form("Get the passcode", "password", each.password)
	began := time.Now()
	status, to := b.Deliver(form)
	took = time.Since(began)
	page := b.Open(to)
	if !page.Says("do not match") {
		t.Errorf("%s reads %s", each.name, page.Text)
	}
	// The name that was typed is shown again; everything else is as long.
	text := strings.ReplaceAll(page.HTML, each.account, "")
	return took, fmt.Sprintf("%d to %s, then %d with %d bytes", status, to, page.Status, len(text))
}

// serveSelf serves the unattended view over Debian's slapd.
func serveSelf(t *testing.T) string {
	server := directorytest.Slapd(t, directorytest.Crowd(1000))
	people, err := directory.NewLDAP(directory.LDAPParts{Config: server.Config(),
		Password: secret.NewPassword(directorytest.ServicePassword), Now: directorytest.Now,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	site.Recovery = provisioning.RecoveryLimits{PerAccount: 3 * triesEach, PerAddress: 1 << 30}
	ledger := provisioningtest.NewLedger()
	now := provisioning.Now{Desk: "demo-1", At: time.Now(), Synced: true}
	for range site.Recovery.PerAccount {
		_, err := ledger.Do(t.Context(), func(s provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.TryRecovery(s, site, now, "tired", "127.0.0.2")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	recoveries, err := remote.NewRecoveries(remote.Config{Ledger: ledger, Directory: people,
		Site: site, Desk: "demo-1", Clock: clock{}, Log: log}, nobody{}, answerAfter)
	if err != nil {
		t.Fatal(err)
	}
	self, err := kiosk.NewSelf(kiosk.Config{Visits: visits{ledger},
		Health: health{}, Site: site, Desk: "demo-1", Logger: log}, recoveries, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = people.Run(ctx) })
	running.Go(func() { _ = self.Run(ctx) })
	web := httptest.NewServer(self.Handler())
	t.Cleanup(func() { web.Close(); cancel(); running.Wait() })
	for end := time.Now().Add(10 * time.Second); !people.Up(ctx); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the directory does not come up")
		}
	}
	return web.URL
}

// nobody issues passcodes: here every answer is no.
type nobody struct{}

func (nobody) Away() *provisioning.Refusal { return nil }
func (nobody) IssueAlone(
	context.Context, provisioning.Person, string,
) (provisioning.PasscodeID, error) {
	return "", errors.New("a passcode was asked for")
}
func (nobody) Digits(provisioning.PasscodeID) ([]secret.Passcode, error)  { return nil, nil }
func (nobody) RevealAlone(context.Context, provisioning.PasscodeID) error { return nil }
func (nobody) Forget(provisioning.PasscodeID)                             {}

// visits is a counter nobody stands at.
type visits struct{ *provisioningtest.Ledger }

func (visits) Do(context.Context, provisioning.Order) (provisioning.VisitID, error) {
	return "", errors.New("nobody works here")
}
func (visits) Plugs() []provisioning.Plug { return nil }

type health struct{}

func (health) Health(context.Context) provisioning.Health {
	return provisioning.Health{VerifierUp: true, DirectoryUp: true, ClockSynced: true}
}

type clock struct{}

func (clock) Now() time.Time { return time.Now() }
func (clock) Synced() bool   { return true }
