package provisioning_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// told is a row about Chan's credential, as a verifier sends it after a restore.
func told(state feed.KnownState, id string) feed.KnownRow {
	return feed.KnownRow{Kind: feed.KindSeed, Credential: id, State: state, New: true, User: "chan",
		Site: "um", Vendor: "yubikey", Serial: "1234", Digits: 6, Next: 9, Issued: noon}
}

// TestLearn: what the verifier tells after a restore becomes rows, once, and puts nothing into the
// feed but the end of what was never proven.
func TestLearn(t *testing.T) {
	chan1 := provisioning.Person{ID: "e1", Account: "chan", Name: "Chan"}
	for name, c := range map[string]struct {
		change     func(*scene)
		row        feed.KnownRow
		credential provisioning.CredentialState
		loan       provisioning.LoanState
		token      provisioning.TokenState
		records    int
		news       bool
		visitEnds  bool
	}{
		"lent after the backup": {func(*scene) {}, told(feed.KnownActive, "c9"),
			provisioning.CredentialActive, provisioning.LoanOpen, provisioning.TokenDoubtful, 0, true,
			false},
		"lent and suspended after it": {func(*scene) {}, told(feed.KnownSuspended, "c9"),
			provisioning.CredentialSuspended, provisioning.LoanSuspended, provisioning.TokenDoubtful, 0,
			true, false},
		"written after it, and never proven": {func(*scene) {}, told(feed.KnownWaiting, "c9"),
			provisioning.CredentialDoubtful, "", provisioning.TokenDoubtful, 1, true, false},
		"lent and returned after it": {func(*scene) {}, told(feed.KnownEnded, "c9"), "", "",
			provisioning.TokenDoubtful, 0, true, false},
		"as it was": {func(s *scene) { s.lent() }, told(feed.KnownActive, string(credID)),
			provisioning.CredentialActive, provisioning.LoanOpen, provisioning.TokenLoaned, 0, false, false},
		"ended after it": {func(s *scene) { s.lent() }, told(feed.KnownEnded, string(credID)), "", "",
			provisioning.TokenDoubtful, 0, true, false},
		"reported lost after it": {func(s *scene) { s.lent() }, told(feed.KnownSuspended, string(credID)),
			provisioning.CredentialSuspended, provisioning.LoanSuspended, provisioning.TokenLoaned, 0, true,
			false},
		"found again after it": {func(s *scene) { s.suspended() }, told(feed.KnownActive, string(credID)),
			provisioning.CredentialActive, provisioning.LoanOpen, provisioning.TokenLost, 0, true, false},
		"under way at the backup, and proven since": {func(s *scene) {
			s.lent()
			s.noLoan, s.cred.State, s.token.State = true, provisioning.CredentialProven, provisioning.TokenBusy
			s.cred.Visit, s.visit.Credential, s.visit.Step = visitID, credID, provisioning.StepVerify
		}, told(feed.KnownActive, string(credID)), provisioning.CredentialActive, provisioning.LoanOpen,
			provisioning.TokenDoubtful, 0, true, true},
		"in doubt at the backup": {func(s *scene) {
			s.lent()
			s.noLoan, s.cred.State, s.token.State = true, provisioning.CredentialDoubtful, provisioning.TokenDoubtful
		}, told(feed.KnownActive, string(credID)), provisioning.CredentialDoubtful, "",
			provisioning.TokenDoubtful, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, provisioning.StepChoose, nil)
			c.change(s)
			ledger := s.ledger()
			now := provisioning.Now{Desk: "desk1", At: noon, Synced: true}
			change, news := provisioning.Learn(ledger.Snapshot(), s.site, now, c.row, chan1, 3)
			if news != c.news {
				t.Fatalf("news is %v", news)
			}
			if news {
				if n := len(change.Records()); n != c.records {
					t.Errorf("%d records were published", n)
				}
				commit(t, ledger, change)
				if _, again := provisioning.Learn(ledger.Snapshot(), s.site, now, c.row, chan1, 3); again {
					t.Error("the same row is news again")
				}
			}
			snap := ledger.Snapshot()
			cred, _ := provisioning.Get[provisioning.Credential](snap, c.row.Credential)
			loan, _ := provisioning.OpenLoan(snap, "e1")
			token, _ := provisioning.Get[provisioning.Token](snap, "yubikey/1234")
			if cred.State != c.credential || loan.State != c.loan || token.State != c.token {
				t.Errorf("credential %q, loan %q, token %q", cred.State, loan.State, token.State)
			}
			if token.Note == string(provisioning.CodeTokenRestored) && c.loan != "" &&
				(token.Generation != 3 || token.Credential != cred.ID) {
				t.Errorf("the token is %+v", token)
			}
			v, open := provisioning.Get[provisioning.Visit](snap, string(visitID))
			if c.visitEnds && open {
				t.Errorf("the visit goes on: %+v", v)
			}
		})
	}
}

// TestLearnPasscodes: a live one is listed without officer and situation, an ended one ends.
func TestLearnPasscodes(t *testing.T) {
	s := newScene(t, provisioning.StepChoose, nil)
	ledger := s.ledger()
	now := provisioning.Now{Desk: "desk1", At: noon, Synced: true}
	who := provisioning.Unlisted(s.site, "gone")
	row := feed.KnownRow{Kind: feed.KindPasscode, Credential: "p9", State: feed.KnownActive, User: "gone",
		Type: "short", Issued: noon, Until: noon.AddDate(0, 0, 1), Uses: 3, Count: 1}
	change, news := provisioning.Learn(ledger.Snapshot(), s.site, now, row, who, 1)
	if !news {
		t.Fatal("no news")
	}
	commit(t, ledger, change)
	p, ok := provisioning.Get[provisioning.Passcode](ledger.Snapshot(), "p9")
	if !ok || p.State != provisioning.PasscodeLive || p.Person != "gone" || p.Officer != "" ||
		p.Situation != provisioning.ReasonRestored || p.Uses != 3 {
		t.Errorf("%+v", p)
	}
	if _, more := provisioning.Recover(ledger.Snapshot(), now); more {
		if change, _ := provisioning.Recover(ledger.Snapshot(), now); len(change.Records()) > 0 {
			t.Error("recovering revokes a passcode somebody may be using")
		}
	}
	row.State = feed.KnownEnded
	if change, news = provisioning.Learn(ledger.Snapshot(), s.site, now, row, who, 1); !news {
		t.Fatal("its end is no news")
	}
	commit(t, ledger, change)
	if _, ok := provisioning.Get[provisioning.Passcode](ledger.Snapshot(), "p9"); ok {
		t.Error("it did not end")
	}
	if _, news := provisioning.Learn(ledger.Snapshot(), s.site, now, row, who, 1); news {
		t.Error("the end is news again")
	}
}

// TestStanding: a desk that was told to stop, or waits, opens no visit and issues nothing, by any
// way; and it goes on when it is told so.
func TestStanding(t *testing.T) {
	now := provisioning.Now{Desk: "desk1", At: noon, Synced: true}
	halt := func(r feed.HaltReason) func(provisioning.Snapshot) (provisioning.Change, bool) {
		return func(s provisioning.Snapshot) (provisioning.Change, bool) {
			return provisioning.Halted(s, now, feed.Halt{Feed: "f", Reason: r, Detail: "what was seen"})
		}
	}
	for code, put := range map[provisioning.Code]func(provisioning.Snapshot) (provisioning.Change, bool){
		provisioning.CodeDeskRestored: halt(feed.HaltRestored),
		provisioning.CodeDeskCopied:   halt("of a newer version"),
		provisioning.CodeDeskWaiting: func(s provisioning.Snapshot) (provisioning.Change, bool) {
			return provisioning.Restored(s, now, "operator:root", "f", 7), true
		},
	} {
		s := newScene(t, provisioning.StepChoose, provisioning.Choose{Errand: provisioning.ErrandLoan})
		ledger := s.ledger()
		change, news := put(ledger.Snapshot())
		if !news {
			t.Fatal(code)
		}
		commit(t, ledger, change)
		if _, again := put(ledger.Snapshot()); again && code != provisioning.CodeDeskWaiting {
			t.Errorf("%s is news again", code)
		}
		for what, command := range map[string]provisioning.Command{
			"choose": provisioning.Choose{Errand: provisioning.ErrandLoan},
			"open":   provisioning.Open{Person: provisioning.Person{ID: "e2", Name: "Other"}},
			"code":   provisioning.IssuePasscode{},
			"write":  provisioning.Write{},
		} {
			o := s.order
			o.Command, o.Op = command, provisioning.OpID(what)
			if what == "open" {
				o.Visit = ""
			}
			_, err := provisioning.Decide(ledger.Snapshot(), s.site, o)
			if no, ok := err.(*provisioning.Refusal); !ok || what != "write" && no.Code != code {
				t.Errorf("%s: %s is answered with %v", code, what, err)
			}
		}
		if _, more := provisioning.Recover(ledger.Snapshot(), now); more &&
			code == provisioning.CodeDeskWaiting {
			t.Error("what looks unfinished is ended before it is known")
		}
		lift := halt("")
		if code == provisioning.CodeDeskWaiting {
			lift = func(s provisioning.Snapshot) (provisioning.Change, bool) {
				return provisioning.Accepted(s, now)
			}
		}
		change, news = lift(ledger.Snapshot())
		if !news {
			t.Fatalf("%s: it cannot go on", code)
		}
		commit(t, ledger, change)
		if no := provisioning.StandingOf(ledger.Snapshot()).Refusal(); no != nil {
			t.Errorf("%s: still refused with %v", code, no)
		}
	}
}
