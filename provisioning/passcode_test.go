package provisioning_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

const passcodeID = provisioning.PasscodeID("p1")

// issue is an IssuePasscode as the runner completes it.
func issue(situation string, of provisioning.PasscodeType) provisioning.IssuePasscode {
	return provisioning.IssuePasscode{Situation: situation, Prepared: provisioning.PreparedPasscode{
		ID: "p2", Person: "e1", Type: of,
		Record: feed.Record{ID: "r2", Kind: feed.KindPasscode, Credential: "p2"}}}
}

// given is a passcode Chan has since an hour ago, and has seen.
func given(id provisioning.PasscodeID, of provisioning.PasscodeType) provisioning.Passcode {
	return provisioning.Passcode{ID: id, Person: "e1", Type: of, State: provisioning.PasscodeLive,
		Record: "r-" + string(id), At: noon.Add(-time.Hour), Until: noon.Add(23 * time.Hour),
		Revealed: noon.Add(-time.Hour), Keep: noon.Add(-time.Hour + provisioning.KeepFor)}
}

// approval is a second officer's, given a minute ago.
func approval(edit ...func(*provisioning.Approval)) provisioning.Approval {
	a := provisioning.Approval{Visit: visitID, Act: provisioning.ActPasscode, About: "phone_lost",
		Person: "e1", Officer: "wong", At: noon.Add(-time.Minute)}
	for _, e := range edit {
		e(&a)
	}
	return a
}

// asked: the visit is at a passcode, with this situation.
func (s *scene) asked(situation string, more ...provisioning.Row) *scene {
	s.visit.Errand, s.visit.Situation = provisioning.ErrandPasscode, situation
	s.visit.Opener = "lee"
	s.more = append(s.more, more...)
	return s
}

// The situation picks the type; nobody else does.
func TestSituationPicksThePasscode(t *testing.T) {
	week := 7 * 24 * time.Hour
	for situation, want := range map[string]struct {
		of   provisioning.PasscodeType
		life time.Duration
		uses int
	}{
		"phone_forgotten": {provisioning.PasscodeShort, 24 * time.Hour, 5},
		"phone_lost":      {provisioning.PasscodeLong, week, 0},
		"app_deleted":     {provisioning.PasscodeLong, week, 0},
	} {
		t.Run(situation, func(t *testing.T) {
			s := newScene(t, provisioning.StepSituation, issue(situation, want.of)).asked("")
			if want.of == provisioning.PasscodeLong {
				s.visit.Step = provisioning.StepSecond
				s.more = append(s.more, approval(func(a *provisioning.Approval) { a.About = situation }))
			}
			ledger, change := s.mustDecide(t)
			p := get[provisioning.Passcode](t, ledger, "p2")
			if p.Type != want.of || p.Until != noon.Add(want.life) || p.Uses != want.uses ||
				p.Count != 1 || p.State != provisioning.PasscodeIssued || p.Officer != "lee" {
				t.Errorf("%+v", p)
			}
			v := get[provisioning.Visit](t, ledger, string(visitID))
			if v.Step != provisioning.StepReveal || v.Passcode != "p2" || v.Position != 0 {
				t.Errorf("%+v", v)
			}
			if r := change.Records(); len(r) != 1 || r[0].Kind != feed.KindPasscode {
				t.Errorf("the feed gets %+v", r)
			}
			e := change.Entry()
			if e.Detail["situation"] != situation || e.Rule != "passcode.situation.S56" ||
				e.Credential != "p2" || e.Evidence == "" {
				t.Errorf("%+v", e)
			}
			if want.of == provisioning.PasscodeLong && (p.Second != "wong" ||
				e.Detail["second"] != "wong") {
				t.Errorf("approved by %q, the entry says %v", p.Second, e.Detail)
			}
			if n := provisioning.IssuedOn(ledger.Snapshot(), s.site, noon); n.Of("e1") != 1 ||
				n.Officers["lee"] != 1 || n.Total != 1 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

// Another profile: a list of single-use ones, for enrolling only, with a reason in words.
func TestTermsOfTheProfileAreKept(t *testing.T) {
	s := newScene(t, provisioning.StepChoose, issue("phone_lost", provisioning.PasscodeLong))
	site, err := provisioning.LoadSite("um-strict")
	if err != nil {
		t.Fatal(err)
	}
	s.site = site
	s.visit.Step = provisioning.StepSecond
	s.asked("phone_lost", approval())
	s.visit.Justification = "left on the ferry"
	c := issue("", provisioning.PasscodeLong)
	s.order.Command = c
	ledger, _ := s.mustDecide(t)
	p := get[provisioning.Passcode](t, ledger, "p2")
	if !p.Enrol || p.Uses == 0 || p.Justification != "left on the ferry" {
		t.Errorf("%+v", p)
	}
	c = issue("phone_forgotten", provisioning.PasscodeShort)
	s.order.Command, s.visit.Step = c, provisioning.StepChoose
	ledger, _ = s.mustDecide(t)
	if p := get[provisioning.Passcode](t, ledger, "p2"); p.Count != 5 || p.Uses != 1 {
		t.Errorf("%+v", p)
	}
}

func TestIssueTurnsTheScreenInTheSameTap(t *testing.T) {
	c := issue("phone_forgotten", provisioning.PasscodeShort)
	c.Turn = true
	s := newScene(t, provisioning.StepChoose, c)
	ledger, _ := s.mustDecide(t)
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if !v.Turned || v.Errand != provisioning.ErrandPasscode || v.Situation != "phone_forgotten" {
		t.Errorf("%+v", v)
	}
}

// One live short and one live long: the same type is replaced in the same change, the other stands.
func TestIssueReplacesTheSameType(t *testing.T) {
	s := newScene(t, provisioning.StepSituation,
		issue("phone_forgotten", provisioning.PasscodeShort)).asked("",
		given(passcodeID, provisioning.PasscodeShort), given("p9", provisioning.PasscodeLong))
	ledger, change := s.mustDecide(t)
	old := put[provisioning.Passcode](t, change, string(passcodeID))
	if old.EndReason != provisioning.PasscodeReplaced || old.Live() {
		t.Errorf("%+v", old)
	}
	revoked(t, change, passcodeID)
	if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); len(live) != 2 ||
		live[0].ID != "p2" || live[1].ID != "p9" {
		t.Errorf("%+v", live)
	}
}

// revoked: the change tells the verifier that a passcode ended.
func revoked(t *testing.T, c provisioning.Change, id provisioning.PasscodeID) {
	t.Helper()
	for _, r := range c.Records() {
		if r.Credential == string(id) && r.State == feed.StateRevoked {
			return
		}
	}
	t.Errorf("the verifier is not told that %s ended: %+v", id, c.Records())
}

// A site with recovery passcodes gives them at the desk, too.
func TestRecoveryAtTheDesk(t *testing.T) {
	s := newScene(t, provisioning.StepSituation, issue(provisioning.SituationRecovery,
		provisioning.PasscodeRecovery)).asked("")
	ledger, _ := s.mustDecide(t)
	if p := get[provisioning.Passcode](t, ledger, "p2"); p.Type != provisioning.PasscodeRecovery ||
		p.Uses != 2 || p.Officer != "lee" {
		t.Errorf("%+v", p)
	}
}

// Whatever leaves a passcode behind that nobody saw, revokes it.
func TestLeavingOneUnseenRevokesIt(t *testing.T) {
	for name, c := range map[string]provisioning.Command{
		"another type":   issue("recovery", provisioning.PasscodeRecovery),
		"the same again": issue("", provisioning.PasscodeShort),
		"a second word":  provisioning.AskSecond{Situation: "phone_lost"},
		"the end":        provisioning.End{},
	} {
		p := given(passcodeID, provisioning.PasscodeShort)
		p.Visit, p.Revealed, p.Keep = visitID, time.Time{}, noon.Add(time.Minute)
		s := newScene(t, provisioning.StepReveal, c).asked("phone_forgotten", p)
		s.visit.Passcode = passcodeID
		_, change := s.mustDecide(t)
		t.Run(name, func(t *testing.T) { revoked(t, change, passcodeID) })
	}
}

func TestRevokeIsOneTap(t *testing.T) {
	for _, step := range []provisioning.Step{provisioning.StepChoose, provisioning.StepSituation,
		provisioning.StepReveal, provisioning.StepDone} {
		s := newScene(t, step, provisioning.RevokePasscode{Passcode: passcodeID})
		s.more = []provisioning.Row{given(passcodeID, provisioning.PasscodeLong)}
		if step == provisioning.StepReveal {
			s.visit.Passcode = passcodeID
		}
		ledger, change := s.mustDecide(t)
		revoked(t, change, passcodeID)
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if v.Step != provisioning.StepDone || v.PasscodeEnd != provisioning.PasscodeRevoked ||
			v.Position != 0 {
			t.Errorf("from %s: %+v", step, v)
		}
		if len(provisioning.LivePasscodes(ledger.Snapshot(), "e1")) != 0 {
			t.Error("it lives on")
		}
	}
}

// Revoking another one while a new one waits to be seen leaves that one in hand.
func TestRevokeAnotherWhileOneIsRevealed(t *testing.T) {
	fresh := given(passcodeID, provisioning.PasscodeShort)
	fresh.Revealed, fresh.Keep = time.Time{}, noon.Add(time.Minute)
	s := newScene(t, provisioning.StepReveal, provisioning.RevokePasscode{Passcode: "p9"}).asked(
		"phone_forgotten", fresh, given("p9", provisioning.PasscodeLong))
	s.visit.Passcode = passcodeID
	ledger, _ := s.mustDecide(t)
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if v.Step != provisioning.StepReveal || v.Passcode != passcodeID {
		t.Errorf("%+v", v)
	}
}

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

func TestRevealHideNoted(t *testing.T) {
	s := newScene(t, provisioning.StepReveal, provisioning.Reveal{Held: true}).asked("phone_forgotten")
	p := given(passcodeID, provisioning.PasscodeShort)
	p.Revealed, p.Keep = time.Time{}, noon.Add(time.Minute)
	s.visit.Passcode, s.visit.Turned, s.more = passcodeID, true, []provisioning.Row{p}
	ledger, change := s.mustDecide(t)
	v := get[provisioning.Visit](t, ledger, string(visitID))
	if v.ShownUntil != noon.Add(provisioning.ShowFor) || change.Entry().Act != "passcode.reveal" {
		t.Errorf("%+v, %+v", v, change.Entry())
	}
	if got := get[provisioning.Passcode](t, ledger, string(passcodeID)); got.Revealed != noon {
		t.Errorf("%+v", got)
	}
	for i, c := range []provisioning.Command{provisioning.Hide{}, provisioning.Noted{}} {
		s.order.Command, s.order.Op = c, provisioning.OpID(rune('a'+i))
		change, err := provisioning.Decide(ledger.Snapshot(), s.site, s.order)
		if err != nil {
			t.Fatal(err)
		}
		commit(t, ledger, change)
	}
	if v, open := provisioning.Get[provisioning.Visit](ledger.Snapshot(), string(visitID)); open {
		t.Errorf("the person has it, and the visit goes on: %+v", v)
	}
	got := get[provisioning.Passcode](t, ledger, string(passcodeID))
	if got.State != provisioning.PasscodeLive {
		t.Errorf("%+v", got)
	}
}

func TestApprove(t *testing.T) {
	for name, c := range map[string]struct {
		by   provisioning.OfficerID
		act  provisioning.Act
		set  func(*scene)
		code provisioning.Code
	}{
		"another officer":         {"wong", provisioning.ActPasscode, nil, ""},
		"the same officer":        {"lee", provisioning.ActPasscode, nil, provisioning.CodeSecondSame},
		"nobody":                  {"", provisioning.ActPasscode, nil, provisioning.CodeSecondNot},
		"an act that needs none":  {"wong", "loan.write", nil, provisioning.CodeWrongStep},
		"whoever opened it":       {"wong", provisioning.ActPasscode, func(s *scene) { s.visit.Opener = "wong" }, provisioning.CodeSecondSame},
		"the person":              {"wong", provisioning.ActPasscode, func(s *scene) { s.supervisor.Person = "e1" }, provisioning.CodeSecondIsPerson},
		"a disabled one":          {"wong", provisioning.ActPasscode, func(s *scene) { s.supervisor.Disabled = true }, provisioning.CodeSecondNot},
		"a held visit":            {"wong", provisioning.ActPasscode, func(s *scene) { s.visit.State = provisioning.VisitHeld }, provisioning.CodeVisitHeld},
		"nothing was asked":       {"wong", provisioning.ActPasscode, func(s *scene) { s.visit.Step = provisioning.StepChoose }, provisioning.CodeWrongStep},
		"a visit that is not one": {"wong", provisioning.ActPasscode, func(s *scene) { s.noVisit = true }, provisioning.CodeVisitUnknown},
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

// verdict gives the verifier's word on a passcode.
func verdict(
	t *testing.T, ledger *provisioningtest.Ledger, p provisioning.Passcode, o feed.Outcome,
) (provisioning.Change, bool) {
	t.Helper()
	site, err := provisioning.LoadSite("um")
	if err != nil {
		t.Fatal(err)
	}
	change, news := provisioning.Acked(ledger.Snapshot(), site,
		provisioning.Now{Desk: "desk1", At: noon, Synced: true}, feed.Ack{Verdicts: []feed.Verdict{
			{Record: p.Record, Credential: string(p.ID), Outcome: o}}})
	if news {
		commit(t, ledger, change)
	}
	return change, news
}

func TestVerdictOnAPasscode(t *testing.T) {
	type want struct {
		end     provisioning.PasscodeEnd
		step    provisioning.Step
		problem provisioning.Code
	}
	for name, c := range map[string]struct {
		issued, seen bool
		outcome      feed.Outcome
		want         want
	}{
		"taken": {true, false, feed.InStep, want{"", provisioning.StepReveal, ""}},
		"refused": {true, false, feed.Refused, want{provisioning.PasscodeRefused,
			provisioning.StepProblem, provisioning.CodePasscodeRefused}},
		"unreadable": {true, false, feed.Unreadable, want{provisioning.PasscodeRefused,
			provisioning.StepProblem, provisioning.CodePasscodeRefused}},
		"a word of another version": {true, false, "perhaps", want{provisioning.PasscodeRefused,
			provisioning.StepProblem, provisioning.CodePasscodeRefused}},
		"expired on its way": {true, false, feed.Expired, want{provisioning.PasscodeExpired,
			provisioning.StepProblem, provisioning.CodePasscodeGone}},
		"used up": {false, true, feed.UsedUp, want{provisioning.PasscodeUsed,
			provisioning.StepDone, ""}},
		"replaced elsewhere": {false, true, feed.Replaced, want{provisioning.PasscodeReplaced,
			provisioning.StepDone, ""}},
		"a new device": {false, true, feed.Voided, want{provisioning.PasscodeVoidEnrolled,
			provisioning.StepDone, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			p := given(passcodeID, provisioning.PasscodeShort)
			p.Visit = visitID
			if c.issued {
				p.State = provisioning.PasscodeIssued
			}
			if !c.seen {
				p.Revealed = time.Time{}
			}
			s := newScene(t, provisioning.StepReveal, nil).asked("phone_forgotten", p)
			s.visit.Passcode = passcodeID
			ledger := s.ledger()
			change, news := verdict(t, ledger, p, c.outcome)
			if !news || len(change.Records()) != 0 {
				t.Fatalf("news %v, the feed gets %+v", news, change.Records())
			}
			got := put[provisioning.Passcode](t, change, string(passcodeID))
			v := get[provisioning.Visit](t, ledger, string(visitID))
			if (want{got.EndReason, v.Step, v.Problem}) != c.want {
				t.Errorf("%+v at %s, problem %s", got, v.Step, v.Problem)
			}
			if got.EndReason == "" && got.State != provisioning.PasscodeLive {
				t.Errorf("%+v", got)
			}
			if _, again := verdict(t, ledger, p, c.outcome); again {
				t.Error("taken twice")
			}
		})
	}
}

// A device that is proven ends what the person had before it, and nothing the feed is told.
func TestANewDeviceEndsPasscodes(t *testing.T) {
	s := newScene(t, provisioning.StepVerify, nil).checked()
	s.noCredent = false
	s.cred = provisioning.Credential{ID: credID, Token: tokenID, Slot: 2, Person: "e1", Loan: loanID,
		Visit: visitID, State: provisioning.CredentialProven, Proof: "proof", Position: 9}
	s.visit.Credential = credID
	before, after := given(passcodeID, provisioning.PasscodeLong), given("p9", provisioning.PasscodeShort)
	before.Position, after.Position = 8, 10
	s.more = []provisioning.Row{before, after}
	ledger := s.ledger()
	change, _ := verdict(t, ledger, provisioning.Passcode{ID: provisioning.PasscodeID(credID),
		Record: "proof"}, feed.InStep)
	if p := put[provisioning.Passcode](t, change, string(passcodeID)); p.EndReason !=
		provisioning.PasscodeVoidEnrolled {
		t.Errorf("%+v", p)
	}
	if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); len(live) != 1 || live[0].ID != "p9" {
		t.Errorf("%+v", live)
	}
	if len(change.Records()) != 0 {
		t.Errorf("the feed gets %+v", change.Records())
	}
}

func TestLapsePasscode(t *testing.T) {
	fresh := given(passcodeID, provisioning.PasscodeShort)
	fresh.Visit, fresh.At, fresh.Until = visitID, noon, noon.Add(24*time.Hour)
	fresh.Revealed, fresh.Keep = time.Time{}, noon.Add(provisioning.KeepFor)
	waiting, seen := fresh, fresh
	waiting.State, seen.Revealed = provisioning.PasscodeIssued, noon
	for name, c := range map[string]struct {
		p    provisioning.Passcode
		at   time.Duration
		end  provisioning.PasscodeEnd
		step provisioning.Step
		told bool
	}{
		"the verifier is silent":   {waiting, provisioning.VerdictFor, provisioning.PasscodeUnanswered, provisioning.StepProblem, true},
		"nobody looked":            {fresh, provisioning.KeepFor, provisioning.PasscodeNotRevealed, provisioning.StepProblem, true},
		"expired":                  {seen, 24 * time.Hour, provisioning.PasscodeExpired, provisioning.StepDone, false},
		"waiting, and still early": {waiting, provisioning.VerdictFor - 1, "", "", false},
		"seen, and still good":     {seen, 24*time.Hour - 1, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepReveal, nil).asked("phone_forgotten", c.p)
			s.visit.Passcode = passcodeID
			ledger := s.ledger()
			now := provisioning.Now{Desk: "desk1", At: noon.Add(c.at), Synced: true}
			if due := c.p.Due(); (c.end == "") == !now.At.Before(due) {
				t.Errorf("due at %s", due)
			}
			change, due := provisioning.LapsePasscode(ledger.Snapshot(), now, passcodeID)
			if due != (c.end != "") {
				t.Fatalf("due: %v", due)
			}
			if !due {
				return
			}
			commit(t, ledger, change)
			if p := put[provisioning.Passcode](t, change, string(passcodeID)); p.EndReason != c.end {
				t.Errorf("%+v", p)
			}
			if v := get[provisioning.Visit](t, ledger, string(visitID)); v.Step != c.step {
				t.Errorf("%+v", v)
			}
			if c.told != (len(change.Records()) == 1) {
				t.Errorf("the feed gets %+v", change.Records())
			}
		})
	}
}

// What nobody saw before a visit ends, or before the desk stops, is revoked; what was seen stands.
func TestNothingUnseenLives(t *testing.T) {
	for _, seen := range []bool{true, false} {
		p := given(passcodeID, provisioning.PasscodeShort)
		p.Visit = visitID
		if !seen {
			p.Revealed = time.Time{}
		}
		scene := func() *scene {
			s := newScene(t, provisioning.StepReveal, provisioning.End{}).asked("phone_forgotten", p)
			s.visit.Passcode = passcodeID
			return s
		}
		ledger, _ := scene().mustDecide(t)
		if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); (len(live) == 1) != seen {
			t.Errorf("seen %v, and after the visit %+v", seen, live)
		}
		ledger = scene().ledger()
		for {
			change, more := provisioning.Recover(ledger.Snapshot(),
				provisioning.Now{Desk: "desk1", At: noon})
			if !more {
				break
			}
			commit(t, ledger, change)
			if change.Entry().Act == "passcode.recover" {
				revoked(t, change, passcodeID)
			}
		}
		if live := provisioning.LivePasscodes(ledger.Snapshot(), "e1"); (len(live) == 1) != seen {
			t.Errorf("seen %v, and after a restart %+v", seen, live)
		}
		v := get[provisioning.Visit](t, ledger, string(visitID))
		if !seen && (v.Step != provisioning.StepProblem || v.Problem != provisioning.CodePasscodeGone) {
			t.Errorf("the visit says %+v", v)
		}
	}
}
