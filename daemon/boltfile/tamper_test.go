package boltfile

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"go.etcd.io/bbolt"
)

// filled is a closed file with three values: two of the desk, one of ada.
func filled(t *testing.T) Options {
	t.Helper()
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	put(t, f, "", "a", "first")
	put(t, f, "", "b", "second")
	put(t, f, "ada", "c", "third")
	put(t, f, "bob", "d", "fourth")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return o
}

// tamper changes a closed file behind its back, with every checksum of bbolt right.
func tamper(t *testing.T, o Options, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(o.Path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestChangedValuesAreNoticed(t *testing.T) {
	move := func(from, to string) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			rows := tx.Bucket([]byte("rows"))
			return rows.Put([]byte(to), bytes.Clone(rows.Get([]byte(from))))
		}
	}
	cases := []struct {
		name   string
		change func(*bbolt.Tx) error
		key    string
	}{
		{"a row of the desk in another's place", move("a", "b"), "b"},
		{"a row of a person in another's place", move("c", "d"), "d"},
		{"a row of a person in the place of the desk's", move("c", "a"), "a"},
		{"a row under a new key", move("a", "e"), "e"},
		{"a row from another bucket", func(tx *bbolt.Tx) error {
			value := bytes.Clone(tx.Bucket([]byte("rows")).Get([]byte("a")))
			return tx.Bucket([]byte("logs")).Put([]byte("a"), value)
		}, ""},
		{"an empty value", func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("rows")).Put([]byte("a"), nil)
		}, "a"},
		{"a missing key of a person", func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(keyBucket)).Delete(Number(0))
		}, "c"},
		{"another's key", func(tx *bbolt.Tx) error {
			keys := tx.Bucket([]byte(keyBucket))
			return keys.Put(Number(0), bytes.Clone(keys.Get(Number(1))))
		}, "c"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := filled(t)
			tamper(t, o, c.change)
			f := mustOpen(t, o)
			if c.key != "" {
				if _, err := get(f, c.key); !errors.Is(err, ErrDamaged) {
					t.Errorf("got %v", err)
				}
			}
			r, err := f.Check(context.Background())
			if !errors.Is(err, ErrDamaged) || r.Damaged == 0 {
				t.Errorf("the check saw %+v, %v", r, err)
			}
		})
	}
}

// bbolt itself notices none of these.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	o := filled(t)
	for _, key := range []string{"a", "c"} {
		var stored []byte
		tamper(t, o, func(tx *bbolt.Tx) error {
			stored = bytes.Clone(tx.Bucket([]byte("rows")).Get([]byte(key)))
			return nil
		})
		f := mustOpen(t, o)
		err := f.View(func(tx *Tx) error {
			for i := range stored {
				for bit := range 8 {
					stored[i] ^= 1 << bit
					if _, err := tx.open("rows", []byte(key), stored); !errors.Is(err, ErrDamaged) {
						t.Errorf("%s: byte %d bit %d: %v", key, i, bit, err)
					}
					stored[i] ^= 1 << bit
				}
			}
			_, err := tx.open("rows", []byte(key), stored)
			return err
		})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlippedBitsInTheHeaderAreDamageAndNotAWrongKey(t *testing.T) {
	o := filled(t)
	var stored []byte
	header := func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket([]byte(headerBucket)) }
	tamper(t, o, func(tx *bbolt.Tx) error {
		stored = bytes.Clone(header(tx).Get([]byte("header")))
		return nil
	})
	for i := 0; i < len(stored); i += 7 {
		changed := bytes.Clone(stored)
		changed[i] ^= 0x10
		tamper(t, o, func(tx *bbolt.Tx) error { return header(tx).Put([]byte("header"), changed) })
		if _, err := Open(o, testKey); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	// A header made anew by somebody without the key has a good checksum.
	parts, err := decodeHeader(stored)
	if err != nil {
		t.Fatal(err)
	}
	parts.text = bytes.Replace(parts.text, []byte(`"Feed":"f"`), []byte(`"Feed":"g"`), 1)
	tamper(t, o, func(tx *bbolt.Tx) error {
		return header(tx).Put([]byte("header"), parts.encode())
	})
	if _, err := Open(o, testKey); !errors.Is(err, ErrDamaged) {
		t.Errorf("a forged header: %v", err)
	}
}

// Pages overwritten at random may be noticed early or late, but never by a panic, a hang, or a
// wrong value.
func TestOverwrittenPages(t *testing.T) {
	o := filled(t)
	whole, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for at := 2 * page; at+page <= len(whole); at += page {
		broken := bytes.Clone(whole)
		for i := range page {
			broken[at+i] ^= 0x5a
		}
		if err := os.WriteFile(o.Path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(o, testKey)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d: %v", at/page, err)
			}
			continue
		}
		for key, want := range map[string]string{"a": "first", "c": "third"} {
			got, err := get(f, key)
			if err == nil && got != want || err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d: %q, %v", at/page, got, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErasingAPerson(t *testing.T) {
	o := filled(t)
	f := mustOpen(t, o)
	for _, want := range []bool{true, false} {
		if found, err := f.EraseKey("ada"); err != nil || found != want {
			t.Fatalf("erased: %v, %v", found, err)
		}
	}
	if _, err := get(f, "c"); !errors.Is(err, ErrErased) {
		t.Errorf("ada's row: %v", err)
	}
	// Ada comes back and gets another key.
	put(t, f, "ada", "e", "anew")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, o)
	for key, want := range map[string]string{"a": "first", "d": "fourth", "e": "anew"} {
		if got, err := get(f, key); err != nil || got != want {
			t.Errorf("%s is %q, %v", key, got, err)
		}
	}
	r, err := f.Check(context.Background())
	if err != nil || r.Erased != 1 || r.Damaged != 0 {
		t.Errorf("the check saw %+v, %v", r, err)
	}
	var erased []string
	err = f.View(func(tx *Tx) error {
		return tx.ForEach("rows", nil, nil, func(i Item) error {
			if i.Erased {
				erased = append(erased, string(i.Key))
			}
			return nil
		})
	})
	if err != nil || len(erased) != 1 || erased[0] != "c" {
		t.Errorf("erased: %v, %v", erased, err)
	}
}

// Nothing that was written may be readable in the file: values, names of people, keys.
func TestTheFileTellsNothing(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	err := f.Update(func(tx *Tx) error {
		return tx.PutFor("ada lovelace", "rows", f.Blind("person", "ada lovelace"),
			[]byte("born 1815"))
	})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range [][]byte{[]byte("lovelace"), []byte("1815"), testKey, f.keys.file[:]} {
		if bytes.Contains(whole, leak) {
			t.Errorf("the file contains %q", leak)
		}
	}
}

func TestBlind(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	if !bytes.Equal(f.Blind("a", "b"), f.Blind("a", "b")) {
		t.Error("a blinded name changes")
	}
	seen := map[string]bool{}
	for _, names := range [][]string{{"a", "b"}, {"b", "a"}, {"ab"}, {"a", "b", ""}, {"", "ab"}} {
		seen[string(f.Blind(names...))] = true
	}
	if len(seen) != 5 {
		t.Error("names run into each other")
	}
	other := options(t)
	mustCreate(t, other)
	if bytes.Equal(f.Blind("a"), mustOpen(t, other).Blind("a")) {
		t.Error("two files blind alike")
	}
}
