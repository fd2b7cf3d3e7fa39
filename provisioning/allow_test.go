package provisioning_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

func TestOpenStartsAVisit(t *testing.T) {
	person := provisioning.Person{ID: "e2", Account: "ng"}
	s := newScene(t, "", provisioning.Open{Person: person, Tapped: true})
	s.noVisit = true
	ledger, change := s.mustDecide(t)
	op := get[provisioning.OpResult](t, ledger, "op1")
	v := get[provisioning.Visit](t, ledger, string(op.Visit))
	want := provisioning.Visit{ID: op.Visit, Person: "e2", Officer: "lee", Opener: "lee", Position: -1,
		At:    noon,
		State: provisioning.VisitOpen, Step: provisioning.StepIdentify, PickUp: v.PickUp,
		Deadline: noon.Add(provisioning.IdleAfter)}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	if len(v.PickUp) != 9 || len(v.ID) != 32 {
		t.Errorf("id %q, pick-up %q", v.ID, v.PickUp)
	}
	if get[provisioning.Person](t, ledger, "e2") != person {
		t.Error("the person was not kept")
	}
	if e := change.Entry(); e.Actor != "lee" || e.Desk != "desk1" || e.Person != "e2" || !e.Synced {
		t.Errorf("entry %+v", e)
	}
}

func TestOpenFindsTheVisitThePersonHas(t *testing.T) {
	open := provisioning.Open{Person: provisioning.Person{ID: "e1", Account: "chan"}}
	cases := map[string]struct {
		set  func(*scene)
		same bool
	}{
		"open already": {func(*scene) {}, true},
		"held by the same officer": {func(s *scene) {
			s.visit.State, s.visit.Turned = provisioning.VisitHeld, true
		}, true},
		"parked by another": {func(s *scene) {
			s.visit.State, s.visit.Officer = provisioning.VisitParked, "wong"
		}, true},
		"left open by another": {func(s *scene) { s.visit.Officer = "wong" }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepVerify, open)
			if !c.same {
				s.visit.Step = provisioning.StepPlug
			}
			c.set(s)
			ledger, _ := s.mustDecide(t)
			op := get[provisioning.OpResult](t, ledger, "op1")
			if (op.Visit == visitID) != c.same {
				t.Fatalf("led to %q", op.Visit)
			}
			v := get[provisioning.Visit](t, ledger, string(op.Visit))
			if v.State != provisioning.VisitOpen || v.Officer != "lee" || v.Turned {
				t.Errorf("%+v", v)
			}
			_, live := provisioning.Get[provisioning.Visit](ledger.Snapshot(), string(visitID))
			if live != c.same {
				t.Error("the person has two visits, or none")
			}
		})
	}
}

// There is one counter: whoever works it now, what another officer left open there is held.
func TestOpenHoldsWhatAnotherLeftOpen(t *testing.T) {
	s := newScene(t, provisioning.StepChoose,
		provisioning.Open{Person: provisioning.Person{ID: "e2", Account: "ng"}})
	s.visit.Officer = "wong"
	ledger, _ := s.mustDecide(t)
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if v.State != provisioning.VisitHeld || !v.Deadline.Equal(noon.Add(provisioning.HeldFor)) {
		t.Errorf("%+v", v)
	}
}

func TestIdentity(t *testing.T) {
	s := newScene(t, provisioning.StepIdentify, provisioning.Confirm{
		Evidence: provisioning.EvidenceSupervisor, Voucher: "wong"})
	s.visit.Evidence = ""
	ledger, change := s.mustDecide(t)
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if v.Step != provisioning.StepChoose || v.Voucher != "wong" ||
		v.Evidence != provisioning.EvidenceSupervisor {
		t.Errorf("%+v", v)
	}
	if e := change.Entry(); e.Evidence != v.Evidence || e.Detail["voucher"] != "wong" {
		t.Errorf("entry %+v", e)
	}

	// A clock nobody set cannot say that a card has expired.
	s = newScene(t, provisioning.StepIdentify, provisioning.Confirm{
		Evidence: provisioning.EvidenceUniversityCard})
	s.person.CardUntil, s.order.Synced = noon.AddDate(0, 0, -1), false
	s.mustDecide(t)

	s = newScene(t, provisioning.StepIdentify, provisioning.Doubt{})
	ledger, change = s.mustDecide(t)
	if get[provisioning.Visit](t, ledger, string(visitID)).Step != provisioning.StepMismatch ||
		change.Entry().Outcome != provisioning.OutcomeRefused {
		t.Error("a doubtful face is not on record")
	}
}

// Taking a token back asks nobody who they are; a loss is taken from a person without any card.
func TestErrandsBeforeTheIdentityCheck(t *testing.T) {
	for errand, step := range map[provisioning.Errand]provisioning.Step{
		provisioning.ErrandReturn: provisioning.StepReturn,
		provisioning.ErrandLost:   provisioning.StepLost,
	} {
		s := newScene(t, provisioning.StepIdentify, provisioning.Choose{Errand: errand})
		s.lent().visit.Evidence = ""
		ledger, _ := s.mustDecide(t)
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if v.Step != step || v.Loan != loanID {
			t.Errorf("%s: %+v", errand, v)
		}
	}
}

func TestPluggedIsANoticeOrACheck(t *testing.T) {
	busy := func(state provisioning.TokenState) func(*scene) {
		return func(s *scene) {
			s.noToken = false
			s.token = provisioning.Token{ID: tokenID, Serial: "1234", State: state}
		}
	}
	cases := map[string]struct {
		info provisioning.TokenInfo
		set  func(*scene)
		want provisioning.Code
	}{
		"new to the desk": {info(), func(*scene) {}, ""},
		"in stock":        {info(), busy(provisioning.TokenStock), ""},
		"in doubt":        {info(), busy(provisioning.TokenDoubtful), ""},
		"aside":           {info(), busy(provisioning.TokenAside), provisioning.CodeTokenAside},
		"lost":            {info(), busy(provisioning.TokenLost), provisioning.CodeTokenLost},
		"on loan": {info(), func(s *scene) { s.lent(); s.loan.Person = "e7" },
			provisioning.CodeTokenLoaned},
		"in doubt and on loan": {info(), func(s *scene) {
			s.lent()
			s.loan.Person, s.token.State = "e7", provisioning.TokenDoubtful
		}, provisioning.CodeTokenLoaned},
		"no serial": {withSerial(""), func(*scene) {}, provisioning.CodeTokenNoSerial},
		"not the one in doubt": {withSerial("9999"), func(s *scene) {
			busy(provisioning.TokenDoubtful)(s)
			s.visit.Token, s.visit.Credential = tokenID, credID
		}, provisioning.CodeTokenOther},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepPlug, provisioning.Plugged{Token: c.info})
			c.set(s)
			s.order.By, s.order.Op = "", ""
			ledger, change := s.mustDecide(t)
			v := get[provisioning.Visit](t, ledger, string(visitID))
			if v.Problem != c.want || (v.Step == provisioning.StepCheck) != (c.want == "") {
				t.Errorf("step %s, problem %q", v.Step, v.Problem)
			}
			if c.want == "" && (v.Token != tokenID || v.Slot != 2 || v.Overwrites) {
				t.Errorf("%+v", v)
			}
			if change.Entry().Actor != provisioning.ActorDesk {
				t.Error("the desk did this itself")
			}
		})
	}
}

func TestSlotOneHoldsWhatTheMakerLeft(t *testing.T) {
	s := newScene(t, provisioning.StepCheck, provisioning.Pick{Slot: 1}).checked()
	ledger, _ := s.mustDecide(t)
	if v := get[provisioning.Visit](t, ledger, string(visitID)); v.Slot != 1 || !v.Overwrites {
		t.Errorf("%+v", v)
	}
}

func TestUnpluggedForgetsAllButDoubt(t *testing.T) {
	for _, inDoubt := range []bool{false, true} {
		s := newScene(t, provisioning.StepCheck, provisioning.Unplugged{}).checked()
		s.order.By, s.order.Op = "", ""
		if inDoubt {
			s.visit.Credential = credID
		}
		ledger, _ := s.mustDecide(t)
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if v.Step != provisioning.StepPlug || (v.Token != "") != inDoubt || v.Terms == "" {
			t.Errorf("in doubt %v: %+v", inDoubt, v)
		}
	}
}

func TestWriteIsAnIntent(t *testing.T) {
	s := newScene(t, provisioning.StepCheck, write()).checked()
	s.token.Generation, s.token.Slot, s.token.Credential = 2, 2, credID
	s.noCredent = false
	s.cred = provisioning.Credential{ID: credID, Token: tokenID, Slot: 2, Person: "e7",
		State: provisioning.CredentialActive}
	ledger, change := s.mustDecide(t)
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if v.Step != provisioning.StepWrite || v.Progress != provisioning.ProgressWriting ||
		!v.Deadline.IsZero() || v.Position != 0 {
		t.Errorf("visit %+v", v)
	}
	c := get[provisioning.Credential](t, ledger, "c2")
	if c.State != provisioning.CredentialPrepared || c.Loan != v.Loan || c.Visit != visitID {
		t.Errorf("credential %+v", c)
	}
	tok := get[provisioning.Token](t, ledger, string(tokenID))
	if tok.State != provisioning.TokenBusy || tok.Pending != provisioning.ActWrite ||
		tok.Generation != 3 || tok.Previous != 2 || tok.Credential != "c2" {
		t.Errorf("token %+v", tok)
	}
	if old := put[provisioning.Credential](t, change, string(credID)); old.Live() {
		t.Errorf("what the slot held is %s", old.State)
	}
	kinds := []feed.Kind{}
	for _, r := range change.Records() {
		kinds = append(kinds, r.Kind)
	}
	if diff := cmp.Diff([]feed.Kind{feed.KindState, feed.KindSeed}, kinds); diff != "" {
		t.Error(diff)
	}
	if e := change.Entry(); e.Outcome != provisioning.OutcomeIntended || e.Credential != "c2" ||
		e.Rule != "loan.reason.S43" {
		t.Errorf("entry %+v", e)
	}
	if _, open := provisioning.OpenLoan(ledger.Snapshot(), "e1"); open {
		t.Error("a loan began before anything was proven")
	}
	if get[provisioning.Verifier](t, ledger, "verifier").Published != 1 {
		t.Error("nobody notes that there is something to hold")
	}
}

func TestOverwriteIsConfirmed(t *testing.T) {
	full := write(func(w *provisioning.Write) {
		w.Hand.Token.Slots = []provisioning.SlotInfo{{Number: 2, Configured: true}}
	})
	confirmed := full
	confirmed.Overwrite = true
	newScene(t, provisioning.StepCheck, confirmed).checked().mustDecide(t)
	// What we wrote there ourselves is revoked first, so nobody needs to confirm.
	s := newScene(t, provisioning.StepCheck, full).checked()
	s.token.Slot, s.token.Credential = 2, "old"
	s.mustDecide(t)
}

func TestFiveLoansOfIdsDiffer(t *testing.T) {
	seen := map[provisioning.LoanID]bool{}
	for i := range 5 {
		s := newScene(t, provisioning.StepCheck, write()).checked()
		s.order.At = noon.Add(time.Duration(i))
		ledger, _ := s.mustDecide(t)
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if seen[v.Loan] {
			t.Error("an id was derived twice")
		}
		seen[v.Loan] = true
	}
}

func TestRefusalCarriesWhatTheSentenceNeeds(t *testing.T) {
	s := newScene(t, provisioning.StepChoose, provisioning.Choose{Errand: provisioning.ErrandLoan})
	s.lent().loan.Due = noon
	_, _, err := s.decide(t)
	var no *provisioning.Refusal
	if !errors.As(err, &no) {
		t.Fatal(err)
	}
	want := map[string]string{"serial": "1234", "due": "2026-11-23T04:00:00Z"}
	if diff := cmp.Diff(want, no.Params); diff != "" {
		t.Error(diff)
	}
}

// A desk that was told to keep what it did not write keeps it, whoever confirms.
func TestKeepForeign(t *testing.T) {
	full := write(func(w *provisioning.Write) {
		w.Overwrite = true
		w.Hand.Token.Slots = []provisioning.SlotInfo{{Number: 2, Configured: true}}
	})
	s := newScene(t, provisioning.StepCheck, full).checked()
	s.site.KeepForeign = true
	_, _, err := s.decide(t)
	if !errors.Is(err, provisioning.Refuse(provisioning.CodeSlotInUse)) {
		t.Errorf("%v", err)
	}
}

// S27: the token on loan counts as one of the devices, unless it was reported lost.
func TestAdviseSecond(t *testing.T) {
	none := newScene(t, provisioning.StepDone, nil)
	one, lost := newScene(t, provisioning.StepDone, nil).lent(), newScene(t, "", nil).suspended()
	for devices, want := range [][3]bool{{true, true, true}, {true, false, true}, {}} {
		for i, s := range []*scene{none, one, lost} {
			s.person.Devices = devices
			got := provisioning.AdviseSecond(s.ledger().Snapshot(), s.site, s.person)
			if got != want[i] {
				t.Errorf("%d devices, case %d: %v", devices, i, got)
			}
		}
	}
}
