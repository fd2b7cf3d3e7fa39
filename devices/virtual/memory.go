package virtual

// A slot is one programmed slot.
type slot struct {
	config config
	// counter is the moving factor of the next OTP.
	counter uint64
}

// memory is what survives a key being pulled out.
type memory struct {
	sequence byte
	slots    [2]*slot
	// scanMap is empty for the map the key is delivered with.
	scanMap []byte
}

// configured is whether any slot is.
func (m *memory) configured() bool { return m.slots[0] != nil || m.slots[1] != nil }

// moved counts an accepted write: pgmSeq is one byte that wraps, and is 0 while no slot is valid.
func (m *memory) moved() {
	m.sequence++
	if !m.configured() {
		m.sequence = 0
	}
}

// opens is whether the access code the host sent, at bytes 52..57, opens slot i. A slot without
// protection takes any.
func (m *memory) opens(i int, payload [payloadSize]byte) bool {
	s := m.slots[i]
	if s == nil || s.config.access == [6]byte{} {
		return true
	}
	return s.config.access == [6]byte(payload[configSize:configSize+6])
}

// blocked is TKTFLAG_PROTECT_CFG2: slot 2 is closed while slot 1 says so and slot 2 does not.
func (m *memory) blocked(i int) bool {
	if i != 1 || m.slots[0] == nil || m.slots[0].config.tkt&tktProtectCfg2 == 0 {
		return false
	}
	return m.slots[1] == nil || m.slots[1].config.tkt&tktProtectCfg2 == 0
}

// write replaces slot i, or empties it when the configuration is all zero. The new access code is
// the one inside the configuration: zero there takes the protection away.
func (m *memory) write(i int, payload [payloadSize]byte) bool {
	if !m.opens(i, payload) || m.blocked(i) {
		return false
	}
	raw := [configSize]byte(payload[:configSize])
	if raw == [configSize]byte{} {
		m.slots[i] = nil
		m.moved()
		return true
	}
	c, ok := parseConfig(raw)
	if !ok {
		return false
	}
	m.slots[i] = &slot{config: c, counter: c.movingFactor()}
	m.moved()
	return true
}

// update changes flags and the access code of slot i and keeps its secret and counter. Flags
// inside the masks that are not given are reset (YubiKit: UpdateConfiguration).
func (m *memory) update(i int, payload [payloadSize]byte) bool {
	s := m.slots[i]
	if s == nil || s.config.ext&(extAllowUpdate|extDormant) == 0 {
		return false
	}
	c, ok := parseConfig([configSize]byte(payload[:configSize]))
	if !ok || !m.opens(i, payload) || m.blocked(i) {
		return false
	}
	next := *s
	next.config.access = c.access
	next.config.ext = c.ext
	next.config.tkt = s.config.tkt&^tktUpdatable | c.tkt&tktUpdatable
	next.config.cfg = s.config.cfg&^cfgUpdatable | c.cfg&cfgUpdatable
	m.slots[i] = &next
	m.moved()
	return true
}

// swap exchanges the slots; every slot that is configured must allow updates.
func (m *memory) swap() bool {
	for _, s := range m.slots {
		if s != nil && s.config.ext&extAllowUpdate == 0 {
			return false
		}
	}
	if !m.configured() {
		return false
	}
	m.slots[0], m.slots[1] = m.slots[1], m.slots[0]
	m.moved()
	return true
}

// setScanMap replaces the scan codes; a map of zeros restores the delivered one. What follows the
// 45 codes must be zero, so that the probe some hosts send to be refused is refused.
func (m *memory) setScanMap(payload [payloadSize]byte) bool {
	scanCodes, rest := payload[:len(scanAlphabet)], payload[len(scanAlphabet):]
	if !allZero(rest) {
		return false
	}
	m.scanMap = nil
	if !allZero(scanCodes) {
		m.scanMap = append([]byte(nil), scanCodes...)
	}
	m.moved()
	return true
}

// serialVisible is whether the host may ask for the serial: refused once slots are configured and
// none of them says SERIAL_API_VISIBLE.
func (m *memory) serialVisible() bool {
	for _, s := range m.slots {
		if s != nil && s.config.ext&extSerialAPI != 0 {
			return true
		}
	}
	return !m.configured()
}

// touchLevel is the low byte of the status report's field: the slots' bits and the LED's.
func (m *memory) touchLevel() byte {
	var level byte
	for i, s := range m.slots {
		if s == nil {
			continue
		}
		level |= 1 << i
		if s.config.needsTouch() {
			level |= 4 << i
		}
		if s.config.ext&extLEDInverted != 0 {
			level |= 0x10
		}
	}
	return level
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
