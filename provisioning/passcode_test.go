package provisioning_test

import (
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
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
