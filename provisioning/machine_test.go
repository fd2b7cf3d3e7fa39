package provisioning_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// machine drives the rules with any order at any time, and any outcome of any hardware.
type machine struct {
	t      *rapid.T
	site   provisioning.Site
	ledger *provisioningtest.Ledger
	now    provisioning.Now
	ops    int
	visits []provisioning.VisitID
	creds  []provisioning.CredentialID
	loans  []provisioning.LoanID
	// passcodes are those ever issued; taken are those the verifier took.
	passcodes []provisioning.PasscodeID
	taken     map[provisioning.PasscodeID]bool
	// inStep are the credentials a good verdict was given for.
	inStep map[provisioning.CredentialID]bool
	// told is how far checkNotices has come, and how it found the credentials there.
	told  int
	stood map[string]provisioning.CredentialState
	// answers are what each op was answered with, by op id.
	answers map[provisioning.OpID]string
	orders  map[provisioning.OpID]provisioning.Order
}

var (
	people   = []provisioning.PersonID{"e1", "e2", "s9"}
	tokenIDs = []provisioning.TokenID{tokenID, otherID}
)

func TestMachine(t *testing.T) {
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	reached := map[provisioning.Act]int{}
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(t, rt, site)
		rt.Repeat(map[string]func(*rapid.T){
			"order": m.order, "likely": m.likely, "visit": m.whole, "again": m.again, "journal": m.journal,
			"wipe": m.wipe, "ack": m.ack, "time": m.time, "recover": m.recover, "": m.check,
			"loan": m.whole, "passcode": m.wholePasscode, "approve": m.approve, "answer": m.answer,
		})
		for _, c := range m.ledger.Changes() {
			if c.Entry().Outcome != provisioning.OutcomeRefused {
				reached[c.Entry().Act]++
			}
		}
	})
	if testing.Short() { // a fifth of the runs
		return
	}
	// The machine is worth something only if it gets everywhere.
	t.Logf("changes by act: %v", reached)
	for _, act := range []provisioning.Act{"loan.write", "token.proven", "token.failed", "loan.return",
		"token.wiped", "token.wipe-failed", "loan.lost", "visit.lapse", "verifier.ack", "passcode.issue",
		"passcode.reveal", "visit.approve"} {
		if reached[act] == 0 {
			t.Errorf("no run got as far as %s", act)
		}
	}
}

// newMachine starts with a counter where nothing was ever lent, or one loan, or one suspended.
func newMachine(t *testing.T, rt *rapid.T, site provisioning.Site) *machine {
	start := newScene(t, "", nil)
	start.officer.Person, start.noVisit = "s9", true
	m := &machine{t: rt, site: site, inStep: map[provisioning.CredentialID]bool{},
		taken:   map[provisioning.PasscodeID]bool{},
		answers: map[provisioning.OpID]string{}, orders: map[provisioning.OpID]provisioning.Order{},
		now: provisioning.Now{Desk: "desk1", At: noon, Synced: true}}
	switch rapid.IntRange(0, 2).Draw(rt, "start") {
	case 1:
		start.lent()
	case 2:
		start.suspended()
	}
	if !start.noLoan {
		start.loan.Reason, start.loan.Terms, start.loan.Evidence = "no_phone", "2026-09", "passport"
		m.inStep[credID] = true
		m.stood = map[string]provisioning.CredentialState{string(credID): start.cred.State}
		m.loans = []provisioning.LoanID{loanID}
	}
	start.person.Mail = "e1@example.edu"
	start.more = append(start.more, provisioning.NoticeChannels{Mail: true, Lang: "en"})
	m.ledger = start.ledger()
	return m
}

func pickOne[T any](t *rapid.T, from []T, name string) T {
	if len(from) == 0 {
		var none T
		return none
	}
	return rapid.SampledFrom(from).Draw(t, name)
}

// any command, with arguments that are sometimes right.
func (m *machine) any(t *rapid.T) provisioning.Command {
	loan := pickOne(t, m.loans, "loan")
	hand := provisioning.Hand{Token: withSerial(provisioning.SerialOf(pickOne(t, tokenIDs, "token")))}
	person := pickOne(t, people, "person")
	commands := []provisioning.Command{
		provisioning.Open{Person: provisioning.Person{ID: person, Account: string(person),
			Role: "student", Mail: string(person) + "@example.edu"}},
		provisioning.Confirm{Evidence: pickOne(t, []provisioning.Evidence{
			provisioning.EvidencePassport, provisioning.EvidenceUniversityCard,
			provisioning.EvidenceSupervisor}, "evidence"), Voucher: "wong"},
		provisioning.Choose{Errand: pickOne(t, []provisioning.Errand{provisioning.ErrandLoan,
			provisioning.ErrandReturn, provisioning.ErrandLost, provisioning.ErrandVoid,
			provisioning.ErrandReinstate, provisioning.ErrandPasscode}, "errand")},
		provisioning.AskSecond{Situation: "phone_lost"}, m.issue(t, m.open()),
		provisioning.RevokePasscode{Passcode: pickOne(t, m.passcodes, "passcode")},
		provisioning.Reveal{Held: rapid.Bool().Draw(t, "held")}, provisioning.Hide{},
		provisioning.Noted{}, provisioning.Doubt{}, provisioning.Back{}, provisioning.Again{}, provisioning.Park{},
		provisioning.Resume{}, provisioning.Hold{}, provisioning.End{}, provisioning.Stay{},
		provisioning.Ask{Reason: "no_phone"}, provisioning.Turn{Away: rapid.Bool().Draw(t, "away")},
		provisioning.Agree{Terms: m.site.Terms}, provisioning.Pick{Slot: 1},
		provisioning.SetAside{Note: "bent"}, m.write(t, hand),
		provisioning.ReportLost{Loan: loan}, provisioning.Reinstate{Loan: loan},
		provisioning.TakeBack{Loan: loan, Hand: hand},
		provisioning.TakeBack{Loan: loan, ByHand: true, Serial: "1234"},
		provisioning.Void{Loan: loan, Reason: "oops"},
		provisioning.SettleFee{Loan: loan, To: provisioning.FeePaid, Reference: "R"},
		provisioning.Restock{Token: hand.Token.ID(), Hand: hand},
		provisioning.Plugged{Token: hand.Token}, provisioning.Unplugged{},
	}
	return pickOne(t, commands, "command")
}

func (m *machine) write(t *rapid.T, hand provisioning.Hand) provisioning.Write {
	id := provisioning.CredentialID(fmt.Sprintf("c%d", m.ops))
	v := m.open()
	return provisioning.Write{Hand: hand, Overwrite: rapid.Bool().Draw(t, "overwrite"),
		Prepared: provisioning.Prepared{Credential: id, Person: v.Person, Token: v.Token,
			Seed: feed.Record{ID: "seed-" + string(id), Kind: feed.KindSeed, Credential: string(id)}}}
}

func (m *machine) open() (v provisioning.Visit) {
	for v = range provisioning.Find[provisioning.Visit](m.ledger.Snapshot(), provisioning.ByState,
		string(provisioning.VisitOpen)) {
	}
	return v
}

func (m *machine) order(t *rapid.T) {
	by := pickOne(t, []provisioning.OfficerID{"lee", "wong"}, "officer")
	m.post(t, m.any(t), by, pickOne(t, m.visits, "visit"))
}

// likely posts what the page of the open visit offers, so that runs get somewhere.
func (m *machine) likely(t *rapid.T) {
	v := m.open()
	hand := provisioning.Hand{Token: withSerial(provisioning.SerialOf(v.Token))}
	loan, _ := provisioning.OpenLoan(m.ledger.Snapshot(), v.Person)
	errand := provisioning.Choose{Errand: pickOne(t, []provisioning.Errand{provisioning.ErrandReturn,
		provisioning.ErrandLost, provisioning.ErrandReinstate}, "errand")}
	next := map[provisioning.Step][]provisioning.Command{
		"": {provisioning.Open{Person: provisioning.Person{ID: "e1", Account: "e1", Role: "staff",
			Mail: "e1@example.edu"}}},
		provisioning.StepIdentify: {provisioning.Confirm{Evidence: provisioning.EvidencePassport},
			provisioning.Confirm{Evidence: provisioning.EvidencePassport}, errand},
		provisioning.StepMismatch: {provisioning.End{}},
		provisioning.StepChoose: {m.any(t), errand,
			provisioning.Choose{Errand: provisioning.ErrandLoan}},
		provisioning.StepPlug: {provisioning.Plugged{
			Token: withSerial(provisioning.SerialOf(pickOne(t, tokenIDs, "plug")))}},
		provisioning.StepCheck: {provisioning.Ask{Reason: "no_phone"}, provisioning.Turn{Away: true},
			provisioning.Agree{Terms: m.site.Terms}, provisioning.Turn{}, m.write(t, hand)},
		provisioning.StepProblem: {provisioning.Again{}, provisioning.Back{}},
		provisioning.StepReturn: {provisioning.TakeBack{Loan: loan.ID,
			Hand: provisioning.Hand{Token: withSerial(provisioning.SerialOf(loan.Token))}}},
		provisioning.StepLost: {provisioning.ReportLost{Loan: loan.ID}, provisioning.Plugged{
			Token: withSerial(provisioning.SerialOf(loan.Token))}, provisioning.Reinstate{Loan: loan.ID}},
		provisioning.StepDone: {provisioning.End{}, m.any(t), errand,
			provisioning.Void{Loan: loan.ID, Reason: "wrong"}},
		provisioning.StepVerify: {provisioning.Park{}},
	}
	by := v.Officer
	if by == "" {
		by = pickOne(t, []provisioning.OfficerID{"lee", "wong"}, "officer")
	}
	if c := pickOne(t, next[v.Step], "next"); c != nil {
		m.post(t, c, by, v.ID)
	}
}

// whole is a visit in which everybody mostly does what the page asks for.
func (m *machine) whole(t *rapid.T) {
	for range rapid.IntRange(1, 40).Draw(t, "moves") {
		v := m.open()
		switch {
		case rapid.IntRange(0, 30).Draw(t, "crash") == 7:
			m.recover(t)
		case v.Step == provisioning.StepWrite:
			m.journal(t)
		case v.Step == provisioning.StepVerify:
			m.ack(t)
		case v.Progress == provisioning.ProgressWiping:
			m.wipe(t)
		default:
			m.likely(t)
		}
		m.check(t)
	}
}

func (m *machine) post(
	t *rapid.T, c provisioning.Command, by provisioning.OfficerID, visit provisioning.VisitID,
) {
	m.ops++
	o := provisioning.Order{By: by, Op: provisioning.OpID(fmt.Sprintf("op%d", m.ops)), Visit: visit,
		At: m.now.At, Synced: true, Desk: "desk1", Command: c}
	switch c.(type) {
	case provisioning.Plugged, provisioning.Unplugged:
		o.By, o.Op = "", ""
	}
	answer := m.decide(o)
	if o.Op != "" {
		m.answers[o.Op], m.orders[o.Op] = answer, o
	}
}

// decide posts an order and returns the answer in words.
func (m *machine) decide(o provisioning.Order) string {
	change, err := provisioning.Decide(m.ledger.Snapshot(), m.site, o)
	var again *provisioning.Repeated
	if errors.As(err, &again) {
		return fmt.Sprint(again.Result.Visit, again.Refusal())
	}
	var no *provisioning.Refusal
	if err != nil && !errors.As(err, &no) {
		m.t.Fatalf("neither allowed nor refused: %v", err)
	}
	if change.IsZero() {
		return ""
	}
	m.commit(change)
	for _, row := range change.Rows() {
		if op, ok := row.(provisioning.OpResult); ok {
			return fmt.Sprint(op.Visit, no)
		}
	}
	return ""
}

// again posts an old form: it changes nothing and says the same.
func (m *machine) again(t *rapid.T) {
	var known []provisioning.OpID
	for op, answer := range m.answers {
		if answer != "" {
			known = append(known, op)
		}
	}
	slices.Sort(known)
	op := pickOne(t, known, "op")
	if op == "" {
		return
	}
	before := len(m.ledger.Changes())
	if got := m.decide(m.orders[op]); got != m.answers[op] {
		t.Fatalf("%s said %q, and now %q", op, m.answers[op], got)
	}
	if len(m.ledger.Changes()) != before {
		t.Fatal("an old form changed something")
	}
}

func (m *machine) commit(c provisioning.Change) {
	_, err := m.ledger.Do(context.Background(),
		func(provisioning.Snapshot) (provisioning.Change, error) { return c, nil })
	if err != nil {
		m.t.Fatal(err)
	}
	if e := c.Entry(); e.Act == "" || e.Rule == "" || e.Actor == "" || e.Outcome == "" {
		m.t.Fatalf("the entry lacks something: %+v", e)
	}
	for _, row := range c.Rows() {
		switch row := row.(type) {
		case provisioning.Visit:
			m.visits = addNew(m.visits, row.ID)
		case provisioning.Credential:
			m.creds = addNew(m.creds, row.ID)
		case provisioning.Loan:
			m.loans = addNew(m.loans, row.ID)
		case provisioning.Passcode:
			m.passcodes = addNew(m.passcodes, row.ID)
		}
	}
}

func addNew[T comparable](to []T, x T) []T {
	if slices.Contains(to, x) {
		return to
	}
	return append(to, x)
}

// journal is any outcome of a write or touch, in time or too late.
func (m *machine) journal(t *rapid.T) {
	id, s := m.credential(t), m.ledger.Snapshot()
	steps := []func() (provisioning.Change, error){
		func() (provisioning.Change, error) { return provisioning.Wrote(s, m.now, id) },
		func() (provisioning.Change, error) { return provisioning.Mistouched(s, m.now, id, 1) },
		func() (provisioning.Change, error) {
			return provisioning.Proved(s, m.now, id, 1, feed.Record{ID: "proof-" + string(id),
				Kind: feed.KindProof, Credential: string(id)})
		},
		func() (provisioning.Change, error) {
			return provisioning.Failed(s, m.now, id, provisioning.CodePulledWriting, false)
		},
		func() (provisioning.Change, error) {
			return provisioning.Failed(s, m.now, id, provisioning.CodeWriteRefused, true)
		},
	}
	// The good ones come more often.
	m.outcome(steps[rapid.SampledFrom([]int{0, 0, 0, 1, 2, 2, 2, 3, 4}).Draw(t, "step")]())
}

func (m *machine) wipe(t *rapid.T) {
	id := pickOne(t, tokenIDs, "token")
	if rapid.Bool().Draw(t, "wiped") {
		m.outcome(provisioning.Wiped(m.ledger.Snapshot(), m.now, id))
	} else {
		m.outcome(provisioning.WipeFailed(m.ledger.Snapshot(), m.now, id, provisioning.CodeWipeUnknown))
	}
}

func (m *machine) outcome(c provisioning.Change, err error) {
	if err == nil {
		m.commit(c)
	} else if !errors.Is(err, provisioning.ErrJournalOver) {
		m.t.Fatal(err)
	}
}

// credential is the newest mostly, and sometimes an old one: a step that comes too late.
func (m *machine) credential(t *rapid.T) provisioning.CredentialID {
	if n := len(m.creds); n > 0 && rapid.IntRange(0, 4).Draw(t, "newest") > 0 {
		return m.creds[n-1]
	}
	return pickOne(t, m.creds, "credential")
}

func (m *machine) ack(t *rapid.T) {
	id := m.credential(t)
	verdict := feed.Verdict{Record: "proof-" + string(id), Credential: string(id),
		Outcome: rapid.SampledFrom([]feed.Outcome{feed.InStep, feed.InStep, feed.NoMatch,
			feed.Refused}).Draw(t, "outcome")}
	ack := feed.Ack{Position: m.ledger.Snapshot().Position(), Verdicts: []feed.Verdict{verdict}}
	if change, news := provisioning.Acked(m.ledger.Snapshot(), m.site, m.now, ack); news {
		if verdict.Outcome == feed.InStep {
			m.inStep[id] = true
		}
		m.commit(change)
	}
}

func (m *machine) time(t *rapid.T) {
	m.now.At = m.now.At.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Second,
		provisioning.IdleAfter, provisioning.HeldFor, provisioning.ParkedFor}).Draw(t, "later"))
	for _, id := range m.passcodes {
		if change, due := provisioning.LapsePasscode(m.ledger.Snapshot(), m.now, id); due {
			m.commit(change)
		}
	}
	for _, id := range m.visits {
		if change, due := provisioning.Lapse(m.ledger.Snapshot(), m.now, id); due {
			m.commit(change)
		}
	}
}

func (m *machine) recover(t *rapid.T) {
	for range 1000 {
		change, more := provisioning.Recover(m.ledger.Snapshot(), m.now)
		if !more {
			m.recovered(t)
			return
		}
		m.commit(change)
	}
	t.Fatal("recovery does not end")
}
