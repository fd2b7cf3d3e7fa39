package usbtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// sector is the unit of a disk: a device writes one whole, or not at all.
const sector = 512

// The log of writes (Linux: admin-guide/device-mapper/log-writes.rst): a first sector that says
// what it is, then entries of one sector each, followed by the data that was written.
const (
	logMagic   = 0x6a736677736872
	logFlush   = 1 << 0
	logFUA     = 1 << 1
	logDiscard = 1 << 2
)

// logEntry is one write, or one flush.
type logEntry struct {
	at, sectors, flags uint64
	data               []byte
}

// errNoLog says that a file is no log of writes.
var errNoLog = errors.New("not a log of writes")

// parseLog reads the entries of a log. What qemu had in hand when it was killed left a hole or a
// piece of an entry, which is passed over: nobody was told of that write.
func parseLog(raw []byte) ([]logEntry, error) {
	if len(raw) < sector || binary.LittleEndian.Uint64(raw) != logMagic ||
		binary.LittleEndian.Uint32(raw[24:]) != sector {
		return nil, errNoLog
	}
	var entries []logEntry
	for at := sector; at+sector <= len(raw); {
		e, ok := parseEntry(raw[at:])
		at += sector
		if ok {
			entries = append(entries, e)
			at += len(e.data)
		}
	}
	return entries, nil
}

// parseEntry reads one entry: a sector with four numbers and nothing else, and its data.
func parseEntry(raw []byte) (e logEntry, ok bool) {
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(raw[8*i:]) }
	e = logEntry{at: number(0), sectors: number(1), flags: number(2)}
	if e.sectors == 0 && e.flags&logFlush == 0 || e.flags > 15 || number(3) != 0 ||
		len(bytes.Trim(raw[32:sector], "\x00")) > 0 {
		return e, false
	}
	if e.flags&logDiscard != 0 {
		return e, true
	}
	if e.sectors > uint64(len(raw)/sector-1) {
		return e, false
	}
	e.data = raw[sector : sector*(1+e.sectors)]
	return e, true
}

// Loss is what a cut of the power did: of so many writes and flushes since the boot, how many
// sectors that were not flushed the disk kept and lost.
type Loss struct{ Writes, Flushes, Kept, Lost int }

// Lose makes of a disk before a boot, and the log of the writes during it, the disk as a cut of the
// power may leave it: whatever the guest had flushed, and of the writes after the last flush those
// sectors that keep says yes to.
func Lose(disk, log string, keep func() bool) (loss Loss, err error) {
	raw, err := os.ReadFile(log)
	if err != nil {
		return loss, err
	}
	entries, err := parseLog(raw)
	if err != nil {
		return loss, fmt.Errorf("%s: %w", log, err)
	}
	image, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		return loss, err
	}
	defer image.Close()
	flushed := 0
	for i, e := range entries {
		loss.Writes++
		if e.flags&logFlush != 0 {
			flushed = i + 1
			loss.Flushes++
			loss.Writes--
		}
	}
	for i, e := range entries {
		for s := range len(e.data) / sector {
			if i >= flushed && e.flags&logFUA == 0 {
				if !keep() {
					loss.Lost++
					continue
				}
				loss.Kept++
			}
			at := int64(e.at+uint64(s)) * sector
			if _, err := image.WriteAt(e.data[s*sector:(s+1)*sector], at); err != nil {
				return loss, err
			}
		}
	}
	return loss, image.Close()
}
