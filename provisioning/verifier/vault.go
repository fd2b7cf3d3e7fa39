package verifier

import (
	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// vault is the state file under two rules that hold whoever writes: nothing changes once the
// verifier was moved away, and names are blinded under the key they came with.
type vault struct {
	*boltfile.File
	// blind is the key of the file that the values were moved from; nil for the file's own.
	blind []byte
}

// Update is boltfile's, unless the verifier was moved away.
func (v *vault) Update(do func(*boltfile.Tx) error) error {
	return v.File.Update(func(tx *boltfile.Tx) error {
		if err := here(tx); err != nil {
			return err
		}
		return do(tx)
	})
}

// Blind is boltfile's, under the key the values came with.
func (v *vault) Blind(names ...string) []byte {
	if v.blind == nil {
		return v.File.Blind(names...)
	}
	return boltfile.BlindWith(v.blind, names...)
}

// blindKey is what names are blinded under.
func (v *vault) blindKey() []byte {
	if v.blind == nil {
		return v.BlindKey()
	}
	return v.blind
}
