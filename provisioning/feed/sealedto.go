package feed

import (
	"encoding/hex"
	"slices"
)

// SealedTo names the keys that open a record, the verifier's first and then the escrow's: see
// KeyID. It is empty for a record without a sealed body, and for a body that is none.
func (r Record) SealedTo() []string {
	box := r.Sealed
	kinds := []Kind{KindSeed, KindProof, KindPasscode, KindOrder}
	if !slices.Contains(kinds, r.Kind) || len(box) != sealedSize || box[0] != sealVersion {
		return nil
	}
	var ids []string
	for part := box[1:]; len(part) > 0; part = part[partSize:] {
		ids = append(ids, hex.EncodeToString(part[:keyIDSize]))
	}
	return ids
}

// Holds says whether one of the keys named is among the opener's.
func (o *Opener) Holds(ids ...string) bool {
	for _, id := range ids {
		if raw, err := hex.DecodeString(id); err == nil && o.named(raw) != nil {
			return true
		}
	}
	return false
}

// Also returns an opener that opens with more keys, besides those it has.
func (o *Opener) Also(more ...*Opener) *Opener {
	return o.With(append(slices.Clone(o.older), more...)...)
}
