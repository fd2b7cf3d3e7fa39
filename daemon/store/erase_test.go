package store

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// lives gives two people the same dealings with the desk.
func lives(t *testing.T, s *Store) {
	t.Helper()
	for _, p := range []provisioning.Person{{ID: "p1-ada-adams", Name: "Ada Adams"},
		{ID: "p2-bea-beck", Name: "Bea Beck"}} {
		c := provisioning.Credential{ID: provisioning.CredentialID(strings.Repeat(string(p.ID[1]), 32)),
			Person: p.ID, Token: "yubikey/1", State: provisioning.CredentialActive}
		about := func(act string) provisioning.Change {
			return provisioning.NewChange(provisioning.Entry{Act: provisioning.Act(act), Person: p.ID,
				Credential: c.ID, Detail: map[string]string{"who": p.Name}})
		}
		seed := record(strings.Repeat("a", 31) + string(p.ID[1]))
		seed.Credential = string(c.ID)
		do(t, s, about("lend").Put(p, c, loan("l"+string(p.ID), string(p.ID),
			provisioning.LoanOpen)).Publish(seed))
		c.State = provisioning.CredentialRevoked
		state := feed.Record{ID: strings.Repeat("b", 31) + string(p.ID[1]), Desk: testDesk,
			Kind: feed.KindState, Credential: string(c.ID), State: feed.StateRevoked, At: testTime}
		// The entry is about nobody; the record is theirs all the same.
		do(t, s, change("sweep").Put(c, loan("l"+string(p.ID), string(p.ID),
			provisioning.LoanReturned)).Publish(state))
		note := provisioning.NewChange(provisioning.Entry{Act: "note",
			Detail: map[string]string{"note": "seen: " + p.Name}})
		op := provisioning.OpResult{ID: provisioning.OpID("op" + p.ID),
			Params: map[string]string{"who": p.Name}}
		do(t, s, note.Put(op, provisioning.Tries{Of: "tries/" + string(p.ID), Count: 1}))
		do(t, s, change("prune").Put(retired{op}))
		do(t, s, change("tried").Put(provisioning.Tries{Of: "tries/" + string(p.ID)}))
	}
}

func mentionsAda(text string) bool { return strings.Contains(text, "Ada Adams") }

// eraseAda erases p1, and returns what was traced.
func eraseAda(t *testing.T, s *Store) provisioning.Traces {
	t.Helper()
	traces, err := s.Trace(t.Context(), "p1-ada-adams", mentionsAda, provisioning.Traces{})
	if err != nil {
		t.Fatal(err)
	}
	do(t, s, change("erase").Erase(provisioning.Erasing{Person: "p1-ada-adams", Traces: traces,
		Forget: []provisioning.Row{provisioning.Tries{Of: "tries/p1-ada-adams"}}}))
	return traces
}

// contents is every value the key of the file opens.
func contents(t *testing.T, o Options) string {
	t.Helper()
	file, err := boltfile.Open(o.file(), o.Key.Expose())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all strings.Builder
	err = file.View(func(tx *boltfile.Tx) error {
		names, err := tx.Buckets()
		for _, name := range names {
			err = errors.Join(err, tx.ForEach(name, nil, nil, func(i boltfile.Item) error {
				all.Write(i.Value)
				return nil
			}))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestErase: what was of one person is gone, for whoever has the key of the file; what is of
// another stays; the log is the same log, and a follower of it gets hashes in the places of the
// records.
func TestErase(t *testing.T) {
	o := options(t)
	s := create(t, o)
	lives(t, s)
	before, err := s.Leaves(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	traces := eraseAda(t, s)
	if len(traces.Records) != 2 || len(traces.Strays) != 2 || traces.Published != 2 {
		t.Errorf("traced %+v", traces)
	}
	after, err := s.Leaves(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range before {
		if after[i].Hash() != leaf.Hash() {
			t.Errorf("leaf %d is another one", i)
		}
	}
	for i, erased := range []bool{true, true, false, false, false, false, false} {
		if r := after[i].Records; len(r) > 0 && (r[0].Erased != nil) != erased {
			t.Errorf("leaf %d has %+v", i, r)
		}
	}
	if _, err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Audit(t.Context()); err != nil || a.Erased != 2 || a.ErasedRecords != 2 ||
		a.Leaves != 11 {
		t.Errorf("the audit saw %+v, %v", a, err)
	}
	for row := range provisioning.All[provisioning.Person](s.Snapshot()) {
		if row.ID != "p2-bea-beck" {
			t.Errorf("%s is in memory", row.ID)
		}
	}
	closeStore(t, s)
	all := contents(t, o)
	for _, word := range []string{"Ada Adams", "p1-ada-adams", strings.Repeat("1", 32)} {
		if strings.Contains(all, word) {
			t.Errorf("the file still says %q", word)
		}
	}
	for _, word := range []string{"Bea Beck", "tries/p2-bea-beck", strings.Repeat("2", 32)} {
		if !strings.Contains(all, word) {
			t.Errorf("the file does not say %q any more", word)
		}
	}
	s = open(t, o)
	if a, err := s.Audit(t.Context()); err != nil || a.Erased != 2 {
		t.Errorf("after a restart the audit saw %+v, %v", a, err)
	}
}

// TestEraseAgain: a person who comes back is another one to the file, and what a copy from before
// knows of them is found by the mark.
func TestEraseAgain(t *testing.T) {
	o := options(t)
	s := create(t, o)
	lives(t, s)
	closeStore(t, s)
	copied := o
	copied.Path += ".old"
	data, err := os.ReadFile(o.Path)
	if err == nil {
		err = os.WriteFile(copied.Path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	mark := eraseAda(t, s).Mark
	do(t, s, change("back").Put(provisioning.Person{ID: "p1-ada-adams", Name: "Ada Adams"}))
	if known, err := s.Marked(t.Context(), []string{mark}); err != nil || len(known) != 0 {
		t.Errorf("whoever came back is %v, %v", known, err)
	}
	old := open(t, copied)
	known, err := old.Marked(t.Context(), []string{mark, "0123"})
	if err != nil || len(known) != 1 || known[mark] != "p1-ada-adams" {
		t.Errorf("the copy knows %v, %v", known, err)
	}
}

// TestEraseIsOfNow: what was traced before something else was written is refused.
func TestEraseIsOfNow(t *testing.T) {
	s := create(t, options(t))
	lives(t, s)
	traces, err := s.Trace(t.Context(), "p1-ada-adams", mentionsAda, provisioning.Traces{})
	if err != nil {
		t.Fatal(err)
	}
	erasing := provisioning.Erasing{Person: "p1-ada-adams", Traces: traces}
	do(t, s, change("lend").Put(loan("l3", "p1-ada-adams", provisioning.LoanReturned)).Publish(
		record(strings.Repeat("c", 32))))
	about := provisioning.NewChange(provisioning.Entry{Act: "erase", Person: "p1-ada-adams"})
	for name, c := range map[string]provisioning.Change{
		"traces of before":           change("erase").Erase(erasing),
		"an entry about them":        about.Erase(erasing),
		"a row of theirs":            change("erase").Put(provisioning.Person{ID: "p1-ada-adams"}).Erase(erasing),
		"nobody":                     change("erase").Erase(provisioning.Erasing{Traces: traces}),
		"a record that never was":    change("a").Publish(feed.Record{Erased: make([]byte, 32)}),
		"an erased record with more": change("a").Publish(feed.Record{ID: "a", Kind: "b", Erased: []byte{}}),
	} {
		if _, err := s.Do(t.Context(), always(c)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	more, err := s.Trace(t.Context(), "p1-ada-adams", mentionsAda, traces)
	if err != nil || more.Position != traces.Position+1 || len(more.Strays) != len(traces.Strays) ||
		!slices.Equal(more.Records, traces.Records) {
		t.Errorf("traced on: %+v, %v", more, err)
	}
	erasing.Traces = more
	do(t, s, change("erase").Erase(erasing))
}

// TestEraseOldFile: records that an older version sealed with the file's own key go as well.
func TestEraseOldFile(t *testing.T) {
	o := options(t)
	s := create(t, o)
	lives(t, s)
	closeStore(t, s)
	rewrite(t, o, func(tx *boltfile.Tx, _ *boltfile.File) error {
		var lines []boltfile.Item
		err := tx.ForEach(recordBucket, nil, nil, func(i boltfile.Item) error {
			lines = append(lines, boltfile.Item{Key: bytes.Clone(i.Key), Value: i.Value})
			return nil
		})
		for _, i := range lines {
			err = errors.Join(err, tx.Put(recordBucket, i.Key, i.Value))
		}
		return err
	})
	s = open(t, o)
	if traces := eraseAda(t, s); len(traces.Records) != 2 || len(traces.Strays) != 4 {
		t.Errorf("traced %+v", traces)
	}
	if a, err := s.Audit(t.Context()); err != nil || a.ErasedRecords != 2 {
		t.Errorf("the audit saw %+v, %v", a, err)
	}
}

// BenchmarkErase erases one person from a full-grown file, and says what the desk waits for.
func BenchmarkErase(b *testing.B) {
	o := options(b)
	buildLarge(b, o, benchEntries)
	s := open(b, o)
	var traced, erased, wrote time.Duration
	for i := range b.N {
		person := provisioning.PersonID([]string{"B00000007", "B00000008", "B00000009"}[i%3])
		start := time.Now()
		traces, err := s.Trace(b.Context(), person, mentionsAda, provisioning.Traces{})
		if err != nil {
			b.Fatal(err)
		}
		traced += time.Since(start)
		start = time.Now()
		do(b, s, change("erase").Erase(provisioning.Erasing{Person: person, Traces: traces}))
		erased += time.Since(start)
		c, err := s.Compact()
		if err != nil {
			b.Fatal(err)
		}
		wrote += c.Took
		b.ReportMetric(float64(c.After>>20), "file-MB")
	}
	b.ReportMetric(0, "ns/op")
	for name, took := range map[string]time.Duration{"beside-the-desk": traced, "commit": erased,
		"writers-wait": wrote} {
		b.ReportMetric(float64(took.Milliseconds())/float64(b.N), name+"-ms")
	}
}
