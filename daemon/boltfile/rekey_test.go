package boltfile_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// TestRekey: before the commit the old key opens the file and after it the new one, also when the
// disk failed and nobody knows which; what is in it stays.
func TestRekey(t *testing.T) {
	broken := errors.New("the disk failed")
	one := bytes.Repeat([]byte{1}, boltfile.KeySize)
	two := bytes.Repeat([]byte{2}, boltfile.KeySize)
	for name, c := range map[string]struct {
		commit func(func() error) error
		opens  []byte
		fails  bool
	}{
		"done":                      {nil, two, false},
		"failed":                    {func(func() error) error { return broken }, one, true},
		"failed, and happened also": {func(do func() error) error { return errors.Join(do(), broken) }, two, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := boltfile.Options{Path: filepath.Join(t.TempDir(), "f.db"), Kind: "test",
				Buckets: []string{"b"}}
			if err := boltfile.Create(o, one, boltfile.Birth{Created: time.Unix(1, 0)}); err != nil {
				t.Fatal(err)
			}
			f, err := boltfile.Open(o, one)
			if err != nil {
				t.Fatal(err)
			}
			put := func(tx *boltfile.Tx) error { return tx.Put("b", []byte("k"), []byte("v")) }
			if err := errors.Join(f.Update(put), f.Close()); err != nil {
				t.Fatal(err)
			}
			o.Commit = c.commit
			if f, err = boltfile.Open(o, one); err != nil {
				t.Fatal(err)
			}
			if err := f.Rekey(two); (err != nil) != c.fails {
				t.Errorf("rekey: %v", err)
			}
			if err := f.Rekey(two[:5]); !errors.Is(err, boltfile.ErrKey) {
				t.Errorf("a short key: %v", err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			o.Commit = nil
			opensWith(t, o, c.opens, one, two)
		})
	}
}

func opensWith(t *testing.T, o boltfile.Options, want []byte, keys ...[]byte) {
	t.Helper()
	for _, key := range keys {
		f, err := boltfile.Open(o, key)
		if !bytes.Equal(key, want) {
			if !errors.Is(err, boltfile.ErrWrongKey) {
				t.Errorf("key %d: %v", key[0], err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		err = f.View(func(tx *boltfile.Tx) error {
			value, err := tx.Get("b", []byte("k"))
			if string(value) != "v" {
				t.Errorf("the value is %q", value)
			}
			return err
		})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Error(err)
		}
	}
}
