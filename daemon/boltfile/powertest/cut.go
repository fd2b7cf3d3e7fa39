package powertest

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/tokendesk/tokendesk/daemon/boltfile/disktest"
)

// whim is how a disk dealt with what nobody had synced when the power went: in any order, or not at
// all. Each image has its own.
type whim struct {
	*rand.Rand
	// keep is how likely a sector, a size or a name was written.
	keep float64
	// torn is how likely the sector under the head was written in half.
	torn float64
	// odd is the one pending step that fares otherwise than the rest, if there is one.
	odd int
}

func newWhim(seed uint64, plain bool) whim {
	r := rand.New(rand.NewPCG(seed, 1))
	w := whim{Rand: r, keep: []float64{0, 1, 0, 1, 0.1, 0.5, 0.5, 0.9}[r.IntN(8)], odd: -1}
	if plain {
		return whim{Rand: r, keep: float64(r.IntN(2)), odd: -1}
	}
	if r.IntN(3) == 0 {
		w.torn = 0.2
	}
	if r.IntN(2) == 0 {
		w.odd = r.IntN(8)
	}
	return w
}

// kept decides about the nth of the pending steps, counted from the newest.
func (w whim) kept(nth int) bool {
	keep := w.keep
	if nth == w.odd {
		keep = 1 - keep
	}
	return w.Float64() < keep
}

// cut is what is found after the power went.
func (d *disk) cut(w whim) holding {
	h := holding{maps.Clone(d.lasting), map[int]file{}}
	for i, s := range d.pending {
		if w.kept(len(d.pending) - 1 - i) {
			setName(h.names, s)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.files)) {
		f := d.files[id]
		h.files[id] = file{mode: f.mode, now: w.found(f)}
	}
	return h
}

// found is what a file holds after the cut.
func (w whim) found(f *file) content {
	found := f.lasting.clone()
	for i, s := range f.pending {
		nth := len(f.pending) - 1 - i
		if s.Kind == disktest.Resized {
			if w.kept(nth) {
				found = apply(found, s)
			}
			continue
		}
		for at := 0; at < len(s.Data); {
			// Sectors lie on the disk, not in the write.
			end := min(len(s.Data), at+sector-int(s.Offset+int64(at))%sector)
			found = w.sector(found, disktest.Step{Kind: disktest.Written,
				Offset: s.Offset + int64(at), Data: s.Data[at:end]}, nth)
			at = end
		}
	}
	return found
}

// sector writes one sector, or not, or one half of it; the other half is as it was, or zeros.
func (w whim) sector(to content, s disktest.Step, nth int) content {
	switch {
	case w.Float64() < w.torn:
		half := len(s.Data) / 2
		if w.IntN(2) == 0 {
			s.Data = append(slices.Clone(s.Data[:half]), make([]byte, len(s.Data)-half)...)
		} else if w.IntN(2) == 0 {
			s.Data = s.Data[:half]
		} else {
			s.Offset, s.Data = s.Offset+int64(half), s.Data[half:]
		}
		return apply(to, s)
	case w.kept(nth):
		return apply(to, s)
	}
	return to
}
