package virtual

// T0Card is a card as a reader of TPDU level reaches it: by T=0 (ISO 7816-3 section 10.3).
type T0Card struct {
	card *SmartCard
	rest []byte
}

// NewT0Card speaks T=0 in the card's stead.
func NewT0Card(card *SmartCard) *T0Card { return &T0Card{card: card} }

// Reset gives the answer to reset.
func (t *T0Card) Reset() []byte {
	t.rest = nil
	return t.card.reset()
}

// Respond answers one TPDU: five bytes, and as many more as the fifth says where they go to the
// card. A command can have data in one direction only; the answer to one with data is fetched.
func (t *T0Card) Respond(tpdu []byte) []byte {
	if len(tpdu) < 5 || len(tpdu) > 5 && len(tpdu) != 5+int(tpdu[4]) {
		return status(nil, swLength)
	}
	if tpdu[1] == 0xC0 {
		return t.getResponse(int(tpdu[4]))
	}
	t.rest = nil
	apdu := tpdu
	if len(tpdu) == 5 && tpdu[4] == 0 && tpdu[1] != 0xB0 && tpdu[1] != 0xCA {
		apdu = tpdu[:4]
	}
	response := t.card.Respond(apdu)
	n := len(response) - 2
	switch {
	case n == 0:
		return response
	case len(tpdu) == 5 && int(tpdu[4]) != n&0xFF:
		return status(nil, swRightLength|uint16(n&0xFF))
	case len(tpdu) == 5:
		return response
	}
	t.rest = response[:n]
	return status(nil, swMore|uint16(min(n, 0x100)&0xFF))
}

func (t *T0Card) getResponse(want int) []byte {
	if want == 0 {
		want = 256
	}
	if len(t.rest) == 0 || want > len(t.rest) {
		return status(nil, swRightLength|uint16(len(t.rest)&0xFF))
	}
	part := t.rest[:want]
	t.rest = t.rest[want:]
	if len(t.rest) > 0 {
		return status(part, swMore|uint16(min(len(t.rest), 0x100)&0xFF))
	}
	return status(part, swOK)
}
