package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// tree keeps a Merkle tree of its own, as a follower would.
type tree struct{ hashes []tlog.Hash }

func (t *tree) read(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, i := range indexes {
		found = append(found, t.hashes[i])
	}
	return found, nil
}

func (t *tree) add(tb testing.TB, at int64, leaf feed.Leaf) {
	tb.Helper()
	hashes, err := tlog.StoredHashesForRecordHash(at, leaf.Hash(), tlog.HashReaderFunc(t.read))
	if err != nil {
		tb.Fatal(err)
	}
	t.hashes = append(t.hashes, hashes...)
}

// verify opens a checkpoint as a follower would and compares it with the tree.
func (t *tree) verify(tb testing.TB, s *Store, size int64) {
	tb.Helper()
	_, vkey, err := note.GenerateKey(zeros{}, testDesk)
	if err != nil {
		tb.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := s.Checkpoint(size)
	if err != nil {
		tb.Fatal(err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		tb.Fatal(err)
	}
	got, err := feed.ParseCheckpoint(opened.Text)
	if err != nil {
		tb.Fatal(err)
	}
	root, err := tlog.TreeHash(size, tlog.HashReaderFunc(t.read))
	if err != nil {
		tb.Fatal(err)
	}
	want := feed.Checkpoint{Origin: testDesk + "/" + s.Feed(), Size: size, Root: root}
	if got != want {
		tb.Errorf("checkpoint %v, want %v", got, want)
	}
}

// fillLog commits n changes, each third with records, and restarts in between.
func fillLog(t testing.TB, o Options, n int) *Store {
	t.Helper()
	s := create(t, o)
	for i := range n {
		c := provisioning.NewChange(provisioning.Entry{Act: "a", Outcome: fmt.Sprint(i),
			Person: provisioning.PersonID([]string{"", "p1", "p2"}[i%3])})
		if i%3 == 1 {
			c = c.Publish(record(fmt.Sprint("r", i)), record(fmt.Sprint("s", i)))
		}
		if at := do(t, s, c); at != int64(i+1) {
			t.Fatalf("change %d has position %d", i, at)
		}
		if i == n/2 {
			closeStore(t, s)
			s = open(t, o)
		}
	}
	return s
}

func TestFollowerSeesTheSameTree(t *testing.T) {
	const n = 40
	s := fillLog(t, options(t), n)
	var own tree
	own.verify(t, s, 0)
	for at := int64(0); at < n; {
		leaves, err := s.Leaves(t.Context(), at, 7)
		if err != nil || len(leaves) == 0 {
			t.Fatalf("%d leaves after %d, %v", len(leaves), at, err)
		}
		for _, leaf := range leaves {
			if err := leaf.Check(); err != nil {
				t.Fatal(err)
			}
			if want := 2 * int(at%3%2); len(leaf.Records) != want {
				t.Errorf("leaf %d has %d records, want %d", at, len(leaf.Records), want)
			}
			own.add(t, at, leaf)
			at++
			own.verify(t, s, at)
		}
	}
	if diff := cmp.Diff(record("r37"), mustLeaf(t, s, 37).Records[0]); diff != "" {
		t.Error(diff)
	}
	if s.Head() != n || s.FeedHead() != 38 {
		t.Errorf("head %d, feed head %d", s.Head(), s.FeedHead())
	}
}

func mustLeaf(t *testing.T, s *Store, at int64) feed.Leaf {
	t.Helper()
	leaves, err := s.Leaves(t.Context(), at, 1)
	if err != nil || len(leaves) != 1 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	return leaves[0]
}

func TestPositionsOutsideTheLog(t *testing.T) {
	s := fillLog(t, options(t), 3)
	if leaves, err := s.Leaves(t.Context(), 3, 10); err != nil || len(leaves) != 0 {
		t.Errorf("at the end: %v, %v", leaves, err)
	}
	if leaves, err := s.Leaves(t.Context(), 0, -1); err != nil || len(leaves) != 0 {
		t.Errorf("a limit below none: %v, %v", leaves, err)
	}
	for _, at := range []int64{-1, 4} {
		_, leafErr := s.Leaves(t.Context(), at, 1)
		_, entryErr := s.Entries(t.Context(), at, 1)
		_, signErr := s.Checkpoint(at)
		for _, err := range []error{leafErr, entryErr, signErr} {
			if !errors.Is(err, ErrRange) {
				t.Errorf("position %d: %v", at, err)
			}
		}
	}
}

func TestEntries(t *testing.T) {
	const n = 300 // more than a page of Newest
	s := fillLog(t, options(t), n)
	entries, err := s.Entries(t.Context(), 290, 5)
	if err != nil || len(entries) != 5 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	want := Logged{Position: 291, Entry: provisioning.Entry{At: testTime, Desk: testDesk, Act: "a",
		Outcome: "290", Person: "p2"}}
	if diff := cmp.Diff(want, entries[0]); diff != "" {
		t.Error(diff)
	}
	next := n
	for logged, err := range s.Newest(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if logged.Position != int64(next) || logged.Entry.Outcome != fmt.Sprint(next-1) {
			t.Fatalf("position %d, outcome %s, want %d", logged.Position,
				logged.Entry.Outcome, next)
		}
		next--
	}
	if next != 0 {
		t.Errorf("%d entries were not met", next)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Newest(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestWatches(t *testing.T) {
	s := create(t, options(t))
	closed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	all, published := s.Changed(), s.FeedChanged()
	_, err := s.Do(t.Context(), always(provisioning.Change{}))
	if err == nil || closed(all) || closed(published) {
		t.Errorf("a refused change woke somebody, %v", err)
	}
	do(t, s, change("quiet").Put(token("1", provisioning.TokenStock)))
	if !closed(all) || closed(published) {
		t.Error("a quiet change must wake Changed alone")
	}
	all = s.Changed()
	do(t, s, change("loud").Publish(record("r")))
	if !closed(all) || !closed(published) {
		t.Error("a change with records must wake both")
	}
	if closed(s.Changed()) || closed(s.FeedChanged()) {
		t.Error("a new watch is awake")
	}
}

// rewrite changes a closed store's file with the desk's own key: what remains to notice it is the
// log.
func rewrite(t *testing.T, o Options, change func(*boltfile.Tx, *boltfile.File) error) {
	t.Helper()
	f, err := boltfile.Open(o.file(), o.Key.Expose())
	if err != nil {
		t.Fatal(err)
	}
	err = f.Update(func(tx *boltfile.Tx) error { return change(tx, f) })
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAnotherLog(t *testing.T) {
	cut := func(buckets ...string) func(*boltfile.Tx, *boltfile.File) error {
		return func(tx *boltfile.Tx, _ *boltfile.File) error {
			for _, bucket := range buckets {
				if err := tx.Delete(bucket, boltfile.Number(9)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	cases := map[string]func(*boltfile.Tx, *boltfile.File) error{
		"an entry cut off":    cut(entryBucket),
		"a leaf cut off":      cut(leafBucket),
		"a whole end cut off": cut(entryBucket, leafBucket, hashBucket),
		"a hash replaced": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(hashBucket, boltfile.Number(9), make([]byte, 2*tlog.HashSize))
		},
		"hashes cut short": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(hashBucket, boltfile.Number(7), make([]byte, tlog.HashSize))
		},
		"a record of a later leaf": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(recordBucket, recordKey(10, 0), record("r").Canonical())
		},
		"a checkpoint of another log": func(tx *boltfile.Tx, _ *boltfile.File) error {
			text := feed.Checkpoint{Origin: "d2/x", Size: 10}.Text()
			return tx.Put(signedBucket, []byte(signedKey), []byte(text+"\n"))
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			closeStore(t, fillLog(t, o, 10))
			rewrite(t, o, change)
			s, err := Open(t.Context(), o)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, ErrLog) || !strings.Contains(err.Error(), o.Path) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAuditNoticesWhatOpenDoesNotLookAt(t *testing.T) {
	const n = 10
	cases := map[string]func(*boltfile.Tx, *boltfile.File) error{
		"an entry rewritten": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(entryBucket, boltfile.Number(3),
				append(make([]byte, saltSize), `{"Act":"a"}`...))
		},
		"an entry removed": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Delete(entryBucket, boltfile.Number(3))
		},
		"a leaf rewritten": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(leafBucket, boltfile.Number(3), make([]byte, 32))
		},
		"a leaf removed": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Delete(leafBucket, boltfile.Number(3))
		},
		"a record rewritten": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(recordBucket, recordKey(4, 1), record("other").Canonical())
		},
		"a record removed": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Delete(recordBucket, recordKey(4, 1))
		},
		"a record added": func(tx *boltfile.Tx, _ *boltfile.File) error {
			return tx.Put(recordBucket, recordKey(3, 0), record("more").Canonical())
		},
		"a leaf and its hash rewritten": func(tx *boltfile.Tx, _ *boltfile.File) error {
			entry := append(make([]byte, saltSize), `{"Act":"forged"}`...)
			data := feed.Commit([saltSize]byte{}, entry[saltSize:])
			hash := tlog.RecordHash(data)
			return errors.Join(tx.Put(entryBucket, boltfile.Number(2), entry),
				tx.Put(leafBucket, boltfile.Number(2), data),
				tx.Put(hashBucket, boltfile.Number(2), hash[:]))
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			closeStore(t, fillLog(t, o, n))
			rewrite(t, o, change)
			s := open(t, o)
			if a, err := s.Audit(t.Context()); !errors.Is(err, ErrLog) {
				t.Errorf("the audit saw %+v, %v", a, err)
			}
		})
	}
	s := fillLog(t, options(t), n)
	a, err := s.Audit(t.Context())
	if err != nil || a.Leaves != n || a.Records != 6 || a.Erased != 0 {
		t.Errorf("the audit saw %+v, %v", a, err)
	}
	want, err := s.Checkpoint(n)
	if err != nil || string(a.Checkpoint) != string(want) {
		t.Errorf("it signed %q, %v", a.Checkpoint, err)
	}
}

func TestCheckpointsAreKeptInTheFile(t *testing.T) {
	o := options(t)
	s := create(t, o)
	for range checkpointEvery + 3 {
		do(t, s, change("a"))
	}
	if s.signed != checkpointEvery {
		t.Errorf("signed %d leaves", s.signed)
	}
	closeStore(t, s)
	if s = open(t, o); s.signed != checkpointEvery+3 {
		t.Errorf("signed %d leaves at stop", s.signed)
	}
}

func TestErasingAPersonKeepsTheLog(t *testing.T) {
	o := options(t)
	s := fillLog(t, o, 9)
	person := provisioning.Person{ID: "p1", Name: "Ada"}
	do(t, s, change("rows").Put(person, provisioning.Person{ID: "p2"},
		loan("l1", "p1", provisioning.LoanOpen), loan("l2", "p1", provisioning.LoanVoid),
		token("1", provisioning.TokenLoaned)))
	want, err := s.Checkpoint(10)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	rewrite(t, o, func(tx *boltfile.Tx, _ *boltfile.File) error {
		_, err := tx.EraseKey("p1")
		return err
	})
	s = open(t, o)
	a, err := s.Audit(t.Context())
	if err != nil || a.Erased != 3 || string(a.Checkpoint) != string(want) {
		t.Errorf("the audit saw %+v, %v", a, err)
	}
	var people []provisioning.PersonID
	for p := range provisioning.All[provisioning.Person](s.Snapshot()) {
		people = append(people, p.ID)
	}
	if !slices.Equal(people, []provisioning.PersonID{"p2"}) {
		t.Errorf("people: %v", people)
	}
	if _, ok := s.Snapshot().Get(provisioning.KindLoan, "l1"); ok {
		t.Error("the person's loan is there")
	}
	if row, ok, err := s.Archived(provisioning.KindLoan, "l2"); ok || err != nil {
		t.Errorf("the person's archived loan: %v, %v", row, err)
	}
	if found := serials(s.Snapshot(), "", ""); len(found) != 1 {
		t.Errorf("tokens: %v", found)
	}
	entries, err := s.Entries(t.Context(), 0, 3)
	if err != nil || entries[0].Erased || !entries[1].Erased || entries[1].Entry.Act != "" {
		t.Errorf("entries: %+v, %v", entries, err)
	}
	do(t, s, change("back").Put(person))
	if r, err := s.Check(t.Context()); err != nil || r.Erased != 11 { // five and the six records of their leaves
		t.Errorf("the check saw %+v, %v", r, err)
	}
}
