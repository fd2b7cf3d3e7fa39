package feed

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// CommitmentSize is the length of a leaf's commitment to its entry.
const CommitmentSize = sha256.Size

// ErrLeaf is returned for a leaf that no desk could have made.
var ErrLeaf = errors.New("the leaf's commitment has the wrong length")

// ErrCheckpoint is returned for a text that is not a checkpoint of this contract.
var ErrCheckpoint = errors.New("this is not a checkpoint")

// Commit makes the commitment of a leaf: the hash of a random salt and the entry as it is stored.
// The salt keeps a follower from guessing an entry from its commitment. It has a fixed length, so
// that no other pair of salt and entry has the same bytes.
func Commit(salt [32]byte, entry []byte) []byte {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(entry)
	return h.Sum(nil)
}

// Canonical is the one encoding of a record that is hashed and signed for: its members in the order
// of the contract, the time in UTC. Encoding it cannot fail, and what a follower decodes from the
// wire has the same canonical form as what the desk sent.
func (r Record) Canonical() []byte {
	line, err := json.Marshal(struct {
		ID         string `json:"id"`
		Desk       string `json:"desk"`
		Kind       string `json:"kind"`
		Credential string `json:"credential"`
		State      string `json:"state"`
		At         string `json:"at"`
		Synced     bool   `json:"synced"`
		Sealed     []byte `json:"sealed"`
	}{text(r.ID), text(r.Desk), text(r.Kind), text(r.Credential), text(r.State),
		r.At.UTC().Format(time.RFC3339Nano), r.Synced, orEmpty(r.Sealed)})
	if err != nil {
		panic("encode a record of plain strings: " + err.Error())
	}
	return line
}

// Hash is the SHA-256 of the canonical form, also of a record of which only the hash is left.
func (r Record) Hash() [sha256.Size]byte {
	if len(r.Erased) == sha256.Size {
		return [sha256.Size]byte(r.Erased)
	}
	return sha256.Sum256(r.Canonical())
}

// Check tells whether the leaf has the form that Hash stands for. A follower checks before it
// hashes.
func (l Leaf) Check() error {
	if len(l.Commitment) != CommitmentSize {
		return ErrLeaf
	}
	return nil
}

// Data is what the log hashes: the commitment, then the hash of each record in order. Every part is
// 32 bytes long and there is exactly one commitment, so no two leaves have the same data.
func (l Leaf) Data() []byte {
	data := make([]byte, 0, len(l.Commitment)+len(l.Records)*sha256.Size)
	data = append(data, l.Commitment...)
	for _, r := range l.Records {
		hash := r.Hash()
		data = append(data, hash[:]...)
	}
	return data
}

// Hash is the leaf's hash in the tree (RFC 6962 section 2.1). A leaf that fails Check has the zero
// hash, which no leaf of a real tree has.
func (l Leaf) Hash() tlog.Hash {
	if l.Check() != nil {
		return tlog.Hash{}
	}
	return tlog.RecordHash(l.Data())
}

// text replaces each byte that is not UTF-8 as the wire's encoding does.
func text[S ~string](s S) string { return string([]rune(s)) }

// orEmpty makes a record with no sealed body and one with an empty body the same, as the wire does.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Checkpoint is what a desk signs of its log, in the form of C2SP tlog-checkpoint: three lines with
// the origin, the number of leaves and the root.
type Checkpoint struct {
	// Origin names the log: see Origin.
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Origin names the log of one feed of one desk.
func Origin(desk, feed string) string { return desk + "/" + feed }

// Text is the text of the signed note.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// ParseCheckpoint reads the text of a note whose signature was already verified. It takes what Text
// writes and nothing else: no extension lines, no leading zeros.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" {
		return Checkpoint{}, ErrCheckpoint
	}
	size, sizeErr := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := tlog.ParseHash(lines[2])
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if sizeErr != nil || rootErr != nil || size < 0 || c.Text() != text {
		return Checkpoint{}, ErrCheckpoint
	}
	return c, nil
}
