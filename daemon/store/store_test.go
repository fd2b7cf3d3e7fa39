package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testDesk = "d1"

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// options are those of a new desk in a directory of its own.
func options(t testing.TB) Options {
	t.Helper()
	skey, _, err := note.GenerateKey(zeros{}, testDesk)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Path:   filepath.Join(t.TempDir(), "desk.db"),
		Key:    secret.NewKey(bytes.Repeat([]byte{7}, 32)),
		Desk:   testDesk,
		Signer: signer,
		Fatal:  func(err error) { t.Errorf("the store ended: %v", err) },
		Clock:  func() time.Time { return testTime },
	}
}

// zeros makes the same signing key every time.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func create(t testing.TB, o Options) *Store {
	t.Helper()
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	return open(t, o)
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func change(act string) provisioning.Change {
	return provisioning.NewChange(provisioning.Entry{Act: provisioning.Act(act), Outcome: "done"})
}

// do commits a change that needs no decision.
func do(t testing.TB, s *Store, c provisioning.Change) int64 {
	t.Helper()
	at, err := s.Do(context.Background(), always(c))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func always(c provisioning.Change) func(provisioning.Snapshot) (provisioning.Change, error) {
	return func(provisioning.Snapshot) (provisioning.Change, error) { return c, nil }
}

func token(serial string, state provisioning.TokenState) provisioning.Token {
	return provisioning.Token{ID: provisioning.TokenID("yubikey/" + serial), Serial: serial,
		State: state}
}

func loan(id, person string, state provisioning.LoanState) provisioning.Loan {
	return provisioning.Loan{ID: provisioning.LoanID(id), Person: provisioning.PersonID(person),
		Token: "yubikey/1", State: state, At: testTime}
}

func record(id string) feed.Record {
	return feed.Record{ID: id, Desk: testDesk, Kind: feed.KindSeed, Credential: "c", At: testTime,
		Sealed: []byte("sealed " + id)}
}

func serials(s provisioning.Snapshot, index provisioning.Index, value string) []string {
	var found []string
	for token := range provisioning.Find[provisioning.Token](s, index, value) {
		found = append(found, token.Serial)
	}
	return found
}

func TestChangesAreVisibleAndSurvive(t *testing.T) {
	o := options(t)
	s := create(t, o)
	officer := provisioning.Officer{ID: "olga", Name: "Olga", PINHash: "$argon2id$"}
	want := token("2", provisioning.TokenStock)
	before := s.Snapshot()
	if at := do(t, s, change("stock.add").Put(want, token("1", provisioning.TokenLoaned), officer,
		loan("l1", "p1", provisioning.LoanOpen))); at != 1 {
		t.Errorf("position %d", at)
	}
	if _, ok := before.Get(provisioning.KindToken, "yubikey/2"); ok || before.Position() != 0 {
		t.Error("an old snapshot changed")
	}
	check := func(s *Store) {
		t.Helper()
		now := s.Snapshot()
		got, ok := provisioning.Get[provisioning.Token](now, "yubikey/2")
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Error(diff)
		}
		if found := serials(now, "", ""); !slices.Equal(found, []string{"1", "2"}) {
			t.Errorf("the table holds %v", found)
		}
		found := serials(now, provisioning.ByState, string(provisioning.TokenStock))
		if !slices.Equal(found, []string{"2"}) {
			t.Errorf("in stock: %v", found)
		}
		if now.Position() != 1 || s.Head() != 1 || s.FeedHead() != 0 {
			t.Errorf("positions %d %d %d", now.Position(), s.Head(), s.FeedHead())
		}
		for l := range provisioning.Find[provisioning.Loan](now, provisioning.ByPerson, "p1") {
			if l.ID != "l1" || !l.At.Equal(testTime) {
				t.Errorf("the loan is %+v", l)
			}
		}
	}
	check(s)
	closeStore(t, s)
	check(open(t, o))
}

func TestUpdateMovesIndexes(t *testing.T) {
	s := create(t, options(t))
	do(t, s, change("a").Put(token("1", provisioning.TokenStock)))
	do(t, s, change("b").Put(token("1", provisioning.TokenLost)))
	now := s.Snapshot()
	if found := serials(now, provisioning.ByState, "stock"); found != nil {
		t.Errorf("still in stock: %v", found)
	}
	if found := serials(now, provisioning.ByState, "lost"); !slices.Equal(found, []string{"1"}) {
		t.Errorf("lost: %v", found)
	}
}

// memdb finds by prefix: neither a longer value nor the key behind it may be found by a shorter
// one.
func TestIndexValuesDoNotRunIntoEachOther(t *testing.T) {
	s := create(t, options(t))
	values := []string{"1", "12", "1\x00", "1yubikey/1", "\x01", "yubikey/1"}
	c := change("a")
	for _, v := range values {
		c = c.Put(token(v, provisioning.TokenStock))
	}
	do(t, s, c)
	for _, v := range values {
		found := serials(s.Snapshot(), provisioning.BySerial, v)
		if !slices.Equal(found, []string{v}) {
			t.Errorf("%q finds %q", v, found)
		}
		row, ok := s.Snapshot().Get(provisioning.KindToken, "yubikey/"+v)
		if !ok || row.(provisioning.Token).Serial != v {
			t.Errorf("%q gets %v", v, row)
		}
	}
	if found := serials(s.Snapshot(), provisioning.ByState, "sto"); found != nil {
		t.Errorf("a prefix finds %v", found)
	}
}

func TestInvalidChangesChangeNothing(t *testing.T) {
	s := create(t, options(t))
	do(t, s, change("first").Put(token("1", provisioning.TokenStock)))
	one := token("2", provisioning.TokenStock)
	cases := map[string]provisioning.Change{
		"zero":           {},
		"no act":         provisioning.NewChange(provisioning.Entry{}).Put(one),
		"same row twice": change("x").Put(one, token("2", provisioning.TokenLost)),
		"nil row":        change("x").Put(one, nil),
		"no key":         change("x").Put(one, provisioning.Officer{}),
		"foreign type":   change("x").Put(one, &one),
		"not encodable": change("x").Put(one, provisioning.OpResult{ID: "o",
			At: time.Time{}.In(time.FixedZone("", 1<<30))}),
		"record with no id": change("x").Put(one).Publish(
			feed.Record{Kind: feed.KindSeed, At: testTime}),
		"record of no time": change("x").Put(one).Publish(
			feed.Record{ID: "r", Kind: feed.KindSeed, At: testTime.AddDate(1e5, 0, 0)}),
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if at, err := s.Do(t.Context(), always(c)); !errors.Is(err, ErrInvalid) || at != 0 {
				t.Errorf("got %d, %v", at, err)
			}
		})
	}
	refusal := provisioning.Refuse("no_such_loan")
	_, err := s.Do(t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
		return change("x").Put(one), refusal
	})
	if err != error(refusal) {
		t.Errorf("the refusal became %v", err)
	}
	if found := serials(s.Snapshot(), "", ""); len(found) != 1 || s.Head() != 1 {
		t.Errorf("something changed: %v, head %d", found, s.Head())
	}
}

func TestArchive(t *testing.T) {
	o := options(t)
	s := create(t, o)
	archived := func(key string) provisioning.LoanState {
		t.Helper()
		row, ok, err := s.Archived(provisioning.KindLoan, key)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return ""
		}
		return row.(provisioning.Loan).State
	}
	do(t, s, change("a").Put(loan("l1", "p1", provisioning.LoanOpen),
		loan("l10", "p1", provisioning.LoanVoid)))
	if got := archived("l1"); got != "" {
		t.Errorf("an open loan is archived as %s", got)
	}
	if got := archived("l10"); got != provisioning.LoanVoid {
		t.Errorf("a row that never was live is archived as %q", got)
	}
	do(t, s, change("b").Put(loan("l1", "p1", provisioning.LoanReturned)))
	if _, ok := s.Snapshot().Get(provisioning.KindLoan, "l1"); ok {
		t.Error("a closed loan is live")
	}
	do(t, s, change("c").Put(loan("l1", "p1", provisioning.LoanOpen)))
	do(t, s, change("d").Put(loan("l1", "p1", provisioning.LoanLost)))
	closeStore(t, s)
	s = open(t, o)
	if got := archived("l1"); got != provisioning.LoanLost {
		t.Errorf("the newest archived form is %q", got)
	}
	do(t, s, change("e").Put(loan("l1", "p1", provisioning.LoanOpen)))
	closeStore(t, s)
	s = open(t, o)
	if _, ok := s.Snapshot().Get(provisioning.KindLoan, "l1"); !ok {
		t.Error("a row put live again did not return")
	}
}

func TestPrune(t *testing.T) {
	o := options(t)
	s := create(t, o)
	c := change("ops")
	for i := range 5 {
		c = c.Put(provisioning.OpResult{ID: provisioning.OpID(fmt.Sprint(i)), Visit: "v",
			At: testTime.Add(time.Duration(i) * time.Hour)})
	}
	do(t, s, c.Put(provisioning.Approval{Visit: "v", Act: "any", At: testTime}))
	old := Prune(s.Snapshot(), testTime.Add(3*time.Hour), 2)
	if len(old) != 2 {
		t.Fatalf("pruned %d with a limit of 2", len(old))
	}
	do(t, s, change("prune").Put(old...))
	do(t, s, change("prune").Put(Prune(s.Snapshot(), testTime.Add(3*time.Hour), 2)...))
	if a, ok := provisioning.Get[provisioning.Approval](s.Snapshot(), "v/any"); ok {
		t.Errorf("an approval nobody used stays: %+v", a)
	}
	for range 2 {
		var left []string
		for op := range provisioning.All[provisioning.OpResult](s.Snapshot()) {
			left = append(left, string(op.ID))
		}
		if !slices.Equal(left, []string{"3", "4"}) {
			t.Errorf("left: %v", left)
		}
		row, ok, err := s.Archived(provisioning.KindOp, "1")
		if err != nil || !ok || row.(provisioning.OpResult).Visit != "v" {
			t.Errorf("archived: %v, %v, %v", row, ok, err)
		}
		closeStore(t, s)
		s = open(t, o)
	}
}

// What a caller does to its maps afterwards is its own business.
func TestRowsAreCopied(t *testing.T) {
	s := create(t, options(t))
	params := map[string]string{"a": "1"}
	do(t, s, change("a").Put(provisioning.OpResult{ID: "o", Params: params}))
	params["a"] = "2"
	op, _ := provisioning.Get[provisioning.OpResult](s.Snapshot(), "o")
	if op.Params["a"] != "1" {
		t.Error("a row changed after its commit")
	}
}
