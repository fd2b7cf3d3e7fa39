package provisioning_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// checkNotices: whatever moves a credential that works, or makes it work, tells its person in the
// same change, once; nothing else does.
func (m *machine) checkNotices(t *rapid.T) {
	if m.stood == nil {
		m.stood = map[string]provisioning.CredentialState{}
	}
	for _, change := range m.ledger.Changes()[m.told:] {
		m.told++
		moved, told := m.step(change)
		for person, n := range told {
			if !moved[person] || n != 1 {
				t.Fatalf("%s: %s was told %d times", change.Entry().Act, person, n)
			}
		}
		for person := range moved {
			if told[person] == 0 {
				t.Fatalf("%s: %s was not told", change.Entry().Act, person)
			}
		}
	}
}

// step says whose credentials a change moved that worked or work now, and whom it tells how often.
func (m *machine) step(c provisioning.Change) (
	moved map[provisioning.PersonID]bool, told map[provisioning.PersonID]int,
) {
	moved, told = map[provisioning.PersonID]bool{}, map[provisioning.PersonID]int{}
	works := func(s provisioning.CredentialState) bool {
		return s == provisioning.CredentialActive || s == provisioning.CredentialSuspended
	}
	for _, row := range c.Rows() {
		switch r := row.(type) {
		case provisioning.Credential:
			was := m.stood[r.Key()]
			if was != r.State && (works(was) || works(r.State)) {
				moved[r.Person] = true
			}
			m.stood[r.Key()] = r.State
		case provisioning.Notice:
			if strings.HasPrefix(string(r.About), "token_") {
				told[r.Person]++
			}
		}
	}
	return moved, told
}

// reachable gives the scene channels and its person contacts.
func (s *scene) reachable() *scene {
	s.person.Mail, s.person.Phone, s.person.Lang = "chan@example.edu", "+85366123456", "zh-Hant"
	s.more = append(s.more, provisioning.NoticeChannels{Mail: true, SMS: true, Lang: "en"})
	return s
}

func notices(c provisioning.Change) []provisioning.Notice {
	var list []provisioning.Notice
	for _, row := range c.Rows() {
		if n, ok := row.(provisioning.Notice); ok {
			list = append(list, n)
		}
	}
	return list
}

// What each act tells, on both channels.
func TestActsTell(t *testing.T) {
	hand := provisioning.Hand{Token: info()}
	tests := map[string]struct {
		step provisioning.Step
		c    provisioning.Command
		edit func(*scene)
		want provisioning.NoticeKind
	}{
		"lost with a card": {provisioning.StepLost, provisioning.ReportLost{Loan: loanID},
			func(s *scene) { s.lent() }, provisioning.NoticeTokenLost},
		"lost without": {provisioning.StepLost, provisioning.ReportLost{Loan: loanID},
			func(s *scene) { s.lent().visit.Evidence = "" }, provisioning.NoticeTokenSuspended},
		"reinstated": {provisioning.StepLost, provisioning.Reinstate{Loan: loanID},
			func(s *scene) { s.suspended().visit.Token = tokenID }, provisioning.NoticeTokenReinstated},
		"returned": {provisioning.StepReturn, provisioning.TakeBack{Loan: loanID, Hand: hand},
			func(s *scene) { s.lent() }, provisioning.NoticeTokenReturned},
		"by hand": {provisioning.StepReturn, provisioning.TakeBack{Loan: loanID,
			ByHand: true, Serial: "1234"},
			func(s *scene) { s.lent() }, provisioning.NoticeTokenReturned},
		"void": {provisioning.StepDone, provisioning.Void{Loan: loanID, Reason: "wrong one"},
			func(s *scene) { s.lent() }, provisioning.NoticeTokenVoid},
		"restocked": {"", provisioning.Restock{Token: tokenID, Hand: hand},
			func(s *scene) { s.suspended().noVisit = true }, provisioning.NoticeTokenRevoked},
		"nothing": {provisioning.StepDone, provisioning.Choose{Errand: provisioning.ErrandReturn},
			func(s *scene) { s.lent() }, ""},
	}
	for name, test := range tests {
		s := newScene(t, test.step, test.c)
		test.edit(s)
		_, change := s.reachable().mustDecide(t)
		list := notices(change)
		if test.want == "" {
			if len(list) != 0 {
				t.Errorf("%s: told %+v", name, list)
			}
			continue
		}
		if len(list) != 2 || list[0].ID == list[1].ID || list[0].Channel == list[1].Channel {
			t.Errorf("%s: %+v", name, list)
			continue
		}
		for _, n := range list {
			if n.About != test.want || n.Person != "e1" || n.Lang != "zh-Hant" ||
				n.Params["serial"] != "1234" || n.State != provisioning.NoticeQueued || n.Subject() != "e1" {
				t.Errorf("%s: %+v", name, n)
			}
		}
		if told := change.Entry().Detail["told"]; told != "mail sms" {
			t.Errorf("%s: the entry says %q", name, told)
		}
	}
}

// A token that the verifier let in is told of, with its due date, also where one ack is about
// several.
func TestVerdictTells(t *testing.T) {
	s := newScene(t, provisioning.StepVerify, nil).lent().reachable()
	s.noLoan = true
	s.cred.State, s.cred.Visit, s.cred.Proof = provisioning.CredentialProven, visitID, "p1"
	s.visit.Credential = credID
	ledger := s.ledger()
	ack := feed.Ack{Position: 1, Verdicts: []feed.Verdict{{Credential: string(credID), Record: "p1",
		Outcome: feed.InStep}}}
	change, ok := provisioning.Acked(ledger.Snapshot(), s.site,
		provisioning.Now{Desk: "desk1", At: noon, Synced: true}, ack)
	list := notices(change)
	if !ok || len(list) != 2 || list[0].About != provisioning.NoticeTokenLent ||
		list[0].Params["due"] != "2027-05-22T23:59:59+08:00" {
		t.Errorf("%v: %+v", ok, list)
	}
}

func TestRefusalsAndStrangersAreNotTold(t *testing.T) {
	s := newScene(t, provisioning.StepLost, provisioning.ReportLost{Loan: "none"}).lent().reachable()
	_, change, err := s.decide(t)
	if err == nil || len(notices(change)) != 0 {
		t.Errorf("%v: %+v", err, notices(change))
	}
	none := provisioningtest.NewLedger(provisioning.NoticeChannels{Mail: true}).Snapshot()
	e := provisioning.Entry{Act: "recovery.failed", Person: "e1",
		Outcome: provisioning.OutcomeRefused, At: noon}
	if rows := provisioning.NoticesOf(none, e, nil); len(rows) != 0 {
		t.Errorf("nobody knows them: %+v", rows)
	}
	person := provisioning.Person{ID: "e1", Mail: "a@example.edu", Phone: "+1"}
	rows := provisioning.NoticesOf(none, e, []provisioning.Row{person})
	if len(rows) != 1 || rows[0].(provisioning.Notice).About != provisioning.NoticeRecoveryFailed {
		t.Errorf("told %+v", rows)
	}
	off := provisioningtest.NewLedger(person).Snapshot()
	if rows := provisioning.NoticesOf(off, e, nil); len(rows) != 0 {
		t.Errorf("there is no channel: %+v", rows)
	}
}

func TestRetryAfter(t *testing.T) {
	if d := provisioning.RetryAfter(1, "a", time.Hour); d > time.Minute || d < 52*time.Second {
		t.Errorf("first: %v", d)
	}
	if d := provisioning.RetryAfter(1000, "a", time.Hour); d > time.Hour || d < 52*time.Minute {
		t.Errorf("at last: %v", d)
	}
	if provisioning.RetryAfter(3, "a", time.Hour) == provisioning.RetryAfter(3, "b", time.Hour) {
		t.Error("what failed together is retried together")
	}
	late := provisioning.Notice{State: provisioning.NoticeQueued, Next: noon.AddDate(4, 0, 0)}
	if !late.Due(noon) {
		t.Error("a notice queued under a wrong clock waits for years")
	}
}

func TestDeadLetters(t *testing.T) {
	dead := provisioning.Notice{ID: "n1", Person: "e1", Channel: provisioning.NoticeByMail,
		State: provisioning.NoticeDead, Tries: 9, Unsure: 2}
	waits := provisioning.Notice{ID: "n2", Person: "e1", State: provisioning.NoticeQueued}
	own := provisioning.Notice{ID: "n3", Person: "s9", State: provisioning.NoticeDead}
	for name, test := range map[string]struct {
		c    provisioning.Command
		code provisioning.Code
		off  bool
	}{
		"retry":         {provisioning.RetryNotice{Notice: "n1"}, "", false},
		"drop":          {provisioning.DropNotice{Notice: "n1", Reason: "told by phone"}, "", false},
		"no reason":     {provisioning.DropNotice{Notice: "n1"}, provisioning.CodeTextMissing, false},
		"unknown":       {provisioning.RetryNotice{Notice: "n9"}, provisioning.CodeNoticeUnknown, false},
		"not dead":      {provisioning.RetryNotice{Notice: "n2"}, provisioning.CodeNoticeNotDead, false},
		"about oneself": {provisioning.RetryNotice{Notice: "n3"}, provisioning.CodeOfficerIsPerson, false},
		"channel off":   {provisioning.RetryNotice{Notice: "n1"}, provisioning.CodeNoticeChannelOff, true},
	} {
		s := newScene(t, "", test.c)
		s.order.Visit, s.noVisit = "", true
		s.more = []provisioning.Row{dead, waits, own, provisioning.NoticeChannels{Mail: !test.off}}
		ledger, change, err := s.decide(t)
		if test.code != "" {
			if !errors.Is(err, provisioning.Refuse(test.code)) {
				t.Errorf("%s: %v, want %s", name, err, test.code)
			}
			continue
		}
		if err != nil || change.Entry().Person != "e1" {
			t.Errorf("%s: %v, %+v", name, err, change.Entry())
		}
		n := put[provisioning.Notice](t, change, "n1")
		retried := n.State == provisioning.NoticeQueued && n.Tries == 0 && n.Unsure == 1 && n.Due(noon)
		if !retried && n.State != provisioning.NoticeDropped {
			t.Errorf("%s: %+v", name, n)
		}
		left := provisioning.DeadNotices(ledger.Snapshot())
		if slices.ContainsFunc(left, func(n provisioning.Notice) bool { return n.ID == "n1" }) {
			t.Errorf("%s: still listed", name)
		}
	}
}

func TestRequests(t *testing.T) {
	waiting := provisioning.Request{ID: "r1", From: "a@example.edu", Text: "please", At: noon,
		State: provisioning.RequestWaiting}
	theirs := provisioning.Request{ID: "r2", State: provisioning.RequestTaken, Officer: "wong"}
	for name, test := range map[string]struct {
		c    provisioning.Command
		code provisioning.Code
	}{
		"take":      {provisioning.TakeRequest{Request: "r1"}, ""},
		"take over": {provisioning.TakeRequest{Request: "r2", Over: true}, ""},
		"close":     {provisioning.CloseRequest{Request: "r1", Note: "no match"}, ""},
		"unknown":   {provisioning.TakeRequest{Request: "r9"}, provisioning.CodeRequestUnknown},
		"taken":     {provisioning.TakeRequest{Request: "r2"}, provisioning.CodeRequestTaken},
		"close theirs": {provisioning.CloseRequest{Request: "r2", Note: "x"},
			provisioning.CodeRequestTaken},
		"no note": {provisioning.CloseRequest{Request: "r1"}, provisioning.CodeTextMissing},
	} {
		s := newScene(t, "", test.c)
		s.order.Visit, s.noVisit = "", true
		s.more = []provisioning.Row{waiting, theirs}
		ledger, change, err := s.decide(t)
		if test.code != "" {
			if !errors.Is(err, provisioning.Refuse(test.code)) {
				t.Errorf("%s: %v, want %s", name, err, test.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, row := range change.Rows() {
			r, ok := row.(provisioning.Request)
			if ok && (r.Officer != "lee" || r.State == provisioning.RequestDone && r.Text+r.From != "") {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if name == "close" && len(provisioning.Requests(ledger.Snapshot())) != 1 {
			t.Errorf("%s: still in the queue", name)
		}
	}
}

// A message is taken once: by its place, and by its name when places are given anew.
func TestTakeMessage(t *testing.T) {
	ledger := provisioningtest.NewLedger()
	now := provisioning.Now{Desk: "desk1", At: noon}
	m := provisioning.Message{Mailbox: "box", Place: "1/1", MessageID: "<1@x>", From: "a@b.mo"}
	take := func(m provisioning.Message) (fresh, full bool) {
		change, fresh, full := provisioning.TakeMessage(ledger.Snapshot(), now, m)
		if fresh {
			commit(t, ledger, change)
		}
		return fresh, full
	}
	if fresh, _ := take(m); !fresh {
		t.Error("the first time")
	}
	if fresh, _ := take(m); fresh {
		t.Error("the second time")
	}
	m.Place = "2/7"
	if fresh, _ := take(m); fresh {
		t.Error("in a new place")
	}
	m.From = "other@b.mo"
	if fresh, _ := take(m); !fresh {
		t.Error("another sender with the same name is another message")
	}
	nameless := provisioning.Message{Mailbox: "box", Place: "2/8"}
	if fresh, _ := take(nameless); !fresh {
		t.Error("without a name")
	}
	for i := range 3 * provisioning.MaxRequests {
		nameless.Place = "3/" + time.Duration(i).String()
		if fresh, full := take(nameless); !fresh {
			if !full || len(provisioning.Requests(ledger.Snapshot())) != provisioning.MaxRequests {
				t.Errorf("message %d: full %v", i, full)
			}
			break
		}
	}
}

// A passcode is told of when it works, when it is first seen, and when it ends early.
func TestPasscodesTell(t *testing.T) {
	of := func(state provisioning.PasscodeState) provisioning.Passcode {
		return provisioning.Passcode{ID: "p1", Person: "e1", Type: provisioning.PasscodeShort,
			Uses: 1, Count: 5, State: state}
	}
	ended := func(why provisioning.PasscodeEnd) provisioning.Passcode {
		p := of(provisioning.PasscodeEnded)
		p.EndReason = why
		return p
	}
	none, issued, live := provisioning.Passcode{}, of(provisioning.PasscodeIssued),
		of(provisioning.PasscodeLive)
	seen, self := live, live
	seen.Revealed, self.Channel = noon, provisioning.ChannelSelf
	mailed, sent := live, seen
	mailed.Channel, sent.Channel = provisioning.ChannelMail, provisioning.ChannelMail
	for name, test := range map[string]struct {
		before, after provisioning.Passcode
		want          provisioning.NoticeKind
	}{
		"issued":     {none, issued, ""},
		"taken":      {issued, live, provisioning.NoticePasscodeIssued},
		"refused":    {issued, ended(provisioning.PasscodeRefused), ""},
		"first seen": {live, seen, provisioning.NoticePasscodeShown},
		"seen again": {seen, seen, ""},
		"revoked":    {live, ended(provisioning.PasscodeRevoked), provisioning.NoticePasscodeRevoked},
		"void":       {seen, ended(provisioning.PasscodeVoidEnrolled), provisioning.NoticePasscodeRevoked},
		"replaced":   {live, ended(provisioning.PasscodeReplaced), provisioning.NoticePasscodeReplaced},
		"used up":    {seen, ended(provisioning.PasscodeUsed), ""},
		"expired":    {seen, ended(provisioning.PasscodeExpired), ""},
		"by oneself": {issued, self, ""},
		"for a mail": {issued, mailed, provisioning.NoticePasscodeIssued},
		"mailed":     {mailed, sent, ""},
	} {
		rows := []provisioning.Row{provisioning.Person{ID: "e1", Mail: "a@example.edu"},
			provisioning.NoticeChannels{Mail: true}}
		if test.before.ID != "" {
			rows = append(rows, test.before)
		}
		s := provisioningtest.NewLedger(rows...).Snapshot()
		e := provisioning.Entry{Act: "any", At: noon}
		list := provisioning.NoticesOf(s, e, []provisioning.Row{test.after})
		if test.want == "" {
			if len(list) != 0 {
				t.Errorf("%s: told %+v", name, list)
			}
			continue
		}
		if len(list) != 1 || list[0].(provisioning.Notice).About != test.want {
			t.Errorf("%s: %+v", name, list)
		}
		if uses := list[0].(provisioning.Notice).Params["uses"]; name == "taken" && uses != "5" {
			t.Errorf("%s: %q uses", name, uses)
		}
	}
}
