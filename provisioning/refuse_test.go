package provisioning_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
)

type refusal struct {
	name string
	step provisioning.Step
	cmd  provisioning.Command
	set  func(*scene)
	code provisioning.Code
	// rule is what the entry names; empty when nothing may be recorded.
	rule string
}

func (r refusal) run(t *testing.T) {
	s := newScene(t, r.step, r.cmd)
	if r.set != nil {
		r.set(s)
	}
	ledger := s.ledger()
	change, err := provisioning.Decide(ledger.Snapshot(), s.site, s.order)
	if !errors.Is(err, provisioning.Refuse(r.code)) {
		t.Fatalf("got %v, want %s", err, r.code)
	}
	if r.rule == "" {
		if !change.IsZero() {
			t.Fatalf("recorded %+v", change.Entry())
		}
		return
	}
	entry := change.Entry()
	if entry.Rule != r.rule || entry.Outcome != provisioning.OutcomeRefused {
		t.Errorf("entry says rule %q, outcome %q; want %q", entry.Rule, entry.Outcome, r.rule)
	}
	if len(change.Rows()) != 1 || len(change.Records()) != 0 {
		t.Errorf("a refusal changed something: %d rows", len(change.Rows()))
	}
	op := put[provisioning.OpResult](t, change, "op1")
	if op.Refusal != r.code {
		t.Errorf("the op remembers %q", op.Refusal)
	}
	// Whatever happens meanwhile, the same form gets the same answer.
	commit(t, ledger, change)
	var again *provisioning.Repeated
	_, err = provisioning.Decide(ledger.Snapshot(), s.site, s.order)
	if !errors.As(err, &again) || !errors.Is(again.Refusal(), provisioning.Refuse(r.code)) {
		t.Errorf("posted again: %v", err)
	}
}

func runAll(t *testing.T, cases []refusal) {
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func TestFrameRefuses(t *testing.T) {
	end, choose := provisioning.End{}, provisioning.Choose{Errand: provisioning.ErrandReturn}
	runAll(t, []refusal{
		{"no op", provisioning.StepChoose, end, func(s *scene) { s.order.Op = "" },
			provisioning.CodeOpMissing, ""},
		{"desk order from a form", provisioning.StepPlug, provisioning.Plugged{Token: info()}, nil,
			provisioning.CodeOpMissing, ""},
		{"unknown officer", provisioning.StepChoose, end, func(s *scene) { s.noOfficer = true },
			provisioning.CodeOfficerUnknown, ""},
		{"unknown visit", provisioning.StepChoose, end, func(s *scene) { s.noVisit = true },
			provisioning.CodeVisitUnknown, ""},
		{"disabled", provisioning.StepChoose, end, func(s *scene) { s.officer.Disabled = true },
			provisioning.CodeOfficerDisabled, "officer.enabled"},
		{"disabled, no visit", provisioning.StepChoose, provisioning.Open{},
			func(s *scene) { s.officer.Disabled = true },
			provisioning.CodeOfficerDisabled, "officer.enabled"},
		{"own visit", provisioning.StepChoose, end, func(s *scene) { s.officer.Person = "e1" },
			provisioning.CodeOfficerIsPerson, "officer.not-person"},
		{"another's visit", provisioning.StepChoose, end, func(s *scene) { s.visit.Officer = "wong" },
			provisioning.CodeVisitOther, "officer.own-visit"},
		{"held", provisioning.StepChoose, choose,
			func(s *scene) { s.lent(); s.visit.State = provisioning.VisitHeld },
			provisioning.CodeVisitHeld, "visit.open"},
		{"parked", provisioning.StepDone, choose,
			func(s *scene) { s.lent(); s.visit.State = provisioning.VisitParked },
			provisioning.CodeVisitHeld, "visit.open"},
		{"turned", provisioning.StepCheck, end, func(s *scene) { s.visit.Turned = true },
			provisioning.CodeTurned, "visit.turned"},
		{"wrong step", provisioning.StepChoose, provisioning.Again{}, nil,
			provisioning.CodeWrongStep, "visit.step"},
		{"turn too early", provisioning.StepIdentify, provisioning.Turn{Away: true}, nil,
			provisioning.CodeWrongStep, "visit.step"},
		{"park too early", provisioning.StepWrite, provisioning.Park{}, nil,
			provisioning.CodeWrongStep, "visit.step"},
		{"back while writing", provisioning.StepWrite, provisioning.Back{}, nil,
			provisioning.CodeWrongStep, "visit.step"},
		{"back while wiping", provisioning.StepReturn, provisioning.Back{},
			func(s *scene) { s.visit.Progress = provisioning.ProgressWiping },
			provisioning.CodeWrongStep, "visit.step"},
	})
}

func TestOpenRefuses(t *testing.T) {
	open := provisioning.Open{Person: provisioning.Person{ID: "e2", Account: "ng"}}
	same := provisioning.Open{Person: provisioning.Person{ID: "e1", Account: "chan"}}
	runAll(t, []refusal{
		{"nobody", "", provisioning.Open{}, func(s *scene) { s.noVisit = true },
			provisioning.CodePersonUnnamed, "person.named"},
		{"self", "", provisioning.Open{Person: provisioning.Person{ID: "s9", Account: "lee"}},
			func(s *scene) { s.noVisit = true },
			provisioning.CodeOfficerIsPerson, "officer.not-person"},
		{"another is open", provisioning.StepChoose, open, nil,
			provisioning.CodeVisitOpen, "visit.one-open"},
		{"theirs is being written", provisioning.StepWrite, same,
			func(s *scene) { s.visit.Officer = "wong"; s.visit.State = provisioning.VisitHeld },
			provisioning.CodeVisitOther, "visit.one-per-person"},
		{"resume another's", provisioning.StepChoose, provisioning.Resume{},
			func(s *scene) { s.visit.Officer = "wong"; s.visit.State = provisioning.VisitHeld },
			provisioning.CodeVisitOther, "visit.whose"},
		{"resume beside another", provisioning.StepChoose, provisioning.Resume{},
			func(s *scene) {
				s.visit.State = provisioning.VisitHeld
				s.more = append(s.more, provisioning.Visit{ID: "v2", Person: "e2", Officer: "lee",
					State: provisioning.VisitOpen})
			}, provisioning.CodeVisitOpen, "visit.one-open"},
	})
}

func TestConfirmRefuses(t *testing.T) {
	card := provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard}
	word := func(by provisioning.OfficerID) provisioning.Confirm {
		return provisioning.Confirm{Evidence: provisioning.EvidenceSupervisor, Voucher: by}
	}
	at := provisioning.StepIdentify
	runAll(t, []refusal{
		{"unknown evidence", at, provisioning.Confirm{Evidence: "library_card"}, nil,
			provisioning.CodeEvidenceNotAccepted, "evidence.accepted"},
		{"expired card", at, card,
			func(s *scene) { s.person.CardUntil = noon.AddDate(0, 0, -1) },
			provisioning.CodeCardExpired, "card.expired"},
		{"replaced card", at, card, func(s *scene) { s.person.CardReplacedBy = "77" },
			provisioning.CodeCardReplaced, "card.replaced"},
		{"nobody's word", at, word(""), nil,
			provisioning.CodeSupervisorMissing, "supervisor.named"},
		{"own word", at, word("lee"), func(s *scene) { s.officer.Supervisor = true },
			provisioning.CodeSupervisorSame, "supervisor.other"},
		{"a colleague's word", at, word("wong"), func(s *scene) { s.supervisor.Supervisor = false },
			provisioning.CodeSupervisorNot, "supervisor.rank"},
		{"a disabled supervisor's", at, word("wong"),
			func(s *scene) { s.supervisor.Disabled = true },
			provisioning.CodeSupervisorNot, "supervisor.rank"},
		{"a stranger's", at, word("nobody"), nil,
			provisioning.CodeSupervisorNot, "supervisor.rank"},
		{"the person's own", at, word("wong"), func(s *scene) { s.supervisor.Person = "e1" },
			provisioning.CodeSupervisorIsPerson, "supervisor.not-person"},
	})
}

func TestChooseRefuses(t *testing.T) {
	choose := func(e provisioning.Errand) provisioning.Choose { return provisioning.Choose{Errand: e} }
	loan := choose(provisioning.ErrandLoan)
	at := provisioning.StepChoose
	runAll(t, []refusal{
		{"unknown", at, choose("gift"), nil, provisioning.CodeErrandUnknown, "errand.known"},
		{"none", at, choose(""), nil, provisioning.CodeErrandUnknown, "errand.known"},
		{"unchecked", provisioning.StepIdentify, loan, func(s *scene) { s.visit.Evidence = "" },
			provisioning.CodeWrongStep, "identity.checked"},
		{"alumni", at, loan, func(s *scene) { s.person.Role = "alumni" },
			provisioning.CodeRoleNotEligible, "loan.role.S6"},
		{"weak evidence", at, loan,
			func(s *scene) { s.site = unimas(t); s.visit.Evidence = provisioning.EvidenceSupervisor },
			provisioning.CodeEvidenceNotEnough, "loan.evidence"},
		{"has one", at, loan, func(s *scene) { s.lent() },
			provisioning.CodeLoanOpen, "loan.one-per-person"},
		{"has one suspended", at, loan, func(s *scene) { s.suspended() },
			provisioning.CodeLoanSuspended, "loan.one-per-person"},
		{"one is on its way", at, loan, func(s *scene) {
			s.more = append(s.more, provisioning.Credential{ID: "c9", Person: "e1", Token: otherID,
				Visit: "v9", State: provisioning.CredentialProven})
		}, provisioning.CodeLoanPending, "loan.one-per-person"},
		{"nothing to return", at, choose(provisioning.ErrandReturn), nil,
			provisioning.CodeLoanNone, "loan.exists"},
		{"nothing to lose", at, choose(provisioning.ErrandLost), nil,
			provisioning.CodeLoanNone, "loan.exists"},
		{"void too late", at, choose(provisioning.ErrandVoid),
			func(s *scene) { s.lent(); s.loan.At = noon.AddDate(0, 0, -2) },
			provisioning.CodeVoidTooLate, "void.last-visits"},
		{"nothing suspended", at, choose(provisioning.ErrandReinstate), func(s *scene) { s.lent() },
			provisioning.CodeLoanNotSuspended, "loan.suspended"},
	})
}

func TestAnswersRefuse(t *testing.T) {
	at := provisioning.StepCheck
	ask := func(reason string, seen bool) provisioning.Ask { return provisioning.Ask{reason, seen} }
	runAll(t, []refusal{
		{"no reason", at, ask("", true), nil, provisioning.CodeReasonMissing, "loan.reason.S43"},
		{"no such reason", at, ask("likes_it", true), nil,
			provisioning.CodeReasonUnknown, "loan.reason.S43"},
		{"phone not seen", at, ask("phone_unsupported", false), nil,
			provisioning.CodePhoneNotSeen, "loan.phone.S45"},
		{"officer agrees", at, provisioning.Agree{Terms: "2026-09"}, nil,
			provisioning.CodeNotTurned, "loan.terms.turned"},
		{"old terms", at, provisioning.Agree{Terms: "2020-01"},
			func(s *scene) { s.visit.Turned = true },
			provisioning.CodeTermsChanged, "loan.terms.S23"},
		{"no such slot", at, provisioning.Pick{Slot: 3}, func(s *scene) { s.checked() },
			provisioning.CodeSlotMissing, "token.slot"},
	})
}

func TestWriteRefuses(t *testing.T) {
	hand := func(i provisioning.TokenInfo) provisioning.Write {
		return write(func(w *provisioning.Write) { w.Hand.Token = i })
	}
	edited := func(edit func(*provisioning.TokenInfo)) provisioning.Write {
		i := info()
		edit(&i)
		return hand(i)
	}
	prepared := func(edit func(*provisioning.Prepared)) provisioning.Write {
		return write(func(w *provisioning.Write) { edit(&w.Prepared) })
	}
	type p = provisioning.Prepared
	at := provisioning.StepCheck
	cases := []refusal{
		{"alumni", at, write(), func(s *scene) { s.person.Role = "alumni" },
			provisioning.CodeRoleNotEligible, "loan.role.S6"},
		{"no reason", at, write(), func(s *scene) { s.visit.Reason = "" },
			provisioning.CodeReasonMissing, "loan.reason.S43"},
		{"phone not seen", at, write(), func(s *scene) { s.visit.PhoneSeen = false },
			provisioning.CodePhoneNotSeen, "loan.phone.S45"},
		{"no terms", at, write(), func(s *scene) { s.visit.Terms = "" },
			provisioning.CodeTermsMissing, "loan.terms.S23"},
		{"old terms", at, write(), func(s *scene) { s.visit.Terms = "2020-01" },
			provisioning.CodeTermsChanged, "loan.terms.S23"},
		{"no token in hand", at, provisioning.Write{}, nil,
			provisioning.CodeTokenAbsent, "token.present"},
		{"no token in the visit", at, write(), func(s *scene) { s.visit.Token = "" },
			provisioning.CodeTokenAbsent, "token.present"},
		{"another token", at, hand(withSerial("9999")), nil,
			provisioning.CodeTokenOther, "token.expected"},
		{"held by a program", at, write(func(w *provisioning.Write) {
			w.Hand = provisioning.Hand{Trouble: provisioning.Refuse(provisioning.CodeTokenHeld)}
		}), nil, provisioning.CodeTokenHeld, "token.reachable"},
		{"slot gone", at, edited(func(i *provisioning.TokenInfo) { i.Slots = i.Slots[:1] }), nil,
			provisioning.CodeSlotMissing, "token.slot"},
		{"six digits impossible", at, edited(func(i *provisioning.TokenInfo) { i.Digits = []int{8} }),
			nil, provisioning.CodeDigitsUnsupported, "token.digits"},
		{"slot in use", at, edited(func(i *provisioning.TokenInfo) {
			i.Slots = []provisioning.SlotInfo{{Number: 2, Configured: true}}
		}), nil, provisioning.CodeSlotInUse, "token.overwrite"},
		{"for another person", at, prepared(func(x *p) { x.Person = "e7" }), nil,
			provisioning.CodeWrongStep, "loan.prepared"},
		{"for another token", at, prepared(func(x *p) { x.Token = otherID }), nil,
			provisioning.CodeWrongStep, "loan.prepared"},
		{"seed of another credential", at, prepared(func(x *p) { x.Seed.Credential = "c7" }), nil,
			provisioning.CodeWrongStep, "loan.prepared"},
	}
	for i, c := range cases {
		cases[i].set = func(s *scene) {
			s.checked()
			if c.set != nil {
				c.set(s)
			}
		}
	}
	runAll(t, cases)
}

func TestWriteRefusesTokens(t *testing.T) {
	var cases []refusal
	states := map[provisioning.TokenState]provisioning.Code{
		provisioning.TokenLoaned:  provisioning.CodeTokenLoaned,
		provisioning.TokenLost:    provisioning.CodeTokenLost,
		provisioning.TokenAside:   provisioning.CodeTokenAside,
		provisioning.TokenDamaged: provisioning.CodeTokenDamaged,
		provisioning.TokenBusy:    provisioning.CodeTokenBusy,
	}
	for state, code := range states {
		cases = append(cases, refusal{"token " + string(state), provisioning.StepCheck, write(),
			func(s *scene) { s.checked().token.State = state }, code, "token.lendable"})
	}
	runAll(t, cases)
}

// lent sets a loan, and edits the scene.
func lent(more ...func(*scene)) func(*scene) {
	return func(s *scene) {
		s.lent()
		for _, m := range more {
			m(s)
		}
	}
}

func theirs(s *scene) { s.loan.Person = "e7" }

func due(s *scene) { s.loan.Fee.State = provisioning.FeeDue }

func TestReturnAndLostRefuse(t *testing.T) {
	long := strings.Repeat("x", 201)
	hand := provisioning.Hand{Token: info()}
	back := provisioning.TakeBack{Loan: loanID, Hand: hand}
	ret, lost := provisioning.StepReturn, provisioning.StepLost
	runAll(t, []refusal{
		{"return: another's loan", ret, back, lent(theirs), provisioning.CodeLoanUnknown, "loan.known"},
		{"return: no such loan", ret, provisioning.TakeBack{Loan: "l7", Hand: hand}, lent(),
			provisioning.CodeLoanUnknown, "loan.known"},
		{"return: closed", ret, back, lent(due, func(s *scene) {
			s.loan.State = provisioning.LoanLost
		}), provisioning.CodeLoanNotOpen, "loan.open"},
		{"return: another token", ret, provisioning.TakeBack{Loan: loanID,
			Hand: provisioning.Hand{Token: withSerial("9999")}}, lent(),
			provisioning.CodeTokenOther, "token.expected"},
		{"return: no token", ret, provisioning.TakeBack{Loan: loanID}, lent(),
			provisioning.CodeTokenAbsent, "token.present"},
		{"return: twice", ret, back, lent(func(s *scene) {
			s.visit.Progress = provisioning.ProgressWiping
		}), provisioning.CodeWrongStep, "visit.step"},
		{"return: wrong serial", ret, provisioning.TakeBack{Loan: loanID, ByHand: true, Serial: "9"},
			lent(), provisioning.CodeSerialMismatch, "return.serial"},
		{"lost: another's", lost, provisioning.ReportLost{Loan: loanID}, lent(theirs),
			provisioning.CodeLoanUnknown, "loan.known"},
		{"lost: lost already", lost, provisioning.ReportLost{Loan: loanID}, lent(due, func(s *scene) {
			s.loan.State = provisioning.LoanLost
		}), provisioning.CodeLoanNotOpen, "loan.open"},
		{"lost: long note", lost, provisioning.ReportLost{Loan: loanID, Note: long}, lent(),
			provisioning.CodeTextTooLong, "text.length"},
		{"lost: again without a card", lost, provisioning.ReportLost{Loan: loanID}, func(s *scene) {
			s.suspended()
			s.visit.Evidence = provisioning.EvidenceSupervisor
		}, provisioning.CodeLoanSuspended, "lost.again"},
		{"reinstate: another's", lost, provisioning.Reinstate{Loan: loanID}, func(s *scene) {
			s.suspended()
			s.visit.Token, s.loan.Person = tokenID, "e7"
		}, provisioning.CodeLoanUnknown, "loan.known"},
		{"reinstate: not suspended", lost, provisioning.Reinstate{Loan: loanID}, lent(),
			provisioning.CodeLoanNotSuspended, "loan.suspended"},
		{"reinstate: no card", lost, provisioning.Reinstate{Loan: loanID}, func(s *scene) {
			s.suspended()
			s.visit.Evidence = provisioning.EvidenceSupervisor
		}, provisioning.CodeEvidenceNotEnough, "reinstate.card"},
		{"reinstate: no token", lost, provisioning.Reinstate{Loan: loanID},
			func(s *scene) { s.suspended() }, provisioning.CodeTokenAbsent, "reinstate.token"},
		{"lost: being wiped", lost, provisioning.ReportLost{Loan: loanID}, lent(func(s *scene) {
			s.token.State, s.token.Pending = provisioning.TokenBusy, provisioning.ActWipe
		}), provisioning.CodeTokenBusy, "token.not-busy"},
	})
}

func TestSettlingRefuses(t *testing.T) {
	hand := provisioning.Hand{Token: info()}
	void := provisioning.Void{Loan: loanID, Reason: "wrong person"}
	fee := func(to provisioning.FeeState) provisioning.SettleFee {
		return provisioning.SettleFee{Loan: loanID, To: to, Reference: "R 17"}
	}
	choose := provisioning.StepChoose
	runAll(t, []refusal{
		{"void: no reason", choose, provisioning.Void{Loan: loanID, Reason: " "}, lent(),
			provisioning.CodeTextMissing, "text.present"},
		{"void: another's", choose, void, lent(theirs), provisioning.CodeLoanUnknown, "loan.known"},
		{"void: own loan, no visit", choose, void, lent(func(s *scene) {
			s.loan.Person, s.order.Visit = "s9", ""
		}), provisioning.CodeOfficerIsPerson, "officer.not-person"},
		{"void: suspended", choose, void, func(s *scene) { s.suspended() },
			provisioning.CodeLoanNotOpen, "loan.open"},
		{"void: two days ago", choose, void, lent(func(s *scene) {
			s.loan.At = noon.AddDate(0, 0, -2)
		}), provisioning.CodeVoidTooLate, "void.last-visits"},
		{"fee: none", choose, fee(provisioning.FeePaid), lent(),
			provisioning.CodeFeeNone, "fee.exists.S47"},
		{"fee: back to due", choose, fee(provisioning.FeeDue), lent(due),
			provisioning.CodeFeeStep, "fee.step"},
		{"fee: reversed unpaid", choose, fee(provisioning.FeeReversed), lent(due),
			provisioning.CodeFeeStep, "fee.step"},
		{"fee: no reference", choose, provisioning.SettleFee{Loan: loanID, To: provisioning.FeePaid},
			lent(due), provisioning.CodeTextMissing, "text.present"},
		{"aside: no token", provisioning.StepProblem, provisioning.SetAside{Note: "bent"},
			func(s *scene) { s.visit.Errand = provisioning.ErrandLoan },
			provisioning.CodeTokenAbsent, "token.present"},
		{"aside: a return", provisioning.StepProblem, provisioning.SetAside{Note: "bent"},
			lent(func(s *scene) { s.visit.Errand = provisioning.ErrandReturn }),
			provisioning.CodeWrongStep, "visit.step"},
		{"restock: never seen", "", provisioning.Restock{Token: "yubikey/5", Hand: hand}, nil,
			provisioning.CodeTokenUnknown, "token.known"},
		{"restock: on loan", "", provisioning.Restock{Token: tokenID, Hand: hand}, lent(),
			provisioning.CodeTokenLoaned, "token.not-loaned"},
		{"restock: not plugged in", "", provisioning.Restock{Token: tokenID},
			func(s *scene) { s.suspended() }, provisioning.CodeTokenAbsent, "token.present"},
	})
}
