package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
)

// A desk as large as the targets speak of: every token was lent to somebody, but for those in the
// drawer, in doubt, and under the hands of visits that wait.
const (
	largeTokens  = 100_000
	largeStock   = 5_000
	largeWaiting = 40 // held visits, parked visits and tokens in doubt, each
)

// openLarge runs the demonstration on such a desk until stop is called.
func openLarge(b *testing.B) (st *stage, stop func()) {
	b.Helper()
	s, quiet := settings{site: "um", state: b.TempDir()}, slog.New(slog.DiscardHandler)
	newborn, stop := openStage(b, s, quiet, nil)
	stop() // which closes the store
	fillLarge(b, newborn)
	return openStage(b, s, quiet, func(st *stage) { writeLargeDirectory(b, st) })
}

// fillLarge writes the rows through the store's own write path, many in each change.
func fillLarge(b *testing.B, st *stage) {
	b.Helper()
	config, err := st.config()
	if err != nil {
		b.Fatal(err)
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		b.Fatal(err)
	}
	desk := provisioning.DeskID(config.Desk)
	large, err := store.Open(b.Context(), store.Options{Path: filepath.Join(config.State, "desk.db"),
		Key: keys.Desk, Desk: desk, Signer: keys.Log, Clock: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	const each = 500
	for at := 0; at < largeTokens; at += each {
		change := provisioning.NewChange(provisioning.Entry{At: time.Now(), Synced: true, Desk: desk,
			Actor: "operator:bench", Act: "token.import", Rule: "desk.import", Outcome: "done"})
		for i := at; i < at+each; i++ {
			change = change.Put(largeRows(i)...)
		}
		decide := func(provisioning.Snapshot) (provisioning.Change, error) { return change, nil }
		if _, err := large.Do(b.Context(), decide); err != nil {
			b.Fatal(err)
		}
	}
	if err := large.Close(); err != nil {
		b.Fatal(err)
	}
}

// largePerson is one of the people. Everybody is in the directory, also those without a token.
func largePerson(i int) provisioning.Person {
	return provisioning.Person{ID: provisioning.PersonID(fmt.Sprintf("BQ%06d", i)), Site: "um",
		Name: fmt.Sprintf("SAMPLE Person %06d", i), Role: "student", Unit: "Arts and Humanities",
		Account: fmt.Sprintf("bq%06d", i), Card: fmt.Sprintf("07%06d", i),
		CardUntil: time.Now().UTC().AddDate(1, 0, 0).Truncate(24 * time.Hour), Devices: 1}
}

// largeLoan is one of those who have a token on loan.
func largeLoan() int {
	const others = largeStock + 3*largeWaiting
	return others + rand.IntN(largeTokens-others)
}

func largeToken(i int) provisioning.TokenID {
	return provisioning.TokenID(fmt.Sprintf("yubikey/%d", 30_000_000+i))
}

// largeRows are the rows of one token, by what became of it.
func largeRows(i int) []provisioning.Row {
	now, person := time.Now().UTC(), largePerson(i)
	token := provisioning.Token{ID: largeToken(i), Serial: provisioning.SerialOf(largeToken(i)),
		Model: "YubiKey 5 NFC", Firmware: "5.4.3", State: provisioning.TokenStock, Since: now}
	if i < largeStock {
		return []provisioning.Row{token}
	}
	id := func(kind string) string { return fmt.Sprintf("%s%030x", kind, i) }
	token.State, token.Slot, token.Generation = provisioning.TokenLoaned, 2, 1
	token.Credential = provisioning.CredentialID(id("c0"))
	credential := provisioning.Credential{ID: token.Credential, Token: token.ID, Slot: 2, Digits: 6,
		Person: person.ID, Visit: provisioning.VisitID(id("a0")), Proof: id("b0"), Next: 1,
		Loan: provisioning.LoanID(id("d0")), State: provisioning.CredentialActive, Since: now}
	visit := provisioning.Visit{ID: credential.Visit, Person: person.ID, Officer: officers[0].id,
		State: provisioning.VisitHeld, Step: provisioning.StepChoose, Token: token.ID, Position: -1,
		Evidence: provisioning.EvidenceUniversityCard, At: now, Deadline: now.Add(12 * time.Hour)}
	switch n := i - largeStock; {
	case n < largeWaiting:
		token.State, credential.State = provisioning.TokenDoubtful, provisioning.CredentialDoubtful
		credential.Reason = string(provisioning.CodeInterrupted)
		return []provisioning.Row{person, token, credential}
	case n < 2*largeWaiting:
		token.State, token.Credential = provisioning.TokenAside, ""
		return []provisioning.Row{person, token, visit}
	case n < 3*largeWaiting:
		token.State, credential.State = provisioning.TokenAside, provisioning.CredentialProven
		visit.State, visit.Step = provisioning.VisitParked, provisioning.StepVerify
		visit.Errand, visit.Credential = provisioning.ErrandLoan, credential.ID
		visit.PickUp = fmt.Sprintf("K%04d", n)
		return []provisioning.Row{person, token, credential, visit}
	}
	loan := provisioning.Loan{ID: credential.Loan, Person: person.ID, Token: token.ID,
		Credential: credential.ID, Officer: officers[0].id, Visit: credential.Visit,
		State: provisioning.LoanOpen, Reason: "no_smartphone", PhoneSeen: true, Terms: "2026-09",
		Evidence: provisioning.EvidenceUniversityCard, At: now, Due: now.AddDate(0, 6, 0),
		Fee: provisioning.Fee{Amount: provisioning.Money{Minor: 23500, Label: "MOP$"}}}
	return []provisioning.Row{person, token, credential, loan}
}

// writeLargeDirectory puts everybody into the directory: those with a token and as many without.
func writeLargeDirectory(b *testing.B, st *stage) {
	b.Helper()
	people := make([]directory.Record, 0, 2*largeTokens)
	for _, p := range st.people {
		people = append(people, directory.Record{Person: p.Person})
	}
	for i := range 2 * largeTokens {
		people = append(people, directory.Record{Person: largePerson(i)})
	}
	config, err := st.config()
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	if err := directory.Write(&text, people); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(config.Directory, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
}

// milliseconds reports the median, the 99th percentile and the greatest of a kind of waiting.
func milliseconds(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		b.Fatalf("%s was never measured", what)
	}
	slices.Sort(took)
	at := func(part float64) float64 {
		return float64(took[int(part*float64(len(took)-1)+0.5)].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), what+"-p50-ms")
	b.ReportMetric(at(0.99), what+"-p99-ms")
	b.ReportMetric(at(1), what+"-max-ms")
}
