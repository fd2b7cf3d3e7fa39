package virtual

import (
	"encoding/binary"
	"slices"
	"time"
)

// partTime is how long the key takes to consume a feature report. SLOT_WRITE stays set meanwhile,
// and a host that does not wait for it loses the frame. (Personalization tool NEWS 1.14.2 speaks of
// about 0.4 ms.)
const partTime = 400 * time.Microsecond

// wire is the feature-report end of the key. It forgets everything when power goes.
type wire struct {
	in assembler
	// busyUntil is when SLOT_WRITE clears; work takes effect then.
	busyUntil time.Time
	work      *frame
	// answer is what the host may fetch from answerAt on; chunk is the number of its next report.
	answer   []byte
	answerAt time.Time
	chunk    int
	// held is an answer that waits for a touch until heldUntil.
	held      []byte
	heldUntil time.Time
	// spoken is whether a command was consumed since power-up.
	spoken bool
}

// receive is one feature report from the host.
func (k *Key) receive(report [reportSize]byte, now time.Time) {
	k.settle(now)
	w := &k.wire
	busy := now.Before(w.busyUntil)
	if isReset(report) || busy {
		w.in, w.answer, w.held = assembler{}, nil, nil
	}
	if busy {
		return
	}
	w.answer, w.held = nil, nil
	w.busyUntil = now.Add(partTime)
	f, complete := w.in.take(report)
	if !complete {
		return
	}
	w.busyUntil = w.busyUntil.Add(k.fault.Busy)
	w.work = &f
	if k.fault.WriteAtOnce {
		k.work()
	}
}

// settle does what was to be done by now.
func (k *Key) settle(now time.Time) {
	if k.wire.work != nil && !now.Before(k.wire.busyUntil) {
		k.work()
	}
}

// work runs the waiting command. A refusal leaves no trace but a sequence that did not move.
func (k *Key) work() {
	f := *k.wire.work
	k.wire.work, k.wire.spoken = nil, true
	c, known := commands[f.command]
	switch {
	case !known || k.opts.Firmware.before(c.since):
	case c.answer != nil:
		if answer := c.answer(k, f.payload); answer != nil {
			k.wire.offer(answer, k.wire.busyUntil.Add(k.fault.Late))
		}
	case c.awaits != nil:
		k.hold(c.awaits(k, f.payload))
	case !k.fault.Refuse:
		next := k.memory
		if c.change(&next, f.payload) {
			k.spoil(&next)
			k.remember(next)
		}
	}
}

// offer gives the host an answer to fetch. Answers end in their complemented CRC, little endian
// (YubiKit: check_crc).
func (w *wire) offer(answer []byte, at time.Time) {
	w.answer = binary.LittleEndian.AppendUint16(answer, ^crc16(answer))
	w.answerAt, w.chunk = at, 0
}

// spoil loses the last four bytes of every secret that next does not share with the memory.
func (k *Key) spoil(next *memory) {
	if !k.fault.Corrupt {
		return
	}
	for i, s := range next.slots {
		if s != nil && !slices.Contains(k.memory.slots[:], s) {
			spoilt := *s
			clear(spoilt.config.uid[:4])
			next.slots[i] = &spoilt
		}
	}
}

// send is the feature report the host gets now: a chunk of an answer, or the status.
func (k *Key) send(now time.Time) [reportSize]byte {
	k.settle(now)
	w := &k.wire
	busy := now.Before(w.busyUntil)
	if !busy && w.answer != nil && !now.Before(w.answerAt) {
		return w.nextChunk()
	}
	report := k.status()
	switch {
	case busy:
		report[partSize] = flagSlotWrite
	case k.holding(now):
		report[partSize] = flagTouchWait | w.secondsLeft(now)
	}
	return report
}

// nextChunk goes through the answer and round again: number 0 after at least one chunk is how the
// host learns that it has everything.
func (w *wire) nextChunk() [reportSize]byte {
	var report [reportSize]byte
	copy(report[:partSize], w.answer[w.chunk*partSize:])
	report[partSize] = flagRespPending | byte(w.chunk)
	w.chunk++
	if w.chunk*partSize >= len(w.answer) {
		w.chunk = 0
	}
	return report
}

// status is the report of ykdef.h: struct status_st, one byte in.
func (k *Key) status() [reportSize]byte {
	fw := k.opts.Firmware
	sequence, level := k.memory.sequence, k.memory.touchLevel()
	if fw[0] == 3 && !k.wire.spoken {
		// A NEO shows an old sequence until it was spoken to (YubiKit forces a refused command).
		sequence = 0
	}
	switch {
	case fw.before(Version{2, 1, 0}):
		level = 0
	case fw.before(Version{3, 0, 0}):
		level &= 0x03
	}
	return [reportSize]byte{1: fw[0], 2: fw[1], 3: fw[2], 4: sequence, 5: level}
}
