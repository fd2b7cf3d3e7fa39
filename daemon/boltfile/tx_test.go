package boltfile

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAppendNumbersFromZero(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	for round := range 3 {
		f := mustOpen(t, o)
		err := f.Update(func(tx *Tx) error {
			for i := range 100 {
				want := uint64(round*100 + i)
				n, err := tx.AppendFor([]string{"", "ada"}[i%2], "logs", Number(want))
				if err != nil || n != want {
					t.Fatalf("number %d, %v, want %d", n, err, want)
				}
			}
			return nil
		})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	err := mustOpen(t, o).View(func(tx *Tx) error {
		next := uint64(0)
		err := tx.ForEach("logs", nil, nil, func(i Item) error {
			if !bytes.Equal(i.Key, Number(next)) || !bytes.Equal(i.Value, Number(next)) {
				t.Fatalf("value %d is %x under %x", next, i.Value, i.Key)
			}
			next++
			return nil
		})
		n, countErr := tx.Count("logs")
		if n != 300 || next != 300 {
			t.Errorf("%d counted, %d met", n, next)
		}
		return errors.Join(err, countErr)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestForEachBounds(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	for _, key := range []string{"a", "b", "ba", "c"} {
		put(t, f, "", key, key)
	}
	cases := []struct {
		from, to string
		want     []string
	}{
		{"", "", []string{"a", "b", "ba", "c"}},
		{"b", "", []string{"b", "ba", "c"}},
		{"", "b", []string{"a"}},
		{"aa", "c", []string{"b", "ba"}},
		{"d", "", nil},
		{"c", "a", nil},
	}
	for _, c := range cases {
		var met []string
		err := f.View(func(tx *Tx) error {
			return tx.ForEach("rows", []byte(c.from), []byte(c.to), func(i Item) error {
				met = append(met, string(i.Value))
				return nil
			})
		})
		if err != nil || !slices.Equal(met, c.want) {
			t.Errorf("%q to %q: %v, %v", c.from, c.to, met, err)
		}
	}
	stop := errors.New("stop")
	err := f.View(func(tx *Tx) error {
		return tx.ForEach("rows", nil, nil, func(Item) error { return stop })
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestDelete(t *testing.T) {
	o := filled(t)
	f := mustOpen(t, o)
	for range 2 {
		err := f.Update(func(tx *Tx) error { return tx.Delete("rows", []byte("a")) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := get(f, "a"); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
}

// A value written twice never looks the same: neither nonce nor revision repeats.
func TestFramesNeverRepeat(t *testing.T) {
	o := options(t)
	mustCreate(t, o)
	f := mustOpen(t, o)
	var last uint64
	seen := map[string]bool{}
	for range 20 {
		put(t, f, "", "a", "same")
		err := f.View(func(tx *Tx) error {
			stored, err := decodeFrame(tx.bolt.Bucket([]byte("rows")).Get([]byte("a")))
			if err != nil {
				return err
			}
			if stored.revision <= last || seen[string(stored.nonce)] {
				t.Error("a revision or nonce repeats")
			}
			last, seen[string(stored.nonce)] = stored.revision, true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckStopsWithItsContext(t *testing.T) {
	f := mustOpen(t, filled(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzFrame(f *testing.F) {
	nonce := make([]byte, 24)
	f.Add(frame{form: formFile, revision: 1, nonce: nonce, box: make([]byte, 16)}.encode())
	f.Add(frame{form: formSubject, revision: 1, keyID: 2, nonce: nonce,
		box: make([]byte, 20)}.encode())
	f.Add([]byte{formSubject})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeFrame(b)
		if err != nil {
			return
		}
		if !bytes.Equal(d.encode(), b) {
			t.Errorf("%x became %x", b, d.encode())
		}
		key := deriveKeys([KeySize]byte{})
		if _, err := d.open(key.values, "rows", []byte("a")); err == nil {
			t.Error("a value nobody sealed opened")
		}
	})
}

func FuzzSealOpens(f *testing.F) {
	f.Add("rows", []byte("key"), []byte("value"), uint64(1), true)
	f.Fuzz(func(t *testing.T, bucket string, key, value []byte, n uint64, subject bool) {
		k := deriveKeys([KeySize]byte{1})
		in := frame{form: formFile, revision: n}
		if subject {
			in.form, in.keyID = formSubject, n^1
		}
		stored, err := decodeFrame(in.seal(k.values, bucket, key, value).encode())
		if err != nil {
			t.Fatal(err)
		}
		back, err := stored.open(k.values, bucket, key)
		if err != nil || !bytes.Equal(back, value) {
			t.Errorf("%x became %x, %v", value, back, err)
		}
		if _, err := stored.open(k.values, bucket+"x", key); err == nil {
			t.Error("it opens in another bucket")
		}
		if len(key) > 0 {
			if _, err := stored.open(k.values, bucket+string(key[:1]), key[1:]); err == nil {
				t.Error("bucket and key run into each other")
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	parts := headerParts{text: []byte(`{}`), mark: make([]byte, markSize), nonce: make([]byte, 24),
		box: make([]byte, KeySize+16)}
	f.Add(parts.encode())
	f.Add([]byte{0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, row []byte) {
		p, err := decodeHeader(row)
		if err != nil {
			return
		}
		if !bytes.Equal(p.encode(), row) {
			t.Errorf("%x became %x", row, p.encode())
		}
	})
}

// A writer does not wait for a long reader, and the reader sees what it began with.
func TestReadersKeepTheirState(t *testing.T) {
	f := mustOpen(t, filled(t))
	err := f.View(func(tx *Tx) error {
		done := make(chan error, 1)
		go func() {
			done <- f.Update(func(tx *Tx) error {
				return tx.Put("rows", []byte("a"), []byte("new"))
			})
		}()
		select {
		case err := <-done:
			if err != nil {
				return err
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the writer waits for a reader")
		}
		if got, err := tx.Get("rows", []byte("a")); err != nil || string(got) != "first" {
			t.Errorf("the reader sees %q, %v", got, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(f, "a"); err != nil || got != "new" {
		t.Errorf("afterwards %q, %v", got, err)
	}
}
