package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func someErased(n int) []Erased {
	list := make([]Erased, n)
	for i := range list {
		list[i] = Erased{Record: strings.Repeat("0a", 15) + "01",
			Credential: strings.Repeat("0b", 16), Hash: sample().Records[0].Hash()}
		list[i].Hash[0] = byte(i)
	}
	return list
}

func eraseRecord(t *testing.T, list []Erased) Record {
	t.Helper()
	r, err := Erasure(Record{ID: strings.Repeat("01", 16), Desk: "d1",
		At: time.Date(2026, 3, 4, 5, 6, 7, 8, time.Local)}, strings.Repeat("cd", 16), list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestErasureRoundTrips(t *testing.T) {
	for _, n := range []int{0, 1, MaxErased} {
		r := eraseRecord(t, someErased(n))
		if err := r.Check(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		got, err := r.Erasure()
		if err != nil || len(got) != n || n > 0 && got[n-1] != someErased(n)[n-1] {
			t.Errorf("%d came back as %d, %v", n, len(got), err)
		}
	}
	if _, err := Erasure(Record{}, "", someErased(MaxErased+1)); !errors.Is(err, ErrBody) {
		t.Errorf("too many: %v", err)
	}
	if _, err := Erasure(Record{}, "", []Erased{{Record: "x"}}); !errors.Is(err, ErrBody) {
		t.Errorf("no id: %v", err)
	}
	bad := eraseRecord(t, someErased(2))
	bad.Sealed = bad.Sealed[:len(bad.Sealed)-1]
	if err := bad.Check(); !errors.Is(err, ErrMalformed) {
		t.Errorf("cut short: %v", err)
	}
}

// A leaf whose record was erased is the same leaf, on the wire too.
func TestErasedRecordKeepsTheLeaf(t *testing.T) {
	leaf := sample()
	want, hash := leaf.Hash(), leaf.Records[0].Hash()
	leaf.Records[0] = Record{Erased: hash[:]}
	if leaf.Hash() != want {
		t.Error("the leaf hashes otherwise")
	}
	wire, err := json.Marshal(leaf)
	if err != nil {
		t.Fatal(err)
	}
	var back Leaf
	if err := json.Unmarshal(wire, &back); err != nil || back.Hash() != want {
		t.Errorf("after the wire: %v, %v", back, err)
	}
	if err := back.Records[0].Check(); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]Record{
		"short":        {Erased: hash[:31]},
		"empty":        {Erased: []byte{}},
		"with an id":   {Erased: hash[:], ID: strings.Repeat("01", 16)},
		"with a body":  {Erased: hash[:], Sealed: []byte{1}},
		"with a time":  {Erased: hash[:], At: time.Now()},
		"with a state": {Erased: hash[:], State: StateRevoked},
	} {
		if err := r.Check(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What reads as an erasure is written as the same bytes.
func FuzzErasure(f *testing.F) {
	f.Add([]byte{tagErase})
	f.Add(append([]byte{tagErase}, make([]byte, 2*erasedSize)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := Record{Kind: KindErase, Sealed: body}.Erasure()
		if err != nil {
			return
		}
		again, err := Erasure(Record{}, "", list)
		if err != nil || !bytes.Equal(again.Sealed, body) {
			t.Fatalf("%x reads as %v and is written as %x, %v", body, list, again.Sealed, err)
		}
	})
}
