// Package audit is what leaves a desk for an auditor: each leaf of its log with what may be told of
// the entry behind it, and the signed checkpoint over all of them, so that whoever reads it can
// compute the root anew and hold it against what the verifier kept.
//
// It refuses to know names: no person, token or free text is in an export. People are told apart by
// pseudonyms that are good for one export.
package audit

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Line is one leaf. Numbers begin at 0.
type Line struct {
	Leaf int64 `json:"leaf"`
	// Commitment is the salted hash of the entry, Records the hashes of what it published, in hex.
	Commitment string   `json:"commitment"`
	Records    []string `json:"records,omitempty"`
	// Erased: its person was erased, and the rest is not known any more.
	Erased     bool      `json:"erased,omitempty"`
	At         time.Time `json:"at,omitzero"`
	Synced     bool      `json:"synced,omitempty"`
	Actor      string    `json:"actor,omitempty"`
	Act        string    `json:"act,omitempty"`
	Rule       string    `json:"rule,omitempty"`
	Outcome    string    `json:"outcome,omitempty"`
	Evidence   string    `json:"evidence,omitempty"`
	Visit      string    `json:"visit,omitempty"`
	Credential string    `json:"credential,omitempty"`
	Loan       string    `json:"loan,omitempty"`
	// Person is a pseudonym.
	Person string `json:"person,omitempty"`
}

// End is the last line: a signed note over all leaves.
type End struct {
	Checkpoint string `json:"checkpoint"`
}

// Pseudonyms tells people apart within one export.
type Pseudonyms struct{ key [32]byte }

// NewPseudonyms draws a key that nobody keeps.
func NewPseudonyms() *Pseudonyms {
	p := &Pseudonyms{}
	_, _ = rand.Read(p.key[:]) // never errs (crypto/rand)
	return p
}

func (p *Pseudonyms) of(id provisioning.PersonID) string {
	if id == "" {
		return ""
	}
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// Line makes the line of a leaf; entry is nil when its person was erased.
func (p *Pseudonyms) Line(n int64, leaf feed.Leaf, entry *provisioning.Entry) Line {
	line := Line{Leaf: n, Commitment: hex.EncodeToString(leaf.Commitment), Erased: entry == nil}
	for _, r := range leaf.Records {
		hash := r.Hash()
		line.Records = append(line.Records, hex.EncodeToString(hash[:]))
	}
	if entry == nil {
		return line
	}
	line.At, line.Synced = entry.At.UTC(), entry.Synced
	line.Actor, line.Act, line.Rule = entry.Actor, string(entry.Act), entry.Rule
	line.Outcome, line.Evidence = entry.Outcome, string(entry.Evidence)
	line.Visit, line.Credential = string(entry.Visit), string(entry.Credential)
	line.Loan, line.Person = string(entry.Loan), p.of(entry.Person)
	return line
}

// data is what the log hashes: see feed.Leaf.Data.
func (l Line) data() ([]byte, error) {
	var data []byte
	for _, part := range append([]string{l.Commitment}, l.Records...) {
		raw, err := hex.DecodeString(part)
		if err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("%w: the hashes of leaf %d", ErrExport, l.Leaf)
		}
		data = append(data, raw...)
	}
	return data, nil
}

// What is wrong with an export.
var (
	// ErrExport: it is not what was written.
	ErrExport = errors.New("this is not an export of a desk's log")
	// ErrRewritten: the log is another one than was signed.
	ErrRewritten = errors.New("the log is not the one that was signed")
)

// Checked is what Check saw.
type Checked struct {
	Leaves, Records, Erased int64
	// Origin names the log.
	Origin string
}

// Check reads an export, computes the root of its leaves and holds it against the checkpoint at its
// end, and the root of the first of them against each of the others: those a verifier kept. The keys
// are those the log was signed with, one or, after a renewal, more.
func Check(export io.Reader, keys []note.Verifier, kept ...[]byte) (Checked, error) {
	var want []feed.Checkpoint
	for _, signed := range kept {
		c, err := feed.OpenCheckpoint(signed, keys...)
		if err != nil {
			return Checked{}, err
		}
		want = append(want, c)
	}
	c := checking{lines: bufio.NewScanner(export), want: want}
	c.lines.Buffer(nil, maxLine)
	if err := c.run(keys); err != nil {
		return c.Checked, err
	}
	return c.Checked, nil
}

// maxLine bounds a line: a leaf has at most 65,536 records, and most have none.
const maxLine = 8 << 20

// checking is a check under way.
type checking struct {
	Checked
	lines *bufio.Scanner
	want  []feed.Checkpoint
	tree  tree
}

func (c *checking) run(keys []note.Verifier) error {
	if err := c.meet(); err != nil {
		return err
	}
	for c.lines.Scan() {
		var end End
		if strict(c.lines.Bytes(), &end) == nil {
			return c.end(end, keys)
		}
		var line Line
		if err := strict(c.lines.Bytes(), &line); err != nil || line.Leaf != c.Leaves {
			return fmt.Errorf("%w: line %d", ErrExport, c.Leaves+1)
		}
		data, err := line.data()
		if err != nil {
			return err
		}
		c.tree.add(tlog.RecordHash(data))
		c.Leaves, c.Records = c.Leaves+1, c.Records+int64(len(line.Records))
		if line.Erased {
			c.Erased++
		}
		if err := c.meet(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: it has no end: %w", ErrExport, errors.Join(c.lines.Err()))
}

// meet compares the checkpoints of as many leaves as there are now.
func (c *checking) meet() error {
	for _, want := range c.want {
		if want.Size == c.Leaves && c.tree.root() != want.Root {
			return fmt.Errorf("%w: the first %d leaves differ", ErrRewritten, want.Size)
		}
	}
	return nil
}

func (c *checking) end(end End, keys []note.Verifier) error {
	signed, err := feed.OpenCheckpoint([]byte(end.Checkpoint), keys...)
	if err != nil {
		return err
	}
	c.Origin = signed.Origin
	if signed.Size != c.Leaves || signed.Root != c.tree.root() {
		return fmt.Errorf("%w: its own checkpoint does not fit", ErrRewritten)
	}
	for _, want := range c.want {
		switch {
		case want.Origin != signed.Origin:
			return fmt.Errorf("%w: the checkpoint is of %s, this is %s", ErrRewritten, want.Origin,
				signed.Origin)
		case want.Size > c.Leaves:
			return fmt.Errorf("%w: %d leaves were signed, %d are here", ErrRewritten, want.Size,
				c.Leaves)
		}
	}
	if c.lines.Scan() {
		return fmt.Errorf("%w: something follows its end", ErrExport)
	}
	return c.lines.Err()
}

// strict reads one JSON object without members it does not know, nor misses.
func strict(line []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if end, ok := into.(*End); ok && end.Checkpoint == "" {
		return ErrExport
	}
	return nil
}
