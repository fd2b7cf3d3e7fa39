package virtual

import (
	"testing"
	"time"
)

// FuzzReports throws reports at a key with a guarded slot 1 and an open slot 2. Whatever comes,
// the key answers with eight bytes, the guarded slot stays as it is, and the open one changes only
// when a frame with two right checksums, or an empty one, was sent.
func FuzzReports(f *testing.F) {
	var seed []byte
	for _, report := range like("") {
		seed = append(seed, report[:]...)
	}
	f.Add(seed)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x03, 0x6b, 0x5b, 0, 0, 0, 0x89})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x13, 0x6b, 0x5b, 0, 0, 0, 0x89})
	f.Fuzz(func(t *testing.T, reports []byte) {
		k := New(Options{})
		guarded, open := rfcSetup(), rfcSetup()
		guarded.access = codeA
		k.memory.write(0, [payloadSize]byte(guarded.payload()))
		k.memory.write(1, [payloadSize]byte(open.payload()))
		before := k.memory
		var sent assembler
		var whole bool
		now := time.Unix(0, 0)
		for ; len(reports) >= reportSize; reports = reports[reportSize:] {
			report := [reportSize]byte(reports)
			k.receive(report, now)
			if _, ok := sent.take(report); ok {
				whole = true
			}
			now = now.Add(2 * partTime)
			for range 3 {
				k.send(now)
			}
		}
		if k.memory.slots[0] != before.slots[0] {
			t.Error("the guarded slot changed")
		}
		if !whole && k.memory.slots != before.slots {
			t.Error("a slot changed without a whole frame")
		}
		if s := k.memory.slots[1]; s != nil {
			if _, ok := parseConfig(s.config.bytes()); !ok {
				t.Error("a slot holds what is no configuration")
			}
		}
	})
}
