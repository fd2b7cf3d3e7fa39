package provisioning_test

import (
	"errors"
	"fmt"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// issue is an IssuePasscode as the runner would complete it for a visit, with a situation that is
// sometimes empty.
func (m *machine) issue(t *rapid.T, v provisioning.Visit) provisioning.IssuePasscode {
	situation := pickOne(t, []string{"phone_forgotten", "phone_forgotten", "phone_lost", ""},
		"situation")
	key := situation
	if key == "" {
		key = v.Situation
	}
	_, terms, _ := m.site.PasscodeFor(key)
	id := fmt.Sprintf("p%d", m.ops)
	return provisioning.IssuePasscode{Situation: situation, Turn: rapid.Bool().Draw(t, "turn"),
		Prepared: provisioning.PreparedPasscode{ID: provisioning.PasscodeID(id), Person: v.Person,
			Type:   terms.Type,
			Record: feed.Record{ID: "record-" + id, Kind: feed.KindPasscode, Credential: id}}}
}

// wholePasscode is a visit for a passcode, in which everybody mostly does what the page asks for.
func (m *machine) wholePasscode(t *rapid.T) {
	for range rapid.IntRange(1, 20).Draw(t, "moves") {
		v := m.open()
		switch {
		case v.Turned && v.Step != provisioning.StepReveal:
			m.post(t, provisioning.Turn{}, v.Officer, v.ID)
		case v.Step == provisioning.StepSecond && rapid.IntRange(0, 3).Draw(t, "second") == 0:
			m.approve(t)
		case v.Step == provisioning.StepReveal && rapid.IntRange(0, 2).Draw(t, "judged") == 0:
			m.answer(t)
		default:
			m.likelyPasscode(t, v)
		}
		m.check(t)
	}
}

func (m *machine) likelyPasscode(t *rapid.T, v provisioning.Visit) {
	ask := provisioning.Choose{Errand: provisioning.ErrandPasscode}
	revoke := provisioning.RevokePasscode{Passcode: v.Passcode}
	by := v.Officer
	if by == "" {
		by = "lee"
	}
	next := map[provisioning.Step][]provisioning.Command{
		"": {provisioning.Open{Person: provisioning.Person{ID: "e1", Account: "e1", Role: "staff",
			Mail: "e1@example.edu"}}},
		provisioning.StepIdentify: {provisioning.Confirm{
			Evidence: provisioning.EvidenceUniversityCard}},
		provisioning.StepChoose:    {ask, ask, m.issue(t, v)},
		provisioning.StepSituation: {m.issue(t, v), provisioning.AskSecond{Situation: "phone_lost"}},
		provisioning.StepSecond:    {m.issue(t, v)},
		provisioning.StepReveal: {provisioning.Turn{Away: true}, provisioning.Turn{Away: true}, revoke,
			provisioning.AskSecond{Situation: "phone_lost"}, m.issue(t, v)},
		provisioning.StepProblem: {provisioning.Again{}, m.issue(t, v), provisioning.Back{}},
		provisioning.StepDone:    {ask, revoke, m.issue(t, v), provisioning.End{}},
	}
	switch {
	case !v.ShownUntil.IsZero():
		next[v.Step] = []provisioning.Command{provisioning.Noted{}, provisioning.Hide{}}
	case v.Turned:
		show := provisioning.Reveal{Held: true}
		next[v.Step] = []provisioning.Command{show, show, show, provisioning.Turn{}}
	}
	if c := pickOne(t, next[v.Step], "next"); c != nil {
		m.post(t, c, by, v.ID)
	}
}

// approve is any officer giving their word in any visit.
func (m *machine) approve(t *rapid.T) {
	by := pickOne(t, []provisioning.OfficerID{"lee", "wong"}, "second")
	v := m.open()
	id := v.ID
	if id == "" {
		id = pickOne(t, m.visits, "visit")
	}
	change, err := provisioning.Approve(m.ledger.Snapshot(), m.now, id, provisioning.ActPasscode, by)
	var no *provisioning.Refusal
	if err != nil && !errors.As(err, &no) {
		t.Fatal(err)
	}
	if !change.IsZero() {
		m.commit(change)
	}
}

// answer is the verifier's word on a passcode, the newest mostly.
func (m *machine) answer(t *rapid.T) {
	n := len(m.passcodes)
	if n == 0 {
		return
	}
	id := m.passcodes[n-1]
	if rapid.IntRange(0, 4).Draw(t, "older") == 0 {
		id = pickOne(t, m.passcodes, "passcode")
	}
	outcome := rapid.SampledFrom([]feed.Outcome{feed.InStep, feed.InStep, feed.InStep, feed.Refused,
		feed.UsedUp, feed.Voided}).Draw(t, "outcome")
	ack := feed.Ack{Verdicts: []feed.Verdict{{Record: "record-" + string(id),
		Credential: string(id), Outcome: outcome}}}
	if change, news := provisioning.Acked(m.ledger.Snapshot(), m.site, m.now, ack); news {
		m.taken[id] = m.taken[id] || outcome == feed.InStep
		m.commit(change)
	}
}

// checkPasscodes is what holds of passcodes after every change.
func (m *machine) checkPasscodes(t *rapid.T, s provisioning.Snapshot) {
	type place struct {
		person provisioning.PersonID
		of     provisioning.PasscodeType
	}
	seen := map[place]bool{}
	for p := range provisioning.All[provisioning.Passcode](s) {
		at := place{p.Person, p.Type}
		if seen[at] {
			t.Fatalf("%s has two live %s passcodes", p.Person, p.Type)
		}
		seen[at] = true
		if p.State == provisioning.PasscodeLive && !m.taken[p.ID] {
			t.Fatalf("%s is live, and the verifier never took it", p.ID)
		}
		if !p.Revealed.IsZero() && p.State != provisioning.PasscodeLive {
			t.Fatalf("%s was shown while it was %s", p.ID, p.State)
		}
		v, _ := provisioning.Get[provisioning.Visit](s, string(p.Visit))
		inHand := v.Passcode == p.ID && v.Step == provisioning.StepReveal
		if p.Revealed.IsZero() && !inHand {
			t.Fatalf("nobody saw %s, nobody can any more, and it lives", p.ID)
		}
		if o, _ := provisioning.Get[provisioning.Officer](s, string(p.Officer)); o.Person == p.Person {
			t.Fatalf("%s issued %s to themself", p.Officer, p.ID)
		}
		if p.Type == provisioning.PasscodeLong && (p.Second == "" || p.Second == p.Officer) {
			t.Fatalf("%s is long, issued by %q and approved by %q", p.ID, p.Officer, p.Second)
		}
		if p.Situation == "" || p.Evidence != provisioning.EvidenceUniversityCard {
			t.Fatalf("a passcode without a situation, or on %q", p.Evidence)
		}
	}
	m.checkEnds(t)
}

// checkEnds: whatever ended without the verifier's word was revoked there.
func (m *machine) checkEnds(t *rapid.T) {
	told, ended := map[string]bool{}, map[string]provisioning.PasscodeEnd{}
	for _, change := range m.ledger.Changes() {
		for _, r := range change.Records() {
			if r.Kind == feed.KindState && r.State == feed.StateRevoked {
				told[r.Credential] = true
			}
		}
		for _, row := range change.Rows() {
			if p, ok := row.(provisioning.Passcode); ok && !p.Live() {
				ended[p.Key()] = p.EndReason
			}
		}
	}
	for id, why := range ended {
		switch why {
		case provisioning.PasscodeUsed, provisioning.PasscodeVoidEnrolled,
			provisioning.PasscodeRefused, provisioning.PasscodeExpired:
		default:
			if !told[id] {
				t.Fatalf("%s ended as %q, and the verifier was not told", id, why)
			}
		}
	}
}
