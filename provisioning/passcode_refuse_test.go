package provisioning_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

func TestRefusePasscode(t *testing.T) {
	short := issue("phone_forgotten", provisioning.PasscodeShort)
	long := issue("phone_lost", provisioning.PasscodeLong)
	at := provisioning.StepSituation
	asked := func(more ...provisioning.Row) func(*scene) {
		return func(s *scene) { s.asked("phone_lost", more...) }
	}
	counted := func(edit func(*provisioning.Issuance, provisioning.PasscodeLimits)) func(*scene) {
		return func(s *scene) {
			day := provisioning.Issuance{Day: "2026-11-23"}
			edit(&day, s.site.PasscodeLimits)
			s.asked("", day)
		}
	}
	away := short
	away.Prepared.Trouble = provisioning.Refuse(provisioning.CodeVerifierAway)
	other, wrongType, noID := short, short, short
	other.Prepared.Person, wrongType.Prepared.Type = "e2", provisioning.PasscodeLong
	noID.Prepared.ID = ""
	runAll(t, []refusal{
		{"a site without", provisioning.StepChoose,
			provisioning.Choose{Errand: provisioning.ErrandPasscode},
			func(s *scene) { s.site = unimas(t) }, provisioning.CodeErrandUnknown, "passcode.offered"},
		{"identity not checked", provisioning.StepIdentify,
			provisioning.Choose{Errand: provisioning.ErrandPasscode},
			func(s *scene) { s.visit.Evidence = "" }, provisioning.CodeWrongStep, "identity.checked"},
		{"not on a passport", at, short, func(s *scene) {
			s.asked("").visit.Evidence = provisioning.EvidencePassport
		}, provisioning.CodeEvidenceNotEnough, "passcode.evidence.S52"},
		{"not for a guest", at, short, func(s *scene) { s.asked("").person.Role = "guest" },
			provisioning.CodeRoleNotEligible, "passcode.role.S6"},
		{"no such situation", at, issue("bored", provisioning.PasscodeShort), asked(),
			provisioning.CodeSituationUnknown, "passcode.situation.S56"},
		{"in another errand", provisioning.StepDone, short,
			func(s *scene) { s.visit.Errand = provisioning.ErrandReturn }, provisioning.CodeWrongStep,
			"visit.step"},
		{"at a loan", provisioning.StepCheck, short, nil, provisioning.CodeWrongStep, "visit.step"},
		{"a supervisor cannot pick the type", at, wrongType, asked(), provisioning.CodeWrongStep,
			"passcode.prepared"},
		{"sealed for somebody else", at, other, asked(), provisioning.CodeWrongStep,
			"passcode.prepared"},
		{"nothing sealed", at, noID, asked(), provisioning.CodeWrongStep, "passcode.prepared"},
		{"the verifier is away", at, away, asked(), provisioning.CodeVerifierAway,
			"passcode.verifier"},
		{"to oneself", at, short, func(s *scene) { s.asked("").officer.Person = "e1" },
			provisioning.CodeOfficerIsPerson, "officer.not-person"},
		{"as many as one may have", at, short, counted(func(day *provisioning.Issuance,
			most provisioning.PasscodeLimits) {
			*day = plus(*day, "e1", "other", most.Person)
		}), provisioning.CodePasscodesOfPerson, "passcode.limit.person"},
		{"as many as an officer may issue", at, short, counted(func(day *provisioning.Issuance,
			most provisioning.PasscodeLimits) {
			day.Officers = map[provisioning.OfficerID]int{"lee": most.Officer}
		}), provisioning.CodePasscodesOfOfficer, "passcode.limit.officer"},
		{"as many as a desk may issue", at, short, counted(func(day *provisioning.Issuance,
			most provisioning.PasscodeLimits) {
			day.Total = most.Desk
		}), provisioning.CodePasscodesOfDesk, "passcode.limit.desk"},

		{"no second officer", at, long, asked(), provisioning.CodeSecondMissing, "second.approved"},
		{"no second officer for the app", at, issue("app_deleted", provisioning.PasscodeLong), asked(),
			provisioning.CodeSecondMissing, "second.approved"},
		{"a second officer is not asked for a short one", at,
			provisioning.AskSecond{Situation: "phone_forgotten"}, asked(), provisioning.CodeWrongStep,
			"second.asked"},
		{"approved in another visit", at, long,
			asked(approval(func(a *provisioning.Approval) { a.Visit = "v9" })),
			provisioning.CodeSecondMissing, "second.approved"},
		{"approved for another act", at, long,
			asked(approval(func(a *provisioning.Approval) { a.Act = "loan.void" })),
			provisioning.CodeSecondMissing, "second.approved"},
		{"approved for another situation", at, issue("app_deleted", provisioning.PasscodeLong),
			asked(approval()), provisioning.CodeSecondMissing, "second.approved"},
		{"approved too long ago", at, long, asked(approval(func(a *provisioning.Approval) {
			a.At = noon.Add(-provisioning.ApprovalFor - time.Second)
		})), provisioning.CodeSecondLate, "second.fresh"},
		{"approved in the future", at, long, asked(approval(func(a *provisioning.Approval) {
			a.At = noon.Add(time.Second)
		})), provisioning.CodeSecondLate, "second.fresh"},
		{"approved by oneself", at, long, asked(approval(func(a *provisioning.Approval) {
			a.Officer = "lee"
		})), provisioning.CodeSecondSame, "second.other"},
		{"approved by whoever opened the visit", at, long, func(s *scene) {
			s.asked("phone_lost", approval()).visit.Opener = "wong"
		}, provisioning.CodeSecondSame, "second.other"},
		{"approved by nobody we know", at, long, asked(approval(func(a *provisioning.Approval) {
			a.Officer = "ghost"
		})), provisioning.CodeSecondNot, "second.known"},
		{"approved by one who was disabled since", at, long, func(s *scene) {
			s.asked("phone_lost", approval()).supervisor.Disabled = true
		}, provisioning.CodeSecondNot, "second.known"},
		{"approved by the person", at, long, func(s *scene) {
			s.asked("phone_lost", approval()).supervisor.Person = "e1"
		}, provisioning.CodeSecondIsPerson, "second.not-person"},

		{"revoke what is not there", provisioning.StepDone,
			provisioning.RevokePasscode{Passcode: "p7"}, nil, provisioning.CodePasscodeUnknown,
			"passcode.known"},
		{"revoke somebody else's", provisioning.StepDone,
			provisioning.RevokePasscode{Passcode: passcodeID}, func(s *scene) {
				p := given(passcodeID, provisioning.PasscodeShort)
				p.Person = "e2"
				s.more = append(s.more, p)
			}, provisioning.CodePasscodeUnknown, "passcode.known"},
	})
}

// plus counts n passcodes of a person, as the rules do.
func plus(
	day provisioning.Issuance, id provisioning.PersonID, by provisioning.OfficerID, n int,
) provisioning.Issuance {
	for range n {
		day = provisioning.Counted(day, id, by)
	}
	return day
}

func TestRefuseReveal(t *testing.T) {
	at := provisioning.StepReveal
	show := provisioning.Reveal{Held: true}
	with := func(edit func(*scene, *provisioning.Passcode)) func(*scene) {
		return func(s *scene) {
			p := given(passcodeID, provisioning.PasscodeShort)
			p.Keep = noon.Add(time.Minute)
			s.asked("phone_forgotten")
			s.visit.Passcode, s.visit.Turned = passcodeID, true
			edit(s, &p)
			s.more = append(s.more, p)
		}
	}
	runAll(t, []refusal{
		{"to the officer", at, show, with(func(s *scene, _ *provisioning.Passcode) {
			s.visit.Turned = false
		}), provisioning.CodeNotTurned, "reveal.turned"},
		{"before the verifier has it", at, show, with(func(_ *scene, p *provisioning.Passcode) {
			p.State = provisioning.PasscodeIssued
		}), provisioning.CodePasscodeWaiting, "reveal.accepted"},
		{"without the digits", at, provisioning.Reveal{}, with(func(*scene, *provisioning.Passcode) {}),
			provisioning.CodePasscodeGone, "reveal.held"},
		{"too late", at, show, with(func(_ *scene, p *provisioning.Passcode) { p.Keep = noon }),
			provisioning.CodePasscodeGone, "reveal.held"},
		{"one that ended", at, show, with(func(s *scene, _ *provisioning.Passcode) {
			s.visit.Passcode = "p7"
		}), provisioning.CodePasscodeUnknown, "passcode.known"},
		{"noted and never seen", at, provisioning.Noted{},
			with(func(_ *scene, p *provisioning.Passcode) { p.Revealed = time.Time{} }),
			provisioning.CodePasscodeNotSeen, "noted.revealed"},
		{"an officer's act while the screen is turned", at,
			provisioning.RevokePasscode{Passcode: passcodeID},
			with(func(*scene, *provisioning.Passcode) {}), provisioning.CodeTurned, "visit.turned"},
	})
}

func TestApprove(t *testing.T) {
	for name, c := range map[string]struct {
		by   provisioning.OfficerID
		act  provisioning.Act
		set  func(*scene)
		code provisioning.Code
	}{
		"another officer":        {"wong", provisioning.ActPasscode, nil, ""},
		"the same officer":       {"lee", provisioning.ActPasscode, nil, provisioning.CodeSecondSame},
		"nobody":                 {"", provisioning.ActPasscode, nil, provisioning.CodeSecondNot},
		"an act that needs none": {"wong", "loan.write", nil, provisioning.CodeWrongStep},
		"whoever opened it": {"wong", provisioning.ActPasscode,
			func(s *scene) { s.visit.Opener = "wong" },
			provisioning.CodeSecondSame},
		"the person": {"wong", provisioning.ActPasscode,
			func(s *scene) { s.supervisor.Person = "e1" },
			provisioning.CodeSecondIsPerson},
		"a disabled one": {"wong", provisioning.ActPasscode,
			func(s *scene) { s.supervisor.Disabled = true },
			provisioning.CodeSecondNot},
		"a held visit": {"wong", provisioning.ActPasscode,
			func(s *scene) { s.visit.State = provisioning.VisitHeld },
			provisioning.CodeVisitHeld},
		"nothing was asked": {"wong", provisioning.ActPasscode,
			func(s *scene) { s.visit.Step = provisioning.StepChoose },
			provisioning.CodeWrongStep},
		"a visit that is not one": {"wong", provisioning.ActPasscode,
			func(s *scene) { s.noVisit = true },
			provisioning.CodeVisitUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepSecond, nil).asked("phone_lost")
			if c.set != nil {
				c.set(s)
			}
			ledger := s.ledger()
			now := provisioning.Now{Desk: "desk1", At: noon, Synced: true}
			change, err := provisioning.Approve(ledger.Snapshot(), now, visitID, c.act, c.by)
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				commit(t, ledger, change)
				a := get[provisioning.Approval](t, ledger, approval().Key())
				if a.Officer != "wong" || a.About != "phone_lost" || a.At != noon {
					t.Errorf("%+v", a)
				}
				return
			}
			if !errors.Is(err, provisioning.Refuse(c.code)) {
				t.Fatalf("%v, want %s", err, c.code)
			}
			if len(change.Rows()) != 0 {
				t.Errorf("a refusal changed something: %+v", change.Rows())
			}
		})
	}
}

// An approval opens one passcode, and not the next.
func TestApprovalIsUsedOnce(t *testing.T) {
	s := newScene(t, provisioning.StepSecond, issue("", provisioning.PasscodeLong)).asked(
		"phone_lost", approval())
	ledger, _ := s.mustDecide(t)
	s.order.Op = "op2"
	change, err := provisioning.Decide(ledger.Snapshot(), s.site, s.order)
	if !errors.Is(err, provisioning.Refuse(provisioning.CodeSecondMissing)) {
		t.Errorf("issued again: %v", err)
	}
	commit(t, ledger, change)
}
