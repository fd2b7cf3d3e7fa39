package boltfile

import (
	"bytes"
	"testing"
)

// What one file blinded, another one that has its key blinds the same.
func TestBlindKeyTravels(t *testing.T) {
	var files [2]*File
	for i := range files {
		o := options(t)
		mustCreate(t, o)
		files[i] = mustOpen(t, o)
	}
	if bytes.Equal(files[0].Blind("ana"), files[1].Blind("ana")) {
		t.Fatal("two files blind alike")
	}
	if !bytes.Equal(files[0].Blind("ana", "b"), BlindWith(files[0].BlindKey(), "ana", "b")) {
		t.Error("the key blinds otherwise than its file")
	}
}
