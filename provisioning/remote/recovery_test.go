package remote_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/remote"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// desk is a ledger beside a directory of one person.
type desk struct {
	ledger *provisioningtest.Ledger
	config remote.Config
}

func newDesk(t *testing.T, rows ...provisioning.Row) desk {
	t.Helper()
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	site.Recovery = provisioning.RecoveryLimits{PerAccount: 3, PerAddress: 1000}
	path := filepath.Join(t.TempDir(), "people.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	err = directory.Write(file, []directory.Record{{
		Person: provisioning.Person{ID: "DC-12-6543", Site: site.ID, Name: "Chan Mei", Role: "student",
			Account: "chanmei", Mail: "chan@example.edu"},
		Born:         time.Date(2004, 2, 29, 0, 0, 0, 0, time.UTC),
		IdentityCard: "1234567(8)",
		PasswordHash: directory.HashPassword(secret.NewPassword("correct horse")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	people := directory.NewFile(directory.FileConfig{Path: path, Strip: []string{"@example.edu"},
		Now: time.Now})
	ledger := provisioningtest.NewLedger(rows...)
	return desk{ledger, remote.Config{Ledger: ledger, Directory: people, Site: site, Desk: "demo-1",
		Clock: wall{}, Log: slog.New(slog.DiscardHandler)}}
}

type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) Synced() bool   { return true }

// noPasscodes issues none.
type noPasscodes struct{ away *provisioning.Refusal }

var errIssued = errors.New("a passcode was asked for")

func (n noPasscodes) Away() *provisioning.Refusal { return n.away }
func (noPasscodes) IssueAlone(
	context.Context, provisioning.Person, string,
) (provisioning.PasscodeID, error) {
	return "", errIssued
}
func (noPasscodes) IssueByMail(
	context.Context, provisioning.Order, provisioning.IssueByMail,
) (provisioning.PasscodeID, error) {
	return "", errIssued
}
func (noPasscodes) Digits(provisioning.PasscodeID) ([]secret.Passcode, error)      { return nil, nil }
func (noPasscodes) RevealAlone(context.Context, provisioning.PasscodeID) error     { return nil }
func (noPasscodes) Forget(provisioning.PasscodeID)                                 {}
func (noPasscodes) Delivered(context.Context, provisioning.PasscodeID, bool) error { return nil }

// names are all the ways the directory finds one person.
var names = []string{"chanmei", "CHANMEI@example.edu", "DC-12-6543", "d c126543", "dc1265-43:"}

// Whoever has many names has one limit: no spelling of an account is a fresh start.
func TestTriesOfAllNamesCountTogether(t *testing.T) {
	d := newDesk(t)
	r, err := remote.NewRecoveries(d.config, noPasscodes{}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	claim := provisioning.Claim{Role: "student", DocumentTail: "7(8)",
		Born: time.Date(2004, 2, 29, 0, 0, 0, 0, time.UTC)}
	for i := range d.config.Site.Recovery.PerAccount {
		claim.Account = names[i]
		_, err := r.Recover(t.Context(), claim, secret.NewPassword("wrong"), "192.0.2.1")
		if !errors.Is(err, provisioning.Refuse(provisioning.CodeRecoveryNo)) {
			t.Fatal(err)
		}
	}
	before := len(d.ledger.Changes())
	for _, name := range names {
		claim.Account = name
		_, err := r.Recover(t.Context(), claim, secret.NewPassword("correct horse"), "192.0.2.1")
		if !errors.Is(err, provisioning.Refuse(provisioning.CodeRecoveryNo)) {
			t.Errorf("%s is tried afresh: %v", name, err)
		}
	}
	if after := len(d.ledger.Changes()); after != before {
		t.Errorf("%d tries were judged that should not", after-before)
	}
}

// A verifier that is away is told before anything is compared: later it would tell that the claim was
// right. No try is counted.
func TestTheVerifierIsAway(t *testing.T) {
	d := newDesk(t)
	away := noPasscodes{provisioning.Refuse(provisioning.CodeVerifierAway)}
	r, err := remote.NewRecoveries(d.config, away, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Closed(t.Context()); !errors.Is(got, away.away) {
		t.Errorf("the first page says %v", got)
	}
	before := len(d.ledger.Changes())
	for _, tail := range []string{"7(8)", "0000"} {
		_, err := r.Recover(t.Context(), provisioning.Claim{Role: "student", Account: "chanmei",
			DocumentTail: tail, Born: time.Date(2004, 2, 29, 0, 0, 0, 0, time.UTC)},
			secret.NewPassword("correct horse"), "192.0.2.1")
		if !errors.Is(err, away.away) {
			t.Errorf("%s: %v", tail, err)
		}
	}
	if after := len(d.ledger.Changes()); after != before {
		t.Errorf("%d changes", after-before)
	}
}

// Nor for the forms of officers.
func TestMissesOfAllNamesCountTogether(t *testing.T) {
	d := newDesk(t, provisioning.Officer{ID: "lee", Name: "Lee"})
	r, err := remote.NewRequests(d.config, noPasscodes{}, func(context.Context, provisioning.Person,
		provisioning.Passcode, []secret.Passcode) error {
		return errIssued
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		head := "9999"
		want := provisioning.CodeRequestNoMatch
		if i >= provisioning.RequestTries {
			head, want = "1234", provisioning.CodeRequestMisses
		}
		_, err := r.Answer(t.Context(), provisioning.MailForm{By: "lee",
			Op: provisioning.OpID(rune('a' + i)), Number: name, Head: head,
			Situation: "phone_forgotten", Justification: "wrote"})
		if refusal := (*provisioning.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
