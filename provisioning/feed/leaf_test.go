package feed

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

func sample() Leaf {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.FixedZone("", 8*3600))
	return Leaf{
		Commitment: Commit([32]byte{1}, []byte(`{"Act":"loan.write"}`)),
		Records: []Record{
			{ID: "aa", Desk: "d1", Kind: KindSeed, Credential: "c", At: at, Sealed: []byte{1, 2}},
			{ID: "ab", Desk: "d1", Kind: KindState, Credential: "c", State: StateRevoked, At: at},
		},
	}
}

// The leaf hash is part of the contract: a change of this value is a new version of the contract.
func TestLeafHashStaysTheSame(t *testing.T) {
	const want = "htgSVDjrxnrNocBNTDZhaNLl9Hab029Os1BEvIB438A="
	if got := sample().Hash().String(); got != want {
		t.Errorf("the leaf hash changed: %s, want %s", got, want)
	}
}

func TestLeafHashBindsEverything(t *testing.T) {
	changes := map[string]func(*Leaf){
		"commitment": func(l *Leaf) { l.Commitment[3] ^= 1 },
		"omitted":    func(l *Leaf) { l.Records = l.Records[:1] },
		"none":       func(l *Leaf) { l.Records = nil },
		"reordered": func(l *Leaf) {
			l.Records[0], l.Records[1] = l.Records[1], l.Records[0]
		},
		"repeated":   func(l *Leaf) { l.Records = append(l.Records, l.Records[1]) },
		"id":         func(l *Leaf) { l.Records[0].ID = "ac" },
		"desk":       func(l *Leaf) { l.Records[0].Desk = "d2" },
		"kind":       func(l *Leaf) { l.Records[0].Kind = KindProof },
		"credential": func(l *Leaf) { l.Records[0].Credential = "d" },
		"state":      func(l *Leaf) { l.Records[1].State = StateSuspended },
		"at":         func(l *Leaf) { l.Records[0].At = l.Records[0].At.Add(time.Nanosecond) },
		"synced":     func(l *Leaf) { l.Records[0].Synced = true },
		"sealed":     func(l *Leaf) { l.Records[0].Sealed = []byte{1, 3} },
		"unsealed":   func(l *Leaf) { l.Records[0].Sealed = nil },
	}
	seen := map[tlog.Hash]string{sample().Hash(): "as it was"}
	for name, change := range changes {
		leaf := sample()
		change(&leaf)
		if other, clash := seen[leaf.Hash()]; clash {
			t.Errorf("%q hashes like %q", name, other)
		}
		seen[leaf.Hash()] = name
	}
}

func TestLeafRefusesOddCommitments(t *testing.T) {
	for _, size := range []int{0, 31, 33, 64} {
		leaf := Leaf{Commitment: make([]byte, size)}
		if leaf.Check() == nil || leaf.Hash() != (tlog.Hash{}) {
			t.Errorf("a commitment of %d bytes was taken", size)
		}
	}
	if err := sample().Check(); err != nil {
		t.Error(err)
	}
}

func TestCommitIsSalted(t *testing.T) {
	entry := []byte("entry")
	if bytes.Equal(Commit([32]byte{1}, entry), Commit([32]byte{2}, entry)) {
		t.Error("the salt does not matter")
	}
	if bytes.Equal(Commit([32]byte{1}, entry), Commit([32]byte{1}, []byte("other"))) {
		t.Error("the entry does not matter")
	}
}

// What the follower decodes must hash to what the desk hashed.
func FuzzLeafHashSurvivesTheWire(f *testing.F) {
	f.Add("aa", "d1", "seed", "c", "", int64(1), int64(5), true, []byte{1})
	f.Add("\xff<&>", "", "state", "\u2028", "revoked", int64(-1), int64(0), false, []byte{})
	f.Fuzz(func(t *testing.T, id, desk, kind, credential, state string, sec, nsec int64,
		synced bool, sealed []byte) {
		at := time.Unix(sec%1e11, nsec%1e9)
		leaf := Leaf{Commitment: Commit([32]byte{}, sealed), Records: []Record{{id, desk,
			Kind(kind), credential, State(state), at, synced, sealed, nil}}}
		wire, err := json.Marshal(leaf)
		if err != nil {
			t.Skip("the wire cannot carry it")
		}
		var back Leaf
		if err := json.Unmarshal(wire, &back); err != nil {
			t.Fatal(err)
		}
		if back.Hash() != leaf.Hash() {
			t.Errorf("the hash changed on the wire: %s", wire)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Origin: Origin("d1", "f"), Size: 7, Root: sample().Hash()}.Text())
	f.Add("a\n-0\n" + sample().Hash().String() + "\n")
	f.Add("a\n01\n" + sample().Hash().String() + "\nmore\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		if c.Text() != text || c.Size < 0 || c.Origin == "" {
			t.Errorf("%q became %q", text, c.Text())
		}
	})
}

func TestCheckpointText(t *testing.T) {
	want := Checkpoint{Origin: Origin("d1", "f"), Size: 7, Root: sample().Hash()}
	got, err := ParseCheckpoint(want.Text())
	if err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "\n", want.Text() + "x\n",
		"o\n+7\n" + want.Root.String() + "\n"} {
		if _, err := ParseCheckpoint(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
