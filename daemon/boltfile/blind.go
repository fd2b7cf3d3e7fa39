package boltfile

import "bytes"

// BlindKey is what Blind works under. Whoever carries the values to another file, whose own key is
// another one, takes it along: what was blinded cannot be blinded anew. It is a secret.
func (f *File) BlindKey() []byte { return bytes.Clone(f.keys.blind) }

// BlindWith blinds as the file does that a blind key came from.
func BlindWith(blindKey []byte, names ...string) []byte {
	return keys{blind: blindKey}.blindName(names...)
}
