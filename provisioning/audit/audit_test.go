package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// desk signs exports of a log of its own.
type desk struct {
	t      testing.TB
	signer note.Signer
	key    note.Verifier
	lines  []Line
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "d1")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t}
	if d.signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	if d.key, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	people := NewPseudonyms()
	for n := range int64(7) {
		leaf := feed.Leaf{Commitment: bytes.Repeat([]byte{byte(n)}, 32)}
		if n == 2 {
			leaf.Records = []feed.Record{{ID: "a", Kind: feed.KindSeed}, {Erased: make([]byte, 32)}}
		}
		entry := &provisioning.Entry{Act: "loan.write", Actor: "lee", Person: "person-one", Token: "yubikey/123",
			At: time.Unix(n, 0), Detail: map[string]string{"note": "Ada"}}
		if n == 3 {
			entry = nil
		}
		d.lines = append(d.lines, people.Line(n, leaf, entry))
	}
	return d
}

// root computes with another implementation than the one under test.
func (d *desk) root(size int64) tlog.Hash {
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, n := range at {
			out[i] = hashes[n]
		}
		return out, nil
	})
	for n := range size {
		data, err := d.lines[n].data()
		if err != nil {
			d.t.Fatal(err)
		}
		more, err := tlog.StoredHashes(n, data, read)
		if err != nil {
			d.t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	root, err := tlog.TreeHash(size, read)
	if err != nil {
		d.t.Fatal(err)
	}
	return root
}

func (d *desk) sign(origin string, size int64, root tlog.Hash) []byte {
	text := feed.Checkpoint{Origin: origin, Size: size, Root: root}.Text()
	signed, err := note.Sign(&note.Note{Text: text}, d.signer)
	if err != nil {
		d.t.Fatal(err)
	}
	return signed
}

func (d *desk) checkpoint(size int64) []byte { return d.sign("d1/f", size, d.root(size)) }

func (d *desk) export() string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, line := range d.lines {
		_ = enc.Encode(line)
	}
	_ = enc.Encode(End{string(d.checkpoint(int64(len(d.lines))))})
	return out.String()
}

// TestExport: an auditor computes every root anew, and reads nobody's name.
func TestExport(t *testing.T) {
	d := newDesk(t)
	text := d.export()
	for size := range int64(8) {
		got, err := Check(strings.NewReader(text), []note.Verifier{d.key}, d.checkpoint(size))
		if err != nil || got != (Checked{Leaves: 7, Records: 2, Erased: 1, Origin: "d1/f"}) {
			t.Errorf("%d: %+v, %v", size, got, err)
		}
	}
	for _, word := range []string{"Ada", "person-one", "yubikey"} {
		if strings.Contains(text, word) {
			t.Errorf("the export says %s", word)
		}
	}
	if !strings.Contains(text, "lee") || d.lines[0].Person != d.lines[1].Person ||
		d.lines[0].Person == newDesk(t).lines[0].Person {
		t.Error("no officer, or people are not told apart, or across exports")
	}
}

// TestCheckRefuses: whatever is changed in an export, or behind it, is found.
func TestCheckRefuses(t *testing.T) {
	d := newDesk(t)
	text := d.export()
	all := strings.SplitAfter(text, "\n")
	join := func(parts ...[]string) string {
		var b strings.Builder
		for _, part := range parts {
			b.WriteString(strings.Join(part, ""))
		}
		return b.String()
	}
	other := newDesk(t)
	rewritten := newDesk(t)
	rewritten.signer, rewritten.key = d.signer, d.key
	rewritten.lines[2].Commitment = strings.Repeat("ff", 32) // and signed anew, with the desk's key
	for name, c := range map[string]struct {
		text string
		kept []byte
		want error
	}{
		"nothing":         {"", nil, ErrExport},
		"no end":          {join(all[:7]), nil, ErrExport},
		"more":            {text + all[0], nil, ErrExport},
		"a leaf left out": {join(all[:3], all[4:]), nil, ErrExport},
		"two swapped":     {join(all[:1], all[2:3], all[1:2], all[3:]), nil, ErrExport},
		"a word more":     {strings.Replace(text, `{"leaf":0`, `{"x":1,"leaf":0`, 1), nil, ErrExport},
		"a short hash":    {strings.Replace(text, `"commitment":"00`, `"commitment":"`, 1), nil, ErrExport},
		"another hash": {strings.Replace(text, `"commitment":"0000`, `"commitment":"0001`, 1), nil,
			ErrRewritten},
		"another key":        {other.export(), nil, feed.ErrFork},
		"rewritten":          {rewritten.export(), d.checkpoint(5), ErrRewritten},
		"cut":                {text, d.sign("d1/f", 8, d.root(7)), ErrRewritten},
		"another log":        {text, d.sign("d1/g", 7, d.root(7)), ErrRewritten},
		"kept by another":    {text, other.checkpoint(7), feed.ErrFork},
		"not a checkpoint":   {text, []byte("x\n"), feed.ErrFork},
		"of nothing, forged": {text, d.sign("d1/f", 0, d.root(7)), ErrRewritten},
	} {
		var kept [][]byte
		if c.kept != nil {
			kept = append(kept, c.kept)
		}
		if _, err := Check(strings.NewReader(c.text), []note.Verifier{d.key}, kept...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Check(strings.NewReader(rewritten.export()), []note.Verifier{d.key}, d.checkpoint(2)); err != nil {
		t.Errorf("a checkpoint from before the forgery: %v", err)
	}
}

// TestCheckAfterRenewal: what was kept under the key of before fits, for whoever has both.
func TestCheckAfterRenewal(t *testing.T) {
	d, before := newDesk(t), newDesk(t)
	before.lines = d.lines
	check := func(keys ...note.Verifier) error {
		_, err := Check(strings.NewReader(d.export()), keys, before.checkpoint(5), d.checkpoint(6))
		return err
	}
	if err := check(d.key, before.key); err != nil {
		t.Error(err)
	}
	if err := check(d.key); !errors.Is(err, feed.ErrSigner) {
		t.Errorf("without the key of before: %v", err)
	}
}

func TestFilter(t *testing.T) {
	e := provisioning.Entry{At: time.Unix(100, 0), Actor: "lee", Person: "p1", Rule: "loan.reason.S43",
		Act: "loan.write"}
	for _, c := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true}, {Filter{Since: e.At}, true}, {Filter{Until: e.At}, false},
		{Filter{Since: e.At.Add(1)}, false}, {Filter{Until: e.At.Add(1)}, true},
		{Filter{Actor: "lee"}, true}, {Filter{Actor: "le"}, false}, {Filter{Person: "p2"}, false},
		{Filter{Rule: "loan."}, true}, {Filter{Rule: "passcode"}, false}, {Filter{Act: "loan.w"}, true},
	} {
		if got := c.f.Takes(e); got != c.want {
			t.Errorf("%+v: %v", c.f, got)
		}
	}
}

// What passes has as many lines as it says, and passes again.
func FuzzCheck(f *testing.F) {
	d := newDesk(f)
	f.Add(d.export())
	f.Add(strings.Replace(d.export(), "00", "01", 1))
	f.Add("{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Check(strings.NewReader(text), []note.Verifier{d.key})
		if err != nil {
			return
		}
		if n := int64(strings.Count(strings.TrimSuffix(text, "\n"), "\n")); got.Leaves > n {
			t.Errorf("%d lines have %d leaves", n, got.Leaves)
		}
		if _, err := Check(strings.NewReader(text), []note.Verifier{d.key}, d.checkpoint(got.Leaves)); err != nil {
			t.Errorf("%d leaves: %v", got.Leaves, err)
		}
	})
}
