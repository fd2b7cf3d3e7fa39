package provisioning_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// here is the desk of these tests, and there another of its site.
var here = provisioning.Now{Desk: "desk1", At: noon, Synced: true}

// heardOf is what the verifier tells of a token of this desk, or of another.
func heardOf(desk string, state feed.State, order feed.SiteOrder) feed.SiteToken {
	return feed.SiteToken{Vendor: "yubikey", Serial: "1234", Credential: "c1", Desk: desk,
		Tag: "tag", State: state, Order: order}
}

func ordered(act feed.OrderAct) feed.SiteOrder {
	return feed.SiteOrder{ID: "o1", Act: act, Desk: "desk2", Officer: "Wong", At: noon}
}

// What another desk orders ends the loan here as an act here would, says who it was, and publishes
// nothing: the verifier has it. The same order again changes nothing.
func TestHearOrder(t *testing.T) {
	for name, c := range map[string]struct {
		told   feed.SiteToken
		set    func(*scene)
		want   provisioning.Hearing
		act    provisioning.Act
		cred   provisioning.CredentialState
		loan   provisioning.LoanState
		token  provisioning.TokenState
		notice provisioning.NoticeKind
	}{
		"suspended": {heardOf("desk1", feed.StateSuspended, ordered(feed.OrderSuspend)), nil,
			provisioning.HeardNow, "loan.lost", provisioning.CredentialSuspended,
			provisioning.LoanSuspended, provisioning.TokenLost, provisioning.NoticeTokenSuspended},
		"reported lost": {heardOf("desk1", feed.StateRevoked, ordered(feed.OrderRevoke)), nil,
			provisioning.HeardNow, "loan.lost", provisioning.CredentialRevoked,
			provisioning.LoanLost, provisioning.TokenLost, provisioning.NoticeTokenLost},
		"reported lost after it was suspended": {
			heardOf("desk1", feed.StateRevoked, ordered(feed.OrderRevoke)),
			func(s *scene) { s.suspended() },
			provisioning.HeardNow, "loan.lost", provisioning.CredentialRevoked,
			provisioning.LoanLost, provisioning.TokenLost, provisioning.NoticeTokenLost},
		"returned": {heardOf("desk1", feed.StateRevoked, ordered(feed.OrderReturn)), nil,
			provisioning.HeardNow, "loan.return", provisioning.CredentialRevoked,
			provisioning.LoanReturned, provisioning.TokenAside, provisioning.NoticeTokenReturned},
		"its verdict is still on the way": {
			heardOf("desk1", feed.StateSuspended, ordered(feed.OrderSuspend)),
			func(s *scene) { s.cred.State = provisioning.CredentialProven },
			provisioning.HeardEarly, "", "", "", "", ""},
		"another desk's token": {heardOf("desk3", feed.StateSuspended, ordered(feed.OrderSuspend)), nil,
			provisioning.HeardBefore, "", "", "", "", ""},
		"no order": {heardOf("desk1", feed.StateSuspended, feed.SiteOrder{}), nil,
			provisioning.HeardBefore, "", "", "", "", ""},
		"being wiped here": {heardOf("desk1", feed.StateRevoked, ordered(feed.OrderReturn)),
			func(s *scene) { s.token.State = provisioning.TokenBusy },
			provisioning.HeardBefore, "", "", "", "", ""},
		"ended here already": {heardOf("desk1", feed.StateRevoked, ordered(feed.OrderReturn)),
			func(s *scene) { s.noCredent = true },
			provisioning.HeardBefore, "", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepChoose, nil).lent()
			s.person.Mail = "chan@um.example"
			s.more = append(s.more, provisioning.NoticeChannels{Mail: true})
			if c.set != nil {
				c.set(s)
			}
			ledger := s.ledger()
			change, hearing := provisioning.HearOrder(ledger.Snapshot(), here, c.told)
			if hearing != c.want {
				t.Fatalf("hearing %v, want %v", hearing, c.want)
			}
			if hearing != provisioning.HeardNow {
				return
			}
			checkHeard(t, change, c.act, c.cred, c.loan, c.token, c.notice)
			commit(t, ledger, change)
			if _, again := provisioning.HearOrder(ledger.Snapshot(), here, c.told); again !=
				provisioning.HeardBefore {
				t.Error("the same order is carried out twice")
			}
		})
	}
}

func checkHeard(
	t *testing.T, change provisioning.Change, act provisioning.Act,
	cred provisioning.CredentialState, loan provisioning.LoanState, token provisioning.TokenState,
	notice provisioning.NoticeKind,
) {
	t.Helper()
	e := change.Entry()
	if e.Act != act || e.Actor != provisioning.ActorVerifier || e.Detail["desk"] != "desk2" ||
		e.Detail["officer"] != "Wong" || e.Person != "e1" {
		t.Errorf("entry %+v", e)
	}
	if len(change.Records()) != 0 {
		t.Error("what the verifier said is published back to it")
	}
	c, l := put[provisioning.Credential](t, change, "c1"), put[provisioning.Loan](t, change, "l1")
	tok := put[provisioning.Token](t, change, string(tokenID))
	if c.State != cred || l.State != loan || tok.State != token {
		t.Errorf("credential %s, loan %s, token %s", c.State, l.State, tok.State)
	}
	if tok.Elsewhere.Desk != "desk2" || tok.Elsewhere.Officer != "Wong" {
		t.Errorf("the token does not say who: %+v", tok.Elsewhere)
	}
	if fee := l.Fee.State == provisioning.FeeDue; fee != (loan == provisioning.LoanLost) {
		t.Errorf("the fee is %q", l.Fee.State)
	}
	var kinds []provisioning.NoticeKind
	for _, row := range change.Rows() {
		if n, ok := row.(provisioning.Notice); ok {
			kinds = append(kinds, n.About)
		}
	}
	if !slices.Equal(kinds, []provisioning.NoticeKind{notice}) {
		t.Errorf("the person is told %v, want %s", kinds, notice)
	}
}

// The desk's copy goes on from where it is and nowhere else; one that begins anew forgets the old.
func TestHearSite(t *testing.T) {
	ledger := provisioningtest.NewLedger()
	index := func(name string, after, rev int64, tokens ...feed.SiteToken) feed.SiteIndex {
		return feed.SiteIndex{Index: name, After: after, Rev: rev, Tokens: tokens}
	}
	two := heardOf("desk2", feed.SiteActive, feed.SiteOrder{})
	other := two
	other.Serial = "9999"
	gone := two
	gone.State = feed.StateRevoked
	own := heardOf("desk1", feed.SiteActive, feed.SiteOrder{})
	for i, c := range []struct {
		index feed.SiteIndex
		takes bool
		want  []string
	}{
		{index("a", 0, 2, two, other), true, []string{"1234", "9999"}},
		{index("a", 0, 2, two, other), false, []string{"1234", "9999"}},
		{index("a", 5, 6, gone), false, []string{"1234", "9999"}},
		{index("b", 2, 3, gone), false, []string{"1234", "9999"}},
		{index("a", 2, 3, gone), true, []string{"9999"}},
		{index("a", 3, 4, own), true, []string{"9999"}},
		{index("a", 4, 5, two), true, []string{"1234", "9999"}},
		{index("a", 5, 6, own), true, []string{"9999"}},
		{index("b", 0, 1, two), true, []string{"1234"}},
		{index("b", 0, 0), true, nil},
	} {
		change, takes := provisioning.HearSite(ledger.Snapshot(), here, c.index)
		if takes != c.takes {
			t.Fatalf("step %d: takes it: %v", i, takes)
		}
		if takes {
			commit(t, ledger, change)
		}
		var got []string
		for row := range provisioning.All[provisioning.SiteToken](ledger.Snapshot()) {
			got = append(got, provisioning.SerialOf(row.ID))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}

// there is another desk's token on loan.
func there(edit ...func(*provisioning.SiteToken)) provisioning.SiteToken {
	row := provisioning.SiteToken{ID: tokenID, Credential: credID, Desk: "desk2", Holder: "tag",
		State: provisioning.SiteActive}
	for _, e := range edit {
		e(&row)
	}
	return row
}

func TestOrderElsewhere(t *testing.T) {
	record := feed.Record{ID: "r9", Kind: feed.KindOrder, Credential: string(credID)}
	for name, c := range map[string]struct {
		order provisioning.OrderElsewhere
		rows  []provisioning.Row
		want  provisioning.Code
	}{
		"suspend": {provisioning.OrderElsewhere{Act: feed.OrderSuspend, Record: record},
			[]provisioning.Row{there()}, ""},
		"return": {provisioning.OrderElsewhere{Act: feed.OrderReturn, Record: record, Generation: 3},
			[]provisioning.Row{there()}, ""},
		"nobody lent it": {provisioning.OrderElsewhere{Act: feed.OrderRevoke, Record: record}, nil,
			provisioning.CodeElsewhereUnknown},
		"suspended already": {provisioning.OrderElsewhere{Act: feed.OrderSuspend, Record: record},
			[]provisioning.Row{there(func(s *provisioning.SiteToken) {
				s.State = provisioning.SiteSuspended
			})}, provisioning.CodeElsewhereSuspended},
		"sealed for another loan": {provisioning.OrderElsewhere{Act: feed.OrderRevoke,
			Record: feed.Record{ID: "r9", Kind: feed.KindOrder, Credential: "c0"}},
			[]provisioning.Row{there()}, provisioning.CodeWrongStep},
		"under way": {provisioning.OrderElsewhere{Act: feed.OrderRevoke, Record: record},
			[]provisioning.Row{there(), provisioning.SiteOrder{ID: "r1", Token: tokenID,
				Act: feed.OrderRevoke}}, provisioning.CodeElsewhereWaiting},
		"worse than what is under way": {
			provisioning.OrderElsewhere{Act: feed.OrderRevoke, Record: record},
			[]provisioning.Row{there(), provisioning.SiteOrder{ID: "r1", Token: tokenID,
				Act: feed.OrderSuspend}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.order.Token = tokenID
			s := newScene(t, "", c.order)
			s.noVisit, s.more, s.order.Visit = true, c.rows, ""
			_, change, err := s.decide(t)
			if c.want != "" {
				if !errors.Is(err, provisioning.Refuse(c.want)) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil || len(change.Records()) != 1 || change.Entry().Actor != "lee" {
				t.Fatalf("%v, %+v", err, change.Entry())
			}
			put[provisioning.SiteOrder](t, change, "r9")
			if c.order.Act == feed.OrderReturn {
				tok := put[provisioning.Token](t, change, string(tokenID))
				if tok.State != provisioning.TokenDoubtful || tok.Generation != 3 ||
					tok.Previous != 2 || tok.Slot != s.site.Slot {
					t.Errorf("taken in as %+v", tok)
				}
			}
		})
	}
}

// A person who has a token from another desk borrows no second one, unless an operator took that
// one out of use; and another desk's token is not lent.
func TestOneTokenPerSite(t *testing.T) {
	for name, c := range map[string]struct {
		tag  string
		held bool
		want provisioning.Code
	}{
		"theirs":            {"tag", false, provisioning.CodeLoanElsewhere},
		"theirs, but held":  {"tag", true, ""},
		"somebody else's":   {"other", false, ""},
		"nobody's is known": {"", false, ""},
	} {
		s := newScene(t, provisioning.StepChoose,
			provisioning.Choose{Errand: provisioning.ErrandLoan})
		s.order.Tag = c.tag
		s.more = []provisioning.Row{there(func(r *provisioning.SiteToken) { r.Held = c.held })}
		_, _, err := s.decide(t)
		if c.want == "" && err != nil || c.want != "" && !errors.Is(err, provisioning.Refuse(c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ledger := provisioningtest.NewLedger(there())
	if no := provisioning.Lendable(ledger.Snapshot(), info()); no == nil ||
		no.Code != provisioning.CodeTokenElsewhere || no.Params["desk"] != "desk2" {
		t.Errorf("another desk's token: %v", no)
	}
}

// Each refusal leaves a task that says why, once, and an officer's act ends it.
func TestRefusalsLeaveTasks(t *testing.T) {
	for name, c := range map[string]struct {
		verdict feed.Verdict
		want    provisioning.Code
	}{
		"lent": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonLent, Desk: "desk2"},
			provisioning.CodeVerdictLent},
		"taken": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonTaken},
			provisioning.CodeVerdictTaken},
		"excluded": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonExcluded},
			provisioning.CodeVerdictExcluded},
		"revoked": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonRevoked},
			provisioning.CodeVerdictRevoked},
		"too many": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonTooMany},
			provisioning.CodeVerdictTooMany},
		"unheard": {feed.Verdict{Outcome: feed.Refused, Reason: "moonlight"},
			provisioning.CodeVerdictRefused},
		"no match": {feed.Verdict{Outcome: feed.NoMatch}, provisioning.CodeVerdictNoMatch},
		"unread":   {feed.Verdict{Outcome: feed.Unreadable}, provisioning.CodeVerdictUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepVerify, nil).lent()
			s.noLoan, s.noVisit = true, true // the person has left
			s.cred.State, s.cred.Proof = provisioning.CredentialProven, "p1"
			ledger := s.ledger()
			c.verdict.Record, c.verdict.Credential = "p1", string(credID)
			ack := feed.Ack{Position: 1, Verdicts: []feed.Verdict{c.verdict}}
			change, news := provisioning.Acked(ledger.Snapshot(), s.site, here, ack)
			if !news {
				t.Fatal("a refusal is no news")
			}
			commit(t, ledger, change)
			tasks := provisioning.Tasks(ledger.Snapshot())
			if len(tasks) != 1 || tasks[0].Why != c.want || tasks[0].Token != tokenID ||
				tasks[0].Person != "e1" || string(tasks[0].Elsewhere) != c.verdict.Desk {
				t.Fatalf("%+v", tasks)
			}
			finish(t, s, ledger, tasks[0].ID)
		})
	}
}

// finish ends a task in an officer's name; a second time there is none.
func finish(
	t *testing.T, s *scene, ledger *provisioningtest.Ledger, id provisioning.TaskID,
) {
	t.Helper()
	s.order.Command, s.order.Visit = provisioning.FinishTask{Task: id}, ""
	change, err := provisioning.Decide(ledger.Snapshot(), s.site, s.order)
	if err != nil || change.Entry().Actor != "lee" {
		t.Fatalf("%v, %+v", err, change.Entry())
	}
	commit(t, ledger, change)
	if n := len(provisioning.Tasks(ledger.Snapshot())); n != 0 {
		t.Errorf("%d tasks are left", n)
	}
	s.order.Op = "op2"
	if _, err := provisioning.Decide(ledger.Snapshot(), s.site, s.order); !errors.Is(err,
		provisioning.Refuse(provisioning.CodeTaskUnknown)) {
		t.Errorf("a task that is done: %v", err)
	}
}

// The answer to an order is taken once; a refused one is a task, one in force ends the waiting.
func TestOrderIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		verdict feed.Verdict
		tasks   []provisioning.Code
	}{
		"in force": {feed.Verdict{Outcome: feed.InStep}, nil},
		"second":   {feed.Verdict{Outcome: feed.InStep, Reason: feed.ReasonAlready, Desk: "desk3"}, nil},
		"unknown": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonUnknown},
			[]provisioning.Code{provisioning.CodeOrderRefused}},
		"this desk is revoked": {feed.Verdict{Outcome: feed.Refused, Reason: feed.ReasonRevoked},
			[]provisioning.Code{provisioning.CodeOrderRevoked}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "", nil)
			ledger := provisioningtest.NewLedger(there(), provisioning.SiteOrder{ID: "r1",
				Token: tokenID, Credential: credID, Act: feed.OrderRevoke, Officer: "lee"})
			c.verdict.Record, c.verdict.Credential = "r1", string(credID)
			ack := feed.Ack{Position: 1, Verdicts: []feed.Verdict{c.verdict}}
			change, _ := provisioning.Acked(ledger.Snapshot(), s.site, here, ack)
			commit(t, ledger, change)
			if _, waiting := provisioning.OrderUnderWay(ledger.Snapshot(), tokenID); waiting {
				t.Error("it still waits")
			}
			var got []provisioning.Code
			for _, task := range provisioning.Tasks(ledger.Snapshot()) {
				got = append(got, task.Why)
			}
			if !slices.Equal(got, c.tasks) {
				t.Errorf("tasks %v", got)
			}
			if _, news := provisioning.Acked(ledger.Snapshot(), s.site, here, ack); news {
				t.Error("the same answer is news twice")
			}
			stale := provisioning.StaleSiteOrders(ledger.Snapshot(), noon.AddDate(0, 0, 2), 9)
			if len(stale) != 1 || stale[0].Live() {
				t.Errorf("put away: %+v", stale)
			}
		})
	}
}
