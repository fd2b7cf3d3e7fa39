package boltfile

// Rekey has the file open with another key from the next Open on. The values are sealed under the
// file's own key, so only the header is written anew: before the commit the old key opens the file,
// after it the new one, and at no moment neither. A copy of the file from before still opens with
// the old key, and so may what is left of the old header in pages that are free now.
func (f *File) Rekey(key []byte) error {
	if len(key) != KeySize {
		return ErrKey
	}
	return f.Update(func(tx *Tx) error { return writeHeader(tx, f.header, f.keys.file, key) })
}
