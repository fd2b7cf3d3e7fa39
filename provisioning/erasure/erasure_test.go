package erasure

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

var (
	ada = provisioning.Person{ID: "p1", Name: "ADAMS Ada", Native: "陳樂晴", Account: "aadams",
		Card: "0412 7781", Mail: "aadams@um.example", Phone: "+85366000001"}
	now = provisioning.Now{Desk: "d1", At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Synced: true}
)

const mark = "0123456789abcdef0123456789abcdef"

// ledger is one in memory that says of everybody that there are two records.
type ledger struct {
	*provisioningtest.Ledger
	rewrites int
	fail     error
	// busy is how often something else is written right after a look.
	busy int
}

func (l *ledger) Trace(ctx context.Context, _ provisioning.PersonID, _ func(string) bool,
	_ provisioning.Traces) (provisioning.Traces, error) {
	t := provisioning.Traces{Position: l.Snapshot().Position(), Mark: mark, Published: 3,
		Records: []feed.Erased{{Record: mark, Credential: mark}, {Record: mark, Credential: mark}}}
	if l.busy > 0 {
		l.busy--
		_, err := l.Do(ctx, func(provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.NewChange(provisioning.Entry{Act: "other"}), nil
		})
		return t, err
	}
	return t, nil
}

func (l *ledger) Marked(_ context.Context, marks []string) (map[string]provisioning.PersonID, error) {
	if len(marks) == 1 && marks[0] == mark {
		return map[string]provisioning.PersonID{mark: ada.ID}, nil
	}
	return nil, nil
}

func (l *ledger) Rewrite() (Rewritten, error) {
	l.rewrites++
	return Rewritten{Before: 2, After: 1}, l.fail
}

func newLedger(rows ...provisioning.Row) *ledger {
	return &ledger{Ledger: provisioningtest.NewLedger(append([]provisioning.Row{ada,
		provisioning.Verifier{Acked: 3}}, rows...)...)}
}

func eraser(l *ledger) *Eraser {
	return New(Config{Ledger: l, Now: func() provisioning.Now { return now }})
}

// TestRefusals: nobody is forgotten who still has something, and the operator reads what and what
// to do.
func TestRefusals(t *testing.T) {
	loan := provisioning.Loan{ID: "l", Person: "p1", Token: "yubikey/123", State: provisioning.LoanOpen}
	lost := loan
	lost.State, lost.Fee.State = provisioning.LoanLost, provisioning.FeeDue
	for name, c := range map[string]struct {
		rows   []provisioning.Row
		reason string
		code   provisioning.Code
		says   string
	}{
		"a loan":       {[]provisioning.Row{loan}, "", CodeLoan, "token 123 is on loan"},
		"a fee":        {[]provisioning.Row{lost}, "", CodeFee, "fee for token 123"},
		"a visit":      {[]provisioning.Row{provisioning.Visit{ID: "v", Person: "p1"}}, "", CodeVisit, "visit"},
		"a credential": {[]provisioning.Row{provisioning.Credential{ID: "c", Person: "p1", Token: "yubikey/9"}}, "", CodeToken, "token 9"},
		"a passcode":   {[]provisioning.Row{provisioning.Passcode{ID: "c", Person: "p1", Type: "short"}}, "", CodePasscode, "a short passcode"},
		"a message":    {[]provisioning.Row{provisioning.Notice{ID: "n", Person: "p1", State: provisioning.NoticeSending}}, "", CodeNotice, "minute"},
		"an officer":   {[]provisioning.Row{provisioning.Officer{ID: "lee", Person: "p1"}}, "", CodeOfficer, "officer lee"},
		"behind":       {[]provisioning.Row{provisioning.Verifier{Acked: 2}}, "", CodeBehind, "sign-in service"},
		"no reason":    {nil, " ", CodeReason, "reason"},
		"her name":     {nil, "asked by Adams Ada.", CodeReason, "name"},
		"long":         {nil, strings.Repeat("x", 201), CodeReason, "200"},
	} {
		if c.reason == "" {
			c.reason = "left the university"
		}
		l := newLedger(c.rows...)
		_, err := eraser(l).Erase(t.Context(), "operator:root", "p1", c.reason)
		var no *provisioning.Refusal
		if !errors.As(err, &no) || no.Code != c.code {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if says, ok := Sentence(no); !ok || !strings.Contains(says, c.says) ||
			!strings.Contains(says, "nothing was erased") || strings.Contains(says, "{") {
			t.Errorf("%s: %q", name, says)
		}
		if len(l.Changes()) > 0 || l.rewrites > 0 {
			t.Errorf("%s: something was done", name)
		}
	}
	if _, err := eraser(newLedger()).Erase(t.Context(), "operator:root", "p2", "x"); !errors.Is(err,
		provisioning.Refuse(CodeUnknown)) {
		t.Errorf("somebody else: %v", err)
	}
	for _, code := range Codes() {
		if sentences[code] == "" {
			t.Errorf("%s has no sentence", code)
		}
	}
}

// TestErase: one change names the operator and the mark and nobody else, tells the verifier, and
// goes on without the person where a row is not theirs alone.
func TestErase(t *testing.T) {
	l := newLedger(provisioning.Officer{ID: "ada", Name: "ADAMS Ada", Person: "p1", Disabled: true},
		provisioning.Request{ID: "r1", From: "AAdams@um.example", Text: "hello"},
		provisioning.Request{ID: "r2", From: "somebody@else.example", Text: "xaadamsx asks"},
		provisioning.Token{ID: "yubikey/1", Note: "陳樂晴的鑰匙", State: provisioning.TokenAside},
		provisioning.OpResult{ID: "o1", Params: map[string]string{"who": "ADAMS Ada"}},
		provisioning.OpResult{ID: "o2", Params: map[string]string{"who": "lee"}},
		provisioning.Loan{ID: "l", Person: "p1", State: provisioning.LoanReturned,
			Fee: provisioning.Fee{State: provisioning.FeePaid}})
	done, err := eraser(l).Erase(t.Context(), "operator:root", "p1", "left the university")
	if err != nil || done.ID != mark || done.Records != 2 || done.After != 1 || l.rewrites != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	changes := l.Changes()
	e := changes[0].Entry()
	if len(changes) != 2 || e.Actor != "operator:root" || e.Person != "" ||
		e.Detail["erasure"] != mark || e.Detail["reason"] != "left the university" {
		t.Errorf("%d changes, the first is %+v", len(changes), e)
	}
	records := changes[0].Records()
	if len(records) != 1 || records[0].Check() != nil || records[0].Credential != mark {
		t.Errorf("published %+v", records)
	}
	erasing, ok := changes[0].Erasing()
	if !ok || erasing.Person != "p1" {
		t.Fatalf("it erases %+v", erasing)
	}
	var forgets []string
	for _, row := range erasing.Forget {
		if row.Kind() != provisioning.KindTries {
			forgets = append(forgets, string(row.Kind())+" "+row.Key())
		}
	}
	if got := strings.Join(forgets, ", "); got != "op o1, officerkey ada" {
		t.Errorf("it forgets %s", got)
	}
	for _, row := range changes[0].Rows() {
		switch r := row.(type) {
		case provisioning.Request:
			if r.ID != "r1" || r.From != "" || r.Live() {
				t.Errorf("a request goes on as %+v", r)
			}
		case provisioning.Officer:
			if r.Name != "ada" || r.Person != "" || !r.Disabled {
				t.Errorf("the officer goes on as %+v", r)
			}
		case provisioning.Token:
			if r.Note != "" || r.State != provisioning.TokenAside {
				t.Errorf("the token goes on as %+v", r)
			}
		case provisioning.Verifier:
			if r.Published != 1 {
				t.Errorf("published to %d", r.Published)
			}
		}
	}
	if rows := List(l.Snapshot()); len(rows) != 1 || rows[0].ID != mark || !rows[0].Told || !rows[0].Gone {
		t.Errorf("listed %+v", rows)
	}
}

// TestEraseWhileBusy: what is traced is of the moment it is erased, or nothing is.
func TestEraseWhileBusy(t *testing.T) {
	l := newLedger()
	l.busy = 3
	if _, err := eraser(l).Erase(t.Context(), "operator:root", "p1", "left"); err != nil {
		t.Error(err)
	}
	l = newLedger()
	l.busy = moves + 1
	_, err := eraser(l).Erase(t.Context(), "operator:root", "p1", "left")
	if !errors.Is(err, provisioning.Refuse(CodeBusy)) {
		t.Error(err)
	}
}

// TestRewriteLater: a file that could not be written anew is, at the next start.
func TestRewriteLater(t *testing.T) {
	l := newLedger()
	l.fail = errors.New("the disk is full")
	done, err := eraser(l).Erase(t.Context(), "operator:root", "p1", "left")
	if !errors.Is(err, ErrRewrite) || done.ID != mark || List(l.Snapshot())[0].Gone {
		t.Errorf("%+v, %v", done, err)
	}
	l.fail = nil
	ctx, cancel := context.WithCancel(t.Context())
	changed, ended := l.Changed(), make(chan error)
	go func() { ended <- eraser(l).Run(ctx) }()
	<-changed
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || !List(l.Snapshot())[0].Gone ||
		l.rewrites != 2 {
		t.Errorf("%v, %+v", err, List(l.Snapshot()))
	}
}

// TestApply: a file from before erases again whom it knows, whatever they had then, and what they
// had is in doubt.
func TestApply(t *testing.T) {
	l := newLedger(provisioning.Loan{ID: "l", Person: "p1", State: provisioning.LoanOpen},
		provisioning.Credential{ID: "c", Person: "p1", Token: "yubikey/1"},
		provisioning.Token{ID: "yubikey/1", State: provisioning.TokenLoaned},
		provisioning.Verifier{})
	if n, err := eraser(l).Apply(t.Context(), []string{"ff"}); n != 0 || err != nil || l.rewrites != 0 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := eraser(l).Apply(t.Context(), []string{mark}); n != 1 || err != nil || l.rewrites != 1 {
		t.Errorf("%d, %v", n, err)
	}
	token, _ := provisioning.Get[provisioning.Token](l.Snapshot(), "yubikey/1")
	if token.State != provisioning.TokenDoubtful {
		t.Errorf("the token is %s", token.State)
	}
}

// TestRefusedIsNotTold: the verifier does not have what it refused.
func TestRefusedIsNotTold(t *testing.T) {
	l := newLedger(provisioning.Erasure{ID: mark, Position: 1, Refused: time.Unix(1, 0)},
		provisioning.Erasure{ID: "other", At: time.Unix(2, 0), Position: 1})
	rows := List(l.Snapshot())
	if len(rows) != 2 || rows[0].Told || !rows[0].Refused || !rows[1].Told || rows[1].Refused {
		t.Errorf("listed %+v", rows)
	}
}
