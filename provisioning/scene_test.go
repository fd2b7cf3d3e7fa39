package provisioning_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// noon is a Monday at the counter, in Macau.
var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

const (
	visitID = provisioning.VisitID("v1")
	tokenID = provisioning.TokenID("yubikey/1234")
	otherID = provisioning.TokenID("yubikey/9999")
	loanID  = provisioning.LoanID("l1")
	credID  = provisioning.CredentialID("c1")
)

// scene is what stands before an order: edit its parts, then build it.
type scene struct {
	site                 provisioning.Site
	officer, supervisor  provisioning.Officer
	person               provisioning.Person
	visit                provisioning.Visit
	token                provisioning.Token
	loan                 provisioning.Loan
	cred                 provisioning.Credential
	more                 []provisioning.Row
	noVisit, noLoan      bool
	noToken, noPerson    bool
	noOfficer, noCredent bool
	order                provisioning.Order
}

// newScene: officer Lee has an open visit of Chan at the given step. No loan, no token known.
func newScene(t testing.TB, step provisioning.Step, c provisioning.Command) *scene {
	t.Helper()
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	return &scene{
		site:       site,
		officer:    provisioning.Officer{ID: "lee", Name: "Lee", Person: "s9"},
		supervisor: provisioning.Officer{ID: "wong", Person: "s8", Supervisor: true},
		person: provisioning.Person{ID: "e1", Account: "chan", Role: "student",
			CardUntil: noon.AddDate(1, 0, 0)},
		visit: provisioning.Visit{ID: visitID, Person: "e1", Officer: "lee", Position: -1,
			State: provisioning.VisitOpen, Step: step, Evidence: provisioning.EvidenceUniversityCard},
		noLoan: true, noToken: true, noCredent: true,
		order: provisioning.Order{By: "lee", Op: "op1", Visit: visitID, At: noon, Synced: true,
			Desk: "desk1", Command: c},
	}
}

// lent adds a token on loan to Chan since an hour ago.
func (s *scene) lent() *scene {
	s.noLoan, s.noToken, s.noCredent = false, false, false
	s.token = provisioning.Token{ID: tokenID, Serial: "1234", State: provisioning.TokenLoaned,
		Slot: 2, Credential: credID}
	s.cred = provisioning.Credential{ID: credID, Token: tokenID, Slot: 2, Person: "e1", Loan: loanID,
		State: provisioning.CredentialActive}
	s.loan = provisioning.Loan{ID: loanID, Person: "e1", Token: tokenID, Credential: credID,
		State: provisioning.LoanOpen, At: noon.Add(-time.Hour),
		Fee: provisioning.Fee{Amount: s.site.Fee}}
	s.visit.Loan = loanID
	return s
}

// suspended: as lent, reported lost without a card.
func (s *scene) suspended() *scene {
	s.lent()
	s.loan.State, s.token.State = provisioning.LoanSuspended, provisioning.TokenLost
	s.cred.State = provisioning.CredentialSuspended
	return s
}

// checked: everything before "Write and loan" is answered, the token is under the hand.
func (s *scene) checked() *scene {
	s.noToken = false
	s.token = provisioning.Token{ID: tokenID, Serial: "1234", State: provisioning.TokenStock}
	s.visit.Errand, s.visit.Token, s.visit.Slot = provisioning.ErrandLoan, tokenID, 2
	s.visit.Slots = info().Slots
	s.visit.Reason, s.visit.PhoneSeen, s.visit.Terms = "phone_unsupported", true, s.site.Terms
	return s
}

func (s *scene) ledger() *provisioningtest.Ledger {
	rows := append([]provisioning.Row{s.supervisor}, s.more...)
	for _, part := range []struct {
		absent bool
		row    provisioning.Row
	}{
		{s.noOfficer, s.officer}, {s.noPerson, s.person}, {s.noVisit, s.visit},
		{s.noToken, s.token}, {s.noLoan, s.loan}, {s.noCredent, s.cred},
	} {
		if !part.absent {
			rows = append(rows, part.row)
		}
	}
	return provisioningtest.NewLedger(rows...)
}

// decide commits the order and returns what was committed, and the refusal.
func (s *scene) decide(t testing.TB) (*provisioningtest.Ledger, provisioning.Change, error) {
	t.Helper()
	ledger := s.ledger()
	change, err := provisioning.Decide(ledger.Snapshot(), s.site, s.order)
	if !change.IsZero() {
		commit(t, ledger, change)
	}
	return ledger, change, err
}

func commit(t testing.TB, ledger *provisioningtest.Ledger, change provisioning.Change) {
	t.Helper()
	if _, err := ledger.Do(t.Context(),
		func(provisioning.Snapshot) (provisioning.Change, error) { return change, nil }); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) mustDecide(t testing.TB) (*provisioningtest.Ledger, provisioning.Change) {
	t.Helper()
	ledger, change, err := s.decide(t)
	if err != nil {
		t.Fatalf("%+v", errors.Unwrap(err))
	}
	return ledger, change
}

// info is a token as it says of itself: slot 1 in use by its maker, slot 2 empty.
func info() provisioning.TokenInfo {
	return provisioning.TokenInfo{Vendor: "yubikey", Model: "YubiKey 5 NFC", Serial: "1234",
		Firmware: "5.4.3", Digits: []int{6, 8}, Slots: []provisioning.SlotInfo{
			{Number: 1, Configured: true}, {Number: 2}}}
}

func withSerial(serial string) provisioning.TokenInfo {
	i := info()
	i.Serial = serial
	return i
}

// write is a Write as the runner completes it.
func write(edit ...func(*provisioning.Write)) provisioning.Write {
	w := provisioning.Write{Hand: provisioning.Hand{Token: info()}, Prepared: provisioning.Prepared{
		Credential: "c2", Seed: feed.Record{ID: "r1", Kind: feed.KindSeed, Credential: "c2"},
		Person: "e1", Token: tokenID, Generation: 3}}
	for _, e := range edit {
		e(&w)
	}
	return w
}

func get[R provisioning.Row](t testing.TB, l *provisioningtest.Ledger, key string) R {
	t.Helper()
	row, ok := provisioning.Get[R](l.Snapshot(), key)
	if !ok {
		t.Fatalf("no live %s %q", row.Kind(), key)
	}
	return row
}

// put finds the row of a change.
func put[R provisioning.Row](t testing.TB, c provisioning.Change, key string) R {
	t.Helper()
	var zero R
	for _, row := range c.Rows() {
		if row.Kind() == zero.Kind() && row.Key() == key {
			return row.(R)
		}
	}
	t.Fatalf("the change puts no %s %q", zero.Kind(), key)
	return zero
}

func unimas(t *testing.T) provisioning.Site {
	site, err := provisioning.LoadSite("unimas")
	if err != nil {
		t.Fatal(err)
	}
	return site
}
