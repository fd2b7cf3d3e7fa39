package verifier

import (
	"bytes"
	"errors"
	"testing"
)

type movedRow struct {
	table      string
	key, value []byte
}

func writeMove(t testing.TB, head moveHead, rows []movedRow) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newMoveWriter(&out, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.row(r.table, r.key, r.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readMove(data []byte) (head moveHead, rows []movedRow, err error) {
	r, head, err := newMoveReader(bytes.NewReader(data))
	if err != nil {
		return head, nil, err
	}
	err = r.each(func(table string, key, value []byte) error {
		rows = append(rows, movedRow{table, bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	return head, rows, err
}

func TestMoveRowsAreCountedAndHashed(t *testing.T) {
	head := moveHead{Version: moveVersion, Export: "e", Key: "k", Name: "n"}
	good := writeMove(t, head, []movedRow{{"seed", []byte("a"), []byte("secret")},
		{"seed.tag", []byte("b"), nil}})
	if _, rows, err := readMove(good); err != nil || len(rows) != 2 {
		t.Fatalf("%v, %v", rows, err)
	}
	for at := range good {
		changed := bytes.Clone(good)
		changed[at] ^= 1
		if _, _, err := readMove(changed); err == nil {
			t.Fatalf("a change of byte %d passed", at)
		}
		if _, _, err := readMove(good[:at]); err == nil {
			t.Fatalf("a cut at %d passed", at)
		}
	}
	if _, _, err := readMove(append(good, 0)); !errors.Is(err, ErrMoveFile) {
		t.Errorf("one byte more: %v", err)
	}
	newer := writeMove(t, moveHead{Version: moveVersion + 1}, nil)
	if _, _, err := readMove(newer); err == nil {
		t.Error("a newer version passed")
	}
}

// What reads as rows writes as rows that read the same.
func FuzzMoveRows(f *testing.F) {
	f.Add(writeMove(f, moveHead{Version: moveVersion}, []movedRow{{"seed", []byte("a"), []byte("b")}}))
	f.Add([]byte{0, 0, 0, 13, '{', '"', 'v'})
	f.Fuzz(func(t *testing.T, data []byte) {
		head, rows, err := readMove(data)
		if err != nil {
			return
		}
		again, rowsAgain, err := readMove(writeMove(t, head, rows))
		if err != nil || again != head || len(rows) != len(rowsAgain) {
			t.Fatalf("%+v, %d rows read again as %+v, %d rows, %v", head, len(rows), again,
				len(rowsAgain), err)
		}
		for i := range rows {
			if rows[i].table != rowsAgain[i].table || !bytes.Equal(rows[i].key, rowsAgain[i].key) ||
				!bytes.Equal(rows[i].value, rowsAgain[i].value) {
				t.Fatalf("row %d differs", i)
			}
		}
	})
}
