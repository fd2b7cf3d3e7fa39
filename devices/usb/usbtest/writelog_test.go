package usbtest

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// logOf writes a log: each entry is its place, flags, and one byte for every sector of data.
func logOf(entries ...logEntry) []byte {
	head := make([]byte, sector)
	binary.LittleEndian.PutUint64(head, logMagic)
	binary.LittleEndian.PutUint32(head[24:], sector)
	for _, e := range entries {
		at := make([]byte, sector)
		binary.LittleEndian.PutUint64(at, e.at)
		binary.LittleEndian.PutUint64(at[8:], uint64(len(e.data)))
		binary.LittleEndian.PutUint64(at[16:], e.flags)
		head = append(head, at...)
		for _, b := range e.data {
			head = append(head, bytes.Repeat([]byte{b}, sector)...)
		}
	}
	return head
}

// TestLose: what was flushed is there, what was not is there as far as it is kept, and what qemu
// was writing when it was killed is not.
func TestLose(t *testing.T) {
	log := logOf(logEntry{at: 0, data: []byte("ab")}, logEntry{flags: logFlush},
		logEntry{at: 1, data: []byte("cd")}, logEntry{at: 3, data: []byte("e"), flags: logFUA})
	hole := make([]byte, 3*sector)
	cut := logOf(logEntry{at: 0, data: []byte("xyz")})[sector : 3*sector]
	for name, c := range map[string]struct {
		log  []byte
		keep bool
		want string
	}{
		"kept":   {log, true, "acde"},
		"lost":   {log, false, "ab.e"},
		"hole":   {slices.Concat(log, hole, logOf(logEntry{flags: logFlush})[sector:]), false, "acde"},
		"broken": {slices.Concat(log, cut), true, "acde"},
	} {
		dir := t.TempDir()
		disk, file := filepath.Join(dir, "disk"), filepath.Join(dir, "log")
		if err := os.WriteFile(disk, bytes.Repeat([]byte{'.'}, 4*sector), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, c.log, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Lose(disk, file, func() bool { return c.keep }); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(disk)
		if err != nil {
			t.Fatal(err)
		}
		if said := string([]byte{got[0], got[sector], got[2*sector], got[3*sector]}); said != c.want {
			t.Errorf("%s: the disk is %q, want %q", name, said, c.want)
		}
	}
	if _, err := parseLog(make([]byte, 2*sector)); err == nil {
		t.Error("zeros are a log")
	}
}

// FuzzParseLog: whatever a log holds, the data of its entries lies within it and none overlaps.
func FuzzParseLog(f *testing.F) {
	f.Add(logOf(logEntry{at: 7, data: []byte("ab")}, logEntry{flags: logFlush}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseLog(raw)
		if err != nil {
			return
		}
		total := sector
		for _, e := range entries {
			total += sector + len(e.data)
		}
		if total > len(raw) {
			t.Errorf("%d bytes of entries in a log of %d", total, len(raw))
		}
	})
}
