package feed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The ways a page can fail a Tail. ErrFork and ErrRolledBack are alarms: the desk signed, or shows,
// another history than the one already followed. Nothing of such a page may be used.
var (
	// ErrFork: the desk signed a tree that its own leaves do not give, or signed with another key.
	ErrFork = errors.New("the checkpoint does not fit the leaves")
	// ErrRolledBack: the desk has fewer leaves than were already followed.
	ErrRolledBack = errors.New("the desk has lost leaves that were already followed")
	// ErrOtherFeed: the desk's store was made anew; an operator at the verifier must say so.
	ErrOtherFeed = errors.New("the feed is not the one that was followed")
	// ErrSigner is the ErrFork of a checkpoint that the pinned key did not sign.
	ErrSigner = errors.New("the signature is not by the pinned key")
	// ErrElsewhere: the page is not the one that was asked for.
	ErrElsewhere = errors.New("the page does not begin where the last one ended")
	// ErrOmitted is an alarm: a record is shown as erased, and no erasure in the log covers it.
	ErrOmitted = errors.New("a record is held back as erased, and no erasure covers it")
	// ErrErasure is an alarm: an erasure names a record that is another one than was followed.
	ErrErasure = errors.New("an erasure covers a record that is not the one that was followed")
)

// Tail is how far a feed was followed: its position and the roots of the perfect subtrees that the
// leaves so far form. That is enough to compute the root of any longer tree (RFC 6962 section 2.1),
// so every page is checked against everything that came before it, not only against itself.
// A Tail is a value: Next returns a new one.
type Tail struct {
	desk, feed string
	position   int64
	peaks      []tlog.Hash
}

// NewTail begins at the first leaf of a feed.
func NewTail(desk, feed string) Tail { return Tail{desk: desk, feed: feed} }

// Feed is the id of the feed; it is empty before anything was followed.
func (t Tail) Feed() string { return t.feed }

// Position counts the leaves followed.
func (t Tail) Position() int64 { return t.position }

// Root is the root of the tree of the leaves followed.
func (t Tail) Root() tlog.Hash {
	if len(t.peaks) == 0 {
		return emptyRoot()
	}
	root := t.peaks[len(t.peaks)-1]
	for _, left := range slices.Backward(t.peaks[:len(t.peaks)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// Next checks a page against the tail and the pinned log key, or keys while one is renewed, and
// returns the tail after it.
func (t Tail) Next(p Page, keys ...note.Verifier) (Tail, error) {
	switch {
	case p.Feed != t.feed:
		return t, ErrOtherFeed
	case p.Head < t.position:
		return t, ErrRolledBack
	case p.After != t.position:
		return t, ErrElsewhere
	}
	next := t
	next.peaks = slices.Clone(t.peaks)
	for _, leaf := range p.Leaves {
		if err := leaf.Check(); err != nil {
			return t, err
		}
		next.add(leaf.Hash())
	}
	signed, err := OpenCheckpoint(p.Checkpoint, keys...)
	if err != nil {
		return t, err
	}
	if signed != next.checkpoint() {
		return t, ErrFork
	}
	return next, nil
}

// Expect is the checkpoint that the desk must sign after some more leaves.
func (t Tail) Expect(leaves []Leaf) Checkpoint {
	t.peaks = slices.Clone(t.peaks)
	for _, leaf := range leaves {
		t.add(leaf.Hash())
	}
	return t.checkpoint()
}

func (t Tail) checkpoint() Checkpoint {
	return Checkpoint{Origin: Origin(t.desk, t.feed), Size: t.position, Root: t.Root()}
}

// OpenCheckpoint verifies the signature of a checkpoint by a pinned log key and reads it.
func OpenCheckpoint(signed []byte, keys ...note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(keys...))
	var unknown *note.UnverifiedNoteError
	var wrong *note.InvalidSignatureError
	switch {
	case errors.As(err, &unknown), errors.As(err, &wrong):
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrFork, ErrSigner)
	case err != nil:
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrFork, ErrCheckpoint)
	}
	return ParseCheckpoint(n.Text)
}

// add appends one leaf: a new peak, merged with as many before it as the count of leaves has
// trailing ones.
func (t *Tail) add(leaf tlog.Hash) {
	for n := t.position; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		leaf = tlog.NodeHash(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
	t.position++
}

// emptyRoot is the root of a tree with no leaves.
func emptyRoot() tlog.Hash {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		panic("hash the empty tree: " + err.Error())
	}
	return root
}

// MarshalBinary writes the tail for the follower's store.
func (t Tail) MarshalBinary() ([]byte, error) {
	out := []byte{1}
	for _, s := range []string{t.desk, t.feed} {
		if len(s) > maxName {
			return nil, fmt.Errorf("%w: a name in a tail", ErrMalformed)
		}
		out = append(append(out, byte(len(s))), s...)
	}
	out = binary.BigEndian.AppendUint64(out, uint64(t.position))
	for _, peak := range t.peaks {
		out = append(out, peak[:]...)
	}
	return out, nil
}

// UnmarshalBinary reads what MarshalBinary wrote, and nothing else.
func (t *Tail) UnmarshalBinary(data []byte) error {
	r := &bodyReader{rest: data}
	r.bad = r.byte() != 1
	desk, feed := r.name(), r.name()
	position := r.uint64()
	var peaks []tlog.Hash
	for range bits.OnesCount64(position) {
		var peak tlog.Hash
		copy(peak[:], r.take(tlog.HashSize))
		peaks = append(peaks, peak)
	}
	if r.bad || len(r.rest) != 0 || int64(position) < 0 {
		return fmt.Errorf("%w: tail", ErrMalformed)
	}
	*t = Tail{desk: desk, feed: feed, position: int64(position), peaks: peaks}
	return nil
}

func (r *bodyReader) name() string {
	n := int(r.byte())
	if n > maxName {
		r.bad = true
	}
	return string(r.take(n))
}
