package boltfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
)

// storedKey is the sealed key of a subject as it lies in the file.
func storedKey(t *testing.T, f *File, subject string) []byte {
	t.Helper()
	var stored []byte
	err := f.View(func(tx *Tx) error {
		id, _, err := tx.keyNumber(subject)
		if err != nil {
			return err
		}
		stored = bytes.Clone(tx.bolt.Bucket([]byte(keyBucket)).Get(Number(id)))
		return nil
	})
	if err != nil || len(stored) == 0 {
		t.Fatal("no key", err)
	}
	return stored
}

func raw(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCompactDropsErasedKeys: an erased key lies in a free page until the file is written anew, and
// not after that; everything else is there as it was.
func TestCompactDropsErasedKeys(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	err := f.Update(func(tx *Tx) error {
		_, err := tx.Append("rows", []byte("kept"))
		return errors.Join(err, tx.PutFor("ada", "rows", []byte("a"), []byte("hers")),
			tx.PutFor("bea", "rows", []byte("b"), []byte("bea's")))
	})
	if err != nil {
		t.Fatal(err)
	}
	key := storedKey(t, f, "ada")
	if found, err := f.EraseKey("ada"); err != nil || !found {
		t.Fatal(found, err)
	}
	if !bytes.Contains(raw(t, o.Path), key) {
		t.Fatal("the erased key is not in a free page: the test proves nothing")
	}
	header := f.Header()
	c, err := f.Compact()
	if err != nil || c.Before <= 0 || c.After <= 0 || c.Took <= 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	for range 2 {
		if bytes.Contains(raw(t, o.Path), key) {
			t.Error("the erased key is still in the file")
		}
		wantValue(t, f, "a", "", ErrErased)
		wantValue(t, f, "b", "bea's", nil)
		wantValue(t, f, string(Number(0)), "kept", nil)
		if r, err := f.Check(t.Context()); err != nil || r.Erased != 1 {
			t.Errorf("the check saw %+v, %v", r, err)
		}
		if f.Header() != header {
			t.Errorf("the header is %+v", f.Header())
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if f, err = Open(o, testKey); err != nil {
			t.Fatal(err)
		}
	}
	defer f.Close()
	if info, err := os.Stat(o.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(compactPath(o.Path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the draft is there: %v", err)
	}
}

func wantValue(t *testing.T, f *File, key, value string, wrong error) {
	t.Helper()
	err := f.View(func(tx *Tx) error {
		got, err := tx.Get("rows", []byte(key))
		if err == nil && string(got) != value {
			t.Errorf("%q has %q", key, got)
		}
		return err
	})
	if !errors.Is(err, wrong) {
		t.Errorf("%q: %v", key, err)
	}
}

// TestCompactBesideWork: whoever writes meanwhile waits, whoever reads sees what was committed, and
// nothing is lost.
func TestCompactBesideWork(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	defer f.Close()
	const writers, each = 4, 30
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				err := f.Update(func(tx *Tx) error {
					_, err := tx.AppendFor("ada", "logs", []byte(strings.Repeat("x", 300)))
					return err
				})
				err = errors.Join(err, f.View(func(tx *Tx) error {
					n, err := tx.Count("logs")
					if err == nil && n > 0 {
						_, err = tx.Get("logs", Number(n-1))
					}
					return err
				}))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 8 {
		if _, err := f.Compact(); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	err := f.View(func(tx *Tx) error {
		n, err := tx.Count("logs")
		if n != writers*each {
			t.Errorf("%d values are there", n)
		}
		return err
	})
	if _, check := f.Check(t.Context()); err != nil || check != nil {
		t.Error(err, check)
	}
}

// TestCompactThatFails: before the new file is in place the old one goes on as if nothing was; what
// a killed process left of a new one is cleared away.
func TestCompactThatFails(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	put := func(value string) error {
		return f.Update(func(tx *Tx) error { return tx.Put("rows", []byte("k"), []byte(value)) })
	}
	if err := put("one"); err != nil {
		t.Fatal(err)
	}
	blocked := compactPath(o.Path) + "/x"
	if err := os.MkdirAll(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Compact(); err == nil || errors.Is(err, ErrCommit) {
		t.Errorf("with no place for the new file: %v", err)
	}
	if err := os.RemoveAll(compactPath(o.Path)); err != nil {
		t.Fatal(err)
	}
	wantValue(t, f, "k", "one", nil)
	if err := put("two"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(f.Close(),
		os.WriteFile(compactPath(o.Path), []byte("half a file"), 0o600)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(o, testKey)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := os.Stat(compactPath(o.Path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file is left: %v", err)
	}
	wantValue(t, f, "k", "two", nil)
}

// TestMark: a mark is of the key, not of the person: another key has another.
func TestMark(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	defer f.Close()
	mark := func() (mark []byte, known bool) {
		err := f.View(func(tx *Tx) (err error) {
			mark, known, err = tx.Mark("ada")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return mark, known
	}
	put := func() {
		err := f.Update(func(tx *Tx) error {
			return tx.PutFor("ada", "rows", []byte("a"), []byte("hers"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, known := mark(); known {
		t.Error("somebody without a key has a mark")
	}
	put()
	first, known := mark()
	if again, _ := mark(); !known || !bytes.Equal(first, again) || len(first) != 16 {
		t.Errorf("%x and %x", first, again)
	}
	if _, err := f.EraseKey("ada"); err != nil {
		t.Fatal(err)
	}
	put()
	if second, _ := mark(); bytes.Equal(first, second) {
		t.Error("a new key has the old mark")
	}
}

// TestAdopt: a value of the file's own is erased with the subject who adopted it, and is met by
// ForEachOf under whoever has it now.
func TestAdopt(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	defer f.Close()
	of := func(subject string) (keys string) {
		err := f.View(func(tx *Tx) error {
			return tx.ForEachOf(subject, "rows", nil, nil, nil, func(i Item) error {
				keys += string(i.Key)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	err := f.Update(func(tx *Tx) error {
		return errors.Join(tx.Put("rows", []byte("a"), []byte("1")),
			tx.Put("rows", []byte("b"), []byte("2")), tx.Adopt("ada", "rows", []byte("a")))
	})
	if err != nil || of("ada") != "a" || of("") != "b" || of("bea") != "" {
		t.Fatalf("%v: %q %q %q", err, of("ada"), of(""), of("bea"))
	}
	if _, err := f.EraseKey("ada"); err != nil {
		t.Fatal(err)
	}
	wantValue(t, f, "a", "", ErrErased)
	wantValue(t, f, "b", "2", nil)
	if of("ada") != "" {
		t.Error("somebody without a key has values")
	}
}

// TestCompactLarge: a file that grows while it is copied is as long as it says, and whole.
func TestCompactLarge(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	const n = 2400
	value := bytes.Repeat([]byte("v"), 9000) // more than a page: 20 MB in all
	err := f.Update(func(tx *Tx) error {
		for i := range uint64(n) {
			if err := tx.Put("rows", Number(i), value); err != nil {
				return err
			}
		}
		return nil
	})
	err = errors.Join(err, f.Update(func(tx *Tx) error {
		return errors.Join(tx.Delete("rows", Number(0)), tx.Delete("rows", Number(n-1)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.Compact(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, o)
	wantValue(t, f, string(Number(1)), string(value), nil)
	wantValue(t, f, string(Number(0)), "", ErrAbsent)
	if r, err := f.Check(t.Context()); err != nil || r.Values != n-2 {
		t.Errorf("the check saw %+v, %v", r, err)
	}
}

// TestCompactCutShort: whatever a cut leaves of the file before, the next opening overwrites it and
// gives it back, and never takes the file itself for it.
func TestCompactCutShort(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	cut := false
	o.Commit = func(commit func() error) error {
		if cut {
			return errors.New("the power is gone")
		}
		return commit()
	}
	f, err := Open(o, testKey)
	if err != nil {
		t.Fatal(err)
	}
	put := f.Update(func(tx *Tx) error { return tx.PutFor("ada", "rows", []byte("a"), []byte("hers")) })
	key := storedKey(t, f, "ada")
	if _, err := f.EraseKey("ada"); errors.Join(put, err) != nil {
		t.Fatal(put, err)
	}
	cut = true
	for range 2 {
		if _, err := f.Compact(); !errors.Is(err, ErrCommit) {
			t.Fatal(err)
		}
		cut = false
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.Open(oldPath(o.Path)) // the next opening takes the name away
	if err != nil {
		t.Fatal("the file before has no name: ", err)
	}
	defer before.Close()
	if !bytes.Contains(raw(t, oldPath(o.Path)), key) {
		t.Fatal("the erased key is not in the file before: the test proves nothing")
	}
	if f, err = Open(o, testKey); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(before); err != nil || len(data) == 0 || bytes.Contains(data, key) {
		t.Errorf("%d bytes of the file before are there, with the key: %v", len(data), err)
	}
	wantGone(t, oldPath(o.Path))

	// Cut between the second name and the change: both are of the file that goes on.
	if err := errors.Join(f.Close(), os.Link(o.Path, oldPath(o.Path))); err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, o)
	wantGone(t, oldPath(o.Path))
	wantValue(t, f, "a", "", ErrErased)
	if _, err := f.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := f.Compact(); err != nil {
		t.Error(err)
	}
	wantGone(t, oldPath(o.Path))
}

func wantGone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}
