package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// fleet is the desks of one site and the one verifier they share. The site's secret is the same at
// each, as it is where tokens change desks.
type fleet struct {
	t       *testing.T
	dir     string
	central *central
	desks   map[string]*whole
	log     *journal
}

func newFleet(t *testing.T, groups *verifier.Membership) *fleet {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole desk takes its time")
	}
	f := &fleet{t: t, dir: t.TempDir(), desks: map[string]*whole{}, log: &journal{}}
	var err error
	f.central, err = newCentral(settings{state: f.dir, verifier: "127.0.0.1:0", groups: groups},
		f.log.logger())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.central.run(ctx) }()
	t.Cleanup(func() {
		f.central.caller.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the verifier ended with: %v", err)
		}
		f.central.close()
		if t.Failed() {
			t.Logf("the verifier's log:\n%s", f.log)
		}
	})
	return f
}

// desk opens one more desk of the site, and lets its officer in.
func (f *fleet) desk(id string) *whole {
	f.t.Helper()
	state := filepath.Join(f.dir, id)
	credentials := filepath.Join(state, "desk", "credentials")
	if err := os.MkdirAll(credentials, 0o700); err != nil {
		f.t.Fatal(err)
	}
	for _, first := range f.desks {
		const name = "site-secret"
		secret, err := os.ReadFile(filepath.Join(first.settings.state, "desk", "credentials", name))
		err = cmp.Or(err, os.WriteFile(filepath.Join(credentials, name), secret, 0o600))
		if err != nil {
			f.t.Fatal(err)
		}
		break
	}
	w := unlocked(f.t, settings{site: "um", id: id, state: state, central: f.central})
	f.desks[id] = w
	return w
}

// knows waits until a desk has heard of another's token.
func (w *whole) knows(key *virtual.Key, state provisioning.SiteState) {
	w.t.Helper()
	w.until("the desk has heard of the token", func() bool {
		t, _ := provisioning.LentElsewhere(w.desk.Snapshot(), tokenID(key))
		return t.State == state
	})
}

func tokenID(key *virtual.Key) provisioning.TokenID {
	return provisioning.TokenID("yubikey/" + spelt(key))
}

// find looks a token up by its serial.
func (w *whole) find(key *virtual.Key) {
	w.t.Helper()
	w.b.Open("/tokens")
	w.b.Press("Find", "serial", spelt(key))
}

// TestFleetLost: lent at one desk, reported lost at another. From the tap on it is refused within a
// second, the first desk says who reported it, on the token's page and on the person's, and only it
// tells the person; it alone lifts the suspension.
func TestFleetLost(t *testing.T) {
	t.Parallel()
	f := newFleet(t, nil)
	a, b := f.desk("icto"), f.desk("library")
	p, key := a.person("CHAN"), a.key(17390102)
	a.lend(p, key)
	b.knows(key, provisioning.SiteActive)
	otp := a.typed(key)

	b.find(key)
	b.sees("Lent by desk icto", spelt(key))
	b.hides(p.Name, string(p.ID))
	tapped := time.Now()
	b.b.Press("Lost, no card: suspend it")
	b.until("the verifier has suspended it", func() bool { return b.held("suspended") == 1 })
	if took := time.Since(tapped); took > time.Second {
		t.Errorf("in force %v after the tap", took)
	} else {
		t.Logf("in force %v after the tap", took.Round(time.Millisecond))
	}
	b.signIn(p, otp, false)
	b.sees("Suspended", "Suspended at desk library by "+b.people[4].Name)

	a.until("the first desk has heard", func() bool {
		loan, _ := provisioning.OpenLoan(a.desk.Snapshot(), p.ID)
		return loan.State == provisioning.LoanSuspended
	})
	a.find(key)
	a.sees("Suspended at desk library by " + b.people[4].Name)
	a.card(p)
	a.says("Suspended", "Suspended at desk library by "+b.people[4].Name)
	const suspended = "was reported lost and"
	if a.letters(suspended) == 0 || b.letters(suspended) != 0 {
		t.Errorf("%d letters from the desk that lent it, %d from the other", a.letters(suspended),
			b.letters(suspended))
	}

	a.b.Press("Lift suspension", "match", "yes", "evidence", "university_card")
	a.plug(key)
	a.sees("Lift the suspension?")
	a.b.Press("Lift it")
	b.knows(key, provisioning.SiteActive)
	a.finish()
	a.works(p, key)
}

// letters counts those of a desk that say something, once its outbox is empty.
func (w *whole) letters(saying string) (n int) {
	w.t.Helper()
	w.until("the notices are on their way", func() bool {
		return provisioning.WaitingNotices(w.desk.Snapshot()) == 0
	})
	for _, l := range w.post.Letters() {
		if strings.Contains(fmt.Sprint(l), saying) {
			n++
		}
	}
	return n
}

// TestFleetReturn: lent at one desk, brought back to another, which wipes it and puts it into its
// own drawer; the loan ends where it began.
func TestFleetReturn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, nil)
	a, b := f.desk("icto"), f.desk("library")
	p, key := a.person("CHAN"), a.key(17390102)
	a.lend(p, key)
	b.knows(key, provisioning.SiteActive)

	// The person cannot borrow a second one here, and is known without a name having passed.
	b.card(p)
	b.says("This person has a token from another desk: icto")
	b.hides("Phone cannot run the app")
	b.b.Press("Token from another desk", "match", "yes", "evidence", "university_card")
	b.says("Lent by desk icto", spelt(key))
	b.b.Follow("Back")
	b.b.Press("End this visit")

	b.plug(key)
	b.b.Open("/ready")
	b.sees("Lent by desk icto")
	b.b.Follow("See what can be done")
	b.b.Press("The token is here: take it back")
	b.sees("Wipe this token?", "Another desk lent this token, and it was taken back here")
	b.b.Press("Wipe and put it back")
	b.sees("In the drawer")
	b.pull(key)

	a.until("the loan has ended at the first desk", func() bool {
		_, open := provisioning.OpenLoan(a.desk.Snapshot(), p.ID)
		return !open
	})
	a.find(key)
	a.sees("Taken back at desk library by "+b.people[4].Name, "Another desk took this token back")
	other := b.key(17390103)
	b.lend(p, other)
	b.works(p, other)
}

// TestFleetTwice: one person, two desks, both lend at once while neither can hear of the other. One
// wins; at the other the token is a task, which its wipe ends.
func TestFleetTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t, nil)
	a, b := f.desk("icto"), f.desk("library")
	p, one, two := a.person("CHAN"), a.key(17390102), b.key(17390103)
	a.toTouch(p, one)
	b.toTouch(p, two)
	f.central.connect(false)
	for w, key := range map[*whole]*virtual.Key{a: one, b: two} {
		w.until("the token was touched", func() bool {
			w.press(key)
			time.Sleep(50 * time.Millisecond)
			v, _ := provisioning.Get[provisioning.Verifier](w.desk.Snapshot(), "verifier")
			w.b.Reload()
			return v.Published > v.Acked && w.b.Page.Says("Its code is right")
		})
	}
	f.central.connect(true)
	f.settledAll()

	winner, loser, won, lost := a, b, one, two
	if len(provisioning.Tasks(a.desk.Snapshot())) > 0 {
		winner, loser, won, lost = b, a, two, one
	}
	winner.sees("registered with the sign-in service and works now")
	winner.handOver(won)
	loser.b.Reload()
	loser.sees("already has one from desk " + winner.settings.id)
	if winner.held("active") != 1 {
		t.Errorf("%d tokens are active", winner.held("active"))
	}
	loser.b.Press("End this visit")
	loser.b.Open("/ready")
	loser.b.Follow("1 refusal to see to")
	loser.says("This token was not accepted: "+p.Name+" already has one from desk "+
		winner.settings.id, "Take it back and wipe it.", spelt(lost))
	loser.b.Follow("Wipe the token")
	loser.sees("Wipe this token?")
	loser.b.Press("Wipe and put it back")
	loser.sees("In the drawer")
	loser.b.Open("/tasks")
	loser.says("Nothing was refused.")
	winner.works(p, won)
}

// settledAll waits until the verifier has everything, and every desk its answers.
func (f *fleet) settledAll() {
	f.t.Helper()
	for _, w := range f.desks {
		w.settled()
		w.until("every proof is judged", func() bool {
			for c := range provisioning.Find[provisioning.Credential](w.desk.Snapshot(),
				provisioning.ByState, string(provisioning.CredentialProven)) {
				return c.ID == ""
			}
			return true
		})
	}
}

// TestFleetBounds: what a desk may not do, it is told in words, once the visit is over, too; and an
// officer says when it was seen to.
func TestFleetBounds(t *testing.T) {
	t.Parallel()
	admins := filepath.Join(t.TempDir(), "administrators")
	f := &fleet{t: t}
	p := people("um", time.Now())[0]
	if err := os.WriteFile(admins, []byte(p.Account+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	groups, err := verifier.NewMembership("", admins, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f = newFleet(t, groups)
	a := f.desk("icto")
	key := a.key(17390102)
	a.toCheck(p.Person, key)
	a.agree()
	a.write()
	a.sees("This desk may not give a token to this person")
	a.b.Press("End this visit")
	a.task("This desk may not give a token to this person", "Done")

	since := time.Now()
	if _, err := f.central.verifier.RevokeDesk("icto", since); err != nil {
		t.Fatal(err)
	}
	a.toCheck(a.person("WONG"), key)
	a.agree()
	a.write()
	a.sees("The sign-in service takes nothing from this desk any more")
	a.b.Press("End this visit")
	a.task("The sign-in service takes nothing from this desk any more", "Done")
	if n := a.held("active") + a.held("waiting"); n != 0 {
		t.Errorf("%d credentials came of it", n)
	}
}

// countsTasks: the operator and the monitoring are told of so many.
func (w *whole) countsTasks(n int) {
	w.t.Helper()
	status, err := w.client().Status(w.t.Context())
	if err != nil || status.Tasks != n {
		w.t.Errorf("the status counts %d tasks, %v", status.Tasks, err)
	}
	var figures strings.Builder
	line := fmt.Sprintf("\ntokendesk_tasks %d\n", n)
	err = w.client().Metrics(w.t.Context(), &figures)
	if err != nil || !strings.Contains(figures.String(), line) {
		w.t.Errorf("no %q among the figures, %v", line, err)
	}
}

// task reads the one task there is, and says that it is done.
func (w *whole) task(words, act string) {
	w.t.Helper()
	w.b.Open("/ready")
	w.b.Follow("1 refusal to see to")
	w.says(words)
	w.countsTasks(1)
	w.b.Press(act)
	w.says("Nothing was refused.")
}
