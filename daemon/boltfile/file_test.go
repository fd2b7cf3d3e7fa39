package boltfile

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

var testKey = bytes.Repeat([]byte{7}, KeySize)

func options(t *testing.T) Options {
	t.Helper()
	return Options{Path: filepath.Join(t.TempDir(), "desk.db"), Kind: "desk",
		Buckets: []string{"rows", "logs"}}
}

func birth() Birth {
	return Birth{Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Feed: "f", Epoch: 2,
		Continues: "d/f\n1\nx\n"}
}

func mustCreate(t *testing.T, o Options) {
	t.Helper()
	if err := Create(o, testKey, birth()); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, o Options) *File {
	t.Helper()
	f, err := Open(o, testKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func put(t *testing.T, f *File, subject, key, value string) {
	t.Helper()
	err := f.Update(func(tx *Tx) error {
		return tx.PutFor(subject, "rows", []byte(key), []byte(value))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(f *File, key string) (value string, err error) {
	err = f.View(func(tx *Tx) error {
		b, err := tx.Get("rows", []byte(key))
		value = string(b)
		return err
	})
	return value, err
}

func TestValuesSurviveReopening(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	put(t, f, "", "a", "of the desk")
	put(t, f, "ada", "b", "of ada")
	put(t, f, "", "a", "of the desk, again")
	header := f.Header()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, o)
	for key, want := range map[string]string{"a": "of the desk, again", "b": "of ada"} {
		if got, err := get(f, key); err != nil || got != want {
			t.Errorf("%s is %q, %v", key, got, err)
		}
	}
	if _, err := get(f, "c"); !errors.Is(err, ErrAbsent) {
		t.Errorf("a missing value: %v", err)
	}
	want := Header{Kind: "desk", Schema: 1, ID: header.ID, Created: birth().Created, Feed: "f",
		Epoch: 2, Continues: "d/f\n1\nx\n"}
	if diff := cmp.Diff(want, f.Header()); diff != "" || len(header.ID) != 32 {
		t.Error(diff)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := options(t)
	mustCreate(t, good)
	whole, err := os.ReadFile(good.Path)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		file []byte
		mode os.FileMode
		key  []byte
		with func(*Options)
		want error
	}{
		{name: "a missing file", want: ErrMissing},
		{name: "an empty file", file: []byte{}, want: ErrDamaged},
		{name: "garbage", file: bytes.Repeat([]byte("x"), 1<<16), want: ErrDamaged},
		{name: "a file cut short", file: whole[:3*os.Getpagesize()], want: ErrDamaged},
		{name: "a file others may read", file: whole, mode: 0o640, want: ErrExposed},
		{name: "a file others may write", file: whole, mode: 0o602, want: ErrExposed},
		{name: "a short key", file: whole, key: []byte("short"), want: ErrKey},
		{name: "another key", file: whole, key: bytes.Repeat([]byte{8}, KeySize),
			want: ErrWrongKey},
		{name: "a file of another program", file: whole,
			with: func(o *Options) { o.Kind = "verifier" }, want: ErrKind},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, key := options(t), testKey
			if c.file != nil {
				if err := os.WriteFile(o.Path, c.file, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.mode != 0 {
				if err := os.Chmod(o.Path, c.mode); err != nil {
					t.Fatal(err)
				}
			}
			if c.with != nil {
				c.with(&o)
			}
			if c.key != nil {
				key = c.key
			}
			f, err := Open(o, key)
			if err == nil {
				_ = f.Close()
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if !strings.Contains(err.Error(), o.Path) {
				t.Errorf("the sentence does not name the file: %v", err)
			}
		})
	}
}

// What was cut off may be nothing that opening has to read.
func TestOpenRefusesAFileThatLostItsEnd(t *testing.T) {
	o := filled(t)
	var size int64
	tamper(t, o, func(tx *bbolt.Tx) error { size = tx.Size(); return nil })
	if err := os.Truncate(o.Path, size-1); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(o, testKey); !errors.Is(err, ErrDamaged) {
		_ = f.Close()
		t.Fatalf("got %v", err)
	}
}

func TestOpenRefusesALockedFile(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	if _, err := Open(o, testKey); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, o)
}

// A damaged file makes bbolt panic while it holds the lock: the second try must not wait for it.
func TestDamagedFileGivesItsLockUp(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	whole, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for at := 2 * page; at < len(whole); at++ {
		whole[at] = 0xff // all but the two meta pages
	}
	if err := os.WriteFile(o.Path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open(o, testKey); !errors.Is(err, ErrDamaged) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestCreateRefusesAndLeavesNothing(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	if err := Create(o, testKey, birth()); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	if err := Create(o, nil, birth()); !errors.Is(err, ErrKey) {
		t.Errorf("got %v", err)
	}
	names, err := os.ReadDir(filepath.Dir(o.Path))
	if err != nil || len(names) != 1 {
		t.Errorf("the directory holds %v, %v", names, err)
	}
	info, err := os.Stat(o.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMigrations(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	put(t, f, "", "a", "1")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	add := func(suffix string) func(*Tx) error {
		return func(tx *Tx) error {
			value, err := tx.Get("rows", []byte("a"))
			if err != nil {
				return err
			}
			return tx.Put("rows", []byte("a"), append(value, suffix...))
		}
	}
	newer := o
	newer.Buckets = append(newer.Buckets, "more")
	newer.Migrations = []func(*Tx) error{add("2"), func(*Tx) error { return errors.New("no") }}
	if _, err := Open(newer, testKey); err == nil {
		t.Fatal("a migration that errs was ignored")
	}
	newer.Migrations[1] = add("3")
	for range 2 { // the second time there is nothing to do
		f = mustOpen(t, newer)
		if got, err := get(f, "a"); err != nil || got != "123" || f.Header().Schema != 3 {
			t.Errorf("got %q, %v, schema %d", got, err, f.Header().Schema)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(o, testKey); !errors.Is(err, ErrNewer) {
		t.Errorf("an older program: %v", err)
	}
}

func TestCommitFailures(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, happens := range map[string]bool{"did not happen": false, "happened": true} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			mustCreate(t, o)
			fail := true
			o.Commit = func(commit func() error) error {
				if happens || !fail {
					if err := commit(); err != nil || !fail {
						return err
					}
				}
				return broken
			}
			f := mustOpen(t, o)
			write := func(tx *Tx) error { return tx.Put("rows", []byte("a"), []byte("1")) }
			err := f.Update(write)
			if !errors.Is(err, ErrCommit) || !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
			fail = false
			if err := f.Update(write); !errors.Is(err, ErrCommit) {
				t.Errorf("the file was written again: %v", err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			o.Commit = nil
			_, err = get(mustOpen(t, o), "a")
			if happens != (err == nil) {
				t.Errorf("after reopening: %v", err)
			}
		})
	}
}

func TestErrorsAndPanicsChangeNothing(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	refused := errors.New("refused")
	err := f.Update(func(tx *Tx) error {
		if err := tx.Put("rows", []byte("a"), []byte("1")); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) || errors.Is(err, ErrCommit) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a mistake of the caller was swallowed")
			}
		}()
		_ = f.Update(func(tx *Tx) error {
			_ = tx.Put("rows", []byte("a"), []byte("1"))
			panic("a mistake")
		})
	}()
	if _, err := get(f, "a"); !errors.Is(err, ErrAbsent) {
		t.Errorf("something was written: %v", err)
	}
	put(t, f, "", "a", "2")
	if _, err := f.Check(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestUnknownBucketIsAnError(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	err := f.Update(func(tx *Tx) error { return tx.Put("nowhere", []byte("a"), nil) })
	if !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
}
