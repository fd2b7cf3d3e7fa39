package store

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning"
)

// The index must give what a search of the whole table gives, whatever was put and removed, in the
// transaction, after it, and after a restart.
func TestIndexIsTheTableSearched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem, err := newMemory()
		if err != nil {
			t.Fatal(err)
		}
		txn := mem.Txn(true)
		start := someTokens(t, "start")
		var rows []tagged
		for _, row := range start {
			rows = append(rows, tagged{key: row.Key(), row: row})
		}
		fill(txn, provisioning.Token{}, rows)
		model := start
		for range rapid.IntRange(0, 5).Draw(t, "rounds") {
			for key, row := range someTokens(t, "puts") {
				model[key] = row
				putRow(txn, row)
			}
			for key, row := range someTokens(t, "deletes") {
				delete(model, key)
				deleteRow(txn, row)
			}
			compareIndex(t, snapshot{txn}, model)
		}
		txn.Commit()
		compareIndex(t, snapshot{mem.Txn(false)}, model)
	})
}

func someTokens(t *rapid.T, label string) map[string]provisioning.Row {
	rows := map[string]provisioning.Row{}
	for range rapid.IntRange(0, 300).Draw(t, label) {
		key := rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00")), 1, 6, -1).Draw(t, "key")
		rows[key] = provisioning.Token{ID: provisioning.TokenID(key),
			State: rapid.SampledFrom([]provisioning.TokenState{"", "x", "xx", "x\x00"}).
				Draw(t, "state"),
			Serial: rapid.SampledFrom([]string{"", key, "1"}).Draw(t, "serial")}
	}
	return rows
}

func compareIndex(t *rapid.T, s snapshot, model map[string]provisioning.Row) {
	for _, state := range []string{"", "x", "xx", "x\x00", "y"} {
		var want []provisioning.Row
		for _, row := range model {
			if state != "" && string(row.(provisioning.Token).State) == state {
				want = append(want, row)
			}
		}
		slices.SortFunc(want, func(a, b provisioning.Row) int {
			return cmp.Compare(a.Key(), b.Key())
		})
		got := slices.Collect(s.Find(provisioning.KindToken, provisioning.ByState, state))
		if !slices.Equal(got, want) {
			t.Fatalf("state %q: %v, want %v", state, got, want)
		}
	}
	if got := slices.Collect(s.Find(provisioning.KindToken, "", "")); len(got) != len(model) {
		t.Fatalf("%d rows, want %d", len(got), len(model))
	}
}

// A page list must not grow without end when rows come and go.
func TestEmptyPagesGo(t *testing.T) {
	mem, err := newMemory()
	if err != nil {
		t.Fatal(err)
	}
	txn := mem.Txn(true)
	fill(txn, provisioning.Token{}, nil)
	rows := make([]provisioning.Row, 0, 1000)
	for i := range 1000 {
		rows = append(rows, token(string(rune('a'+i%26))+string(rune('a'+i/26)), "stock"))
	}
	for range 3 {
		for _, row := range rows {
			putRow(txn, row)
		}
		for _, row := range rows {
			deleteRow(txn, row)
		}
	}
	pages, err := txn.Get(pageTable(provisioning.KindToken, provisioning.ByState), byKey)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for p := pages.Next(); p != nil; p = pages.Next() {
		left++
	}
	if left != 1 {
		t.Errorf("%d pages are left of nothing", left)
	}
}

func TestUnknownIndexPanics(t *testing.T) {
	s := create(t, options(t))
	defer func() {
		if recover() == nil {
			t.Error("an index that does not exist found nothing, quietly")
		}
	}()
	for range s.Snapshot().Find(provisioning.KindToken, provisioning.ByProof, "x") {
	}
}
