package virtual

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var (
	codeA = [6]byte{1, 2, 3, 4, 5, 6}
	codeB = [6]byte{9, 8, 7, 6, 5, 4}
)

func TestAccessCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		for _, step := range []struct {
			name         string
			new, current [6]byte
			erase        bool
			accepted     bool
			protected    bool
		}{
			{name: "an open slot ignores what is presented", new: codeA, current: codeB,
				accepted: true, protected: true},
			{name: "without the code", new: codeA, protected: true},
			{name: "with a wrong code", new: codeB, current: codeB, protected: true},
			{name: "erase without the code", erase: true, protected: true},
			{name: "with the code, to another", new: codeB, current: codeA,
				accepted: true, protected: true},
			{name: "with the code it had before", new: codeA, current: codeA, protected: true},
			{name: "no new code takes the protection away", current: codeB, accepted: true},
			{name: "guard it again", new: codeA, accepted: true, protected: true},
			{name: "erase with the code", current: codeA, erase: true, accepted: true},
		} {
			s := rfcSetup()
			s.access, s.current = step.new, step.current
			payload := s.payload()
			if step.erase {
				payload = erase(step.current)
			}
			if got := h.accepted(0x01, payload); got != step.accepted {
				t.Errorf("%s: accepted %v, want %v", step.name, got, step.accepted)
			}
			if got := k.Slots()[0].Protected; got != step.protected {
				t.Errorf("%s: protected %v, want %v", step.name, got, step.protected)
			}
		}
		if k.Slots()[0].Configured {
			t.Error("the erased slot is configured")
		}
	})
}

func TestRefusals(t *testing.T) {
	broken := rfcSetup().payload()
	broken[22] ^= 1 // the inner checksum is wrong now; the outer one is made afterwards
	reservedPayload := rfcSetup().payload()
	reservedPayload[48] = 1
	probe := bytes.Repeat([]byte{0x63}, 51)
	noUpdate, updatable := rfcSetup(), rfcSetup()
	updatable.ext |= extAllowUpdate
	for _, c := range []struct {
		name     string
		options  Options
		before   []byte // written to slot 1 first
		command  byte
		payload  []byte
		accepted bool
	}{
		{name: "wrong inner checksum", command: 0x01, payload: broken},
		{name: "reserved bytes", command: 0x01, payload: reservedPayload},
		{name: "update of an empty slot", command: 0x04, payload: updatable.payload()},
		{name: "update that was not allowed", before: noUpdate.payload(), command: 0x04,
			payload: updatable.payload()},
		{name: "update", before: updatable.payload(), command: 0x04,
			payload: updatable.payload(), accepted: true},
		{name: "swap that was not allowed", before: noUpdate.payload(), command: 0x06},
		{name: "swap", before: updatable.payload(), command: 0x06, accepted: true},
		{name: "swap of nothing", command: 0x06},
		{name: "update on an old key", options: Options{Firmware: Version{2, 2, 9}},
			before: updatable.payload(), command: 0x04, payload: updatable.payload()},
		{name: "the probe for a NEO", options: Options{Firmware: Version{3, 4, 0}},
			before: updatable.payload(), command: 0x12, payload: probe},
		{name: "a challenge", before: updatable.payload(), command: 0x30, payload: probe},
		{name: "NDEF", before: updatable.payload(), command: 0x08, payload: probe},
		{name: "an unknown command", before: updatable.payload(), command: 0x77},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, k, h := plugged(t, c.options)
				h.send(0x12, probe) // a NEO tells its sequence after this
				if c.before != nil && !h.accepted(0x01, c.before) {
					t.Fatal("the slot was not prepared")
				}
				before := k.memory
				if got := h.accepted(c.command, c.payload); got != c.accepted {
					t.Errorf("accepted %v, want %v", got, c.accepted)
				}
				if !c.accepted && k.memory.slots != before.slots {
					t.Error("a refused command changed a slot")
				}
			})
		})
	}
}

// TestProtectSlot2 is TKTFLAG_PROTECT_CFG2: slot 1 closes slot 2 unless slot 2 has the flag too.
func TestProtectSlot2(t *testing.T) {
	open, closing := rfcSetup(), rfcSetup()
	closing.tkt |= tktProtectCfg2
	for _, c := range []struct {
		name         string
		slot1, slot2 []byte
		accepted     bool
	}{
		{"slot 1 says nothing", open.payload(), open.payload(), true},
		{"slot 1 closes it", closing.payload(), open.payload(), false},
		{"both have the flag", closing.payload(), closing.payload(), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, _, h := plugged(t, Options{})
			h.send(0x03, c.slot2)
			h.send(0x01, c.slot1)
			if got := h.accepted(0x03, open.payload()); got != c.accepted {
				t.Errorf("%s: slot 2 accepted a write: %v, want %v", c.name, got, c.accepted)
			}
		})
	}
}

func TestUpdateKeepsSecretAndCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		s := rfcSetup()
		s.ext |= extAllowUpdate
		s.cfg = cfgHOTP8 | cfgPacing10
		h.send(0x01, s.payload())
		mustTouch(t, k, 1)
		update := setup{ext: extSerialAPI, access: codeA} // Enter, updates and pacing are reset
		if !h.accepted(0x04, update.payload()) {
			t.Fatal("the update was refused")
		}
		state := k.Slots()[0]
		wanted := SlotState{Configured: true, HOTP: true, Digits: 8, Counter: 1, Protected: true,
			SerialVisible: true}
		if state != wanted {
			t.Errorf("slot 1 is %+v, want %+v", state, wanted)
		}
		if k.memory.slots[0].config.cfg&cfgPacing10 != 0 {
			t.Error("an update keeps a flag that it did not name")
		}
		if typed := mustTouch(t, k, 1); typed != "94287082" {
			t.Errorf("typed %s, want the second code", typed)
		}
	})
}

func TestSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		k.Misbehave(Fault{Wrap: true})
		for _, step := range []struct {
			name     string
			command  byte
			payload  []byte
			sequence byte
		}{
			{"255 wraps with a slot configured", 0x01, rfcSetup().payload(), 0},
			{"slot 2", 0x03, rfcSetup().payload(), 1},
			{"erase slot 1", 0x01, nil, 2},
			{"erase an empty slot beside a full one", 0x01, nil, 3},
			{"erase the last", 0x03, nil, 0},
			{"erase an empty key", 0x03, nil, 0},
			{"begin again", 0x01, rfcSetup().payload(), 1},
		} {
			if status := h.send(step.command, step.payload); status[4] != step.sequence {
				t.Errorf("%s: sequence %d, want %d", step.name, status[4], step.sequence)
			}
		}
	})
}

func TestNEOShowsAnOldSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, h := plugged(t, Options{Firmware: Version{3, 4, 0}, Delivered: true, Sequence: 7})
		if status := h.idle(); status[4] != 0 {
			t.Errorf("sequence %d before the key was spoken to", status[4])
		}
		if status := h.send(0x12, bytes.Repeat([]byte{0x63}, 51)); status[4] != 7 {
			t.Errorf("sequence %d after the refused probe, want 7", status[4])
		}
	})
}

func TestSerialVisibility(t *testing.T) {
	hidden := rfcSetup()
	hidden.ext = 0
	for _, c := range []struct {
		name    string
		payload []byte
		visible bool
	}{
		{"empty", nil, true},
		{"programmed with the flag", rfcSetup().payload(), true},
		{"programmed without the flag", hidden.payload(), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, _, h := plugged(t, Options{})
			h.send(0x01, c.payload)
			if got := len(h.answer(0x10, nil)) > 0; got != c.visible {
				t.Errorf("%s: the serial was answered: %v, want %v", c.name, got, c.visible)
			}
		})
	}
}

func TestDeviceInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, h := plugged(t, Options{Serial: 0x01020304, Product: 0x0403})
		info := h.answer(0x13, nil)
		if n := int(info[0]) + 3; crc16(info[:n]) != crcResidual {
			t.Fatalf("checksum of % x", info[:n])
		}
		fields := map[byte][]byte{}
		for rest := info[1 : 1+info[0]]; len(rest) > 1; rest = rest[2+rest[1]:] {
			fields[rest[0]] = rest[2 : 2+rest[1]]
		}
		for tag, value := range map[byte][]byte{
			0x02: {1, 2, 3, 4}, 0x05: {5, 4, 3}, 0x03: {0x02, 0x03},
		} {
			if !bytes.Equal(fields[tag], value) {
				t.Errorf("field %02x is % x, want % x", tag, fields[tag], value)
			}
		}
		if h.send(0x13, []byte{1})[partSize]&flagRespPending != 0 {
			t.Error("page 1 was answered")
		}
	})
}

// TestProtectedSlotsHold is the property an access code is for: no sequence of frames without the
// code changes the slot.
func TestProtectedSlotsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m memory
		guarded := rfcSetup()
		guarded.access, guarded.ext = codeA, extSerialAPI|extAllowUpdate
		if !m.write(0, [payloadSize]byte(guarded.payload())) {
			t.Fatal("the slot was not written")
		}
		before := m.slots[0]
		for range rapid.IntRange(1, 20).Draw(t, "frames") {
			s := setup{
				secret: rfcSecret,
				ext:    rapid.Byte().Draw(t, "ext"),
				tkt:    rapid.Byte().Draw(t, "tkt"),
				cfg:    rapid.Byte().Draw(t, "cfg"),
			}
			copy(s.access[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "new"))
			copy(s.current[:], rapid.SliceOfN(rapid.Byte(), 6, 6).
				Filter(func(b []byte) bool { return !bytes.Equal(b, codeA[:]) }).
				Draw(t, "current"))
			payload := [payloadSize]byte(s.payload())
			if rapid.Bool().Draw(t, "erase") {
				payload = [payloadSize]byte(erase(s.current))
			}
			if rapid.Bool().Draw(t, "update") {
				m.update(0, payload)
			} else {
				m.write(0, payload)
			}
		}
		if m.slots[0] != before {
			t.Error("a guarded slot changed")
		}
	})
}

func TestPress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		h.send(0x01, rfcSetup().payload())
		eight := rfcSetup()
		eight.cfg = cfgHOTP8
		h.send(0x03, eight.payload())
		for hold, wanted := range map[time.Duration]string{
			time.Second: "755224", 4 * time.Second: "84755224",
		} {
			if typed, err := k.Press(hold); typed != wanted || err != nil {
				t.Errorf("%v typed %q (%v), want %q", hold, typed, err, wanted)
			}
		}
	})
}
