package audit

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the roots of the perfect subtrees of the leaves so far (RFC 6962 section 2.1).
type tree struct {
	size  int64
	peaks []tlog.Hash
}

func (t *tree) add(leaf tlog.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		leaf, t.peaks = tlog.NodeHash(t.peaks[last], leaf), t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
	t.size++
}

func (t *tree) root() tlog.Hash {
	if len(t.peaks) == 0 {
		empty, _ := tlog.TreeHash(0, nil) // of no leaves it cannot err
		return empty
	}
	root := t.peaks[len(t.peaks)-1]
	for _, left := range slices.Backward(t.peaks[:len(t.peaks)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}
