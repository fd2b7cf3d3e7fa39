package backup

import (
	"bytes"
	"errors"
	"io"
)

// Chunks are the chunks of a backup of some parts, under a key that is given.
func Chunks(key []byte, parts map[string][]byte) []byte {
	var out bytes.Buffer
	w := newWriter(&out, key)
	for name, data := range parts {
		if err := w.Bytes(name, data); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// ReadChunks reads chunks to their end and counts the parts.
func ReadChunks(key, data []byte) (parts int, err error) {
	r := newReader(Header{}, bytes.NewReader(data), key)
	for {
		_, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return parts, err
		}
		parts++
	}
}
