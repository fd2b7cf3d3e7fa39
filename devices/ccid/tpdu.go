package ccid

import (
	"context"
)

// Status words of T=0 (ISO 7816-4 section 5.6), and how often either may follow on the other.
const (
	swMore     = 0x61 // the rest is fetched by GET RESPONSE
	swLength   = 0x6C // the same command again, with this length
	insGet     = 0xC0
	maxFollows = 300
)

// transmitT0 turns a short command into the TPDUs of T=0 (ISO 7816-3 section 12.2): one without
// data gets a P3 of 0, one with data in both directions loses its Le, 6Cxx repeats the command with
// the right length, and 61xx fetches the response.
func (s *Slot) transmitT0(ctx context.Context, apdu []byte, kind apduCase) ([]byte, error) {
	expected := 0
	tpdu := append([]byte(nil), apdu...)
	switch {
	case len(apdu) == 4:
		tpdu = append(tpdu, 0)
	case kind.data == 0:
		expected = le(apdu[4])
	case kind.expects:
		expected = le(apdu[len(apdu)-1])
		tpdu = tpdu[:len(tpdu)-1]
	}
	response, err := s.exchangeT0(ctx, tpdu)
	if err != nil {
		return nil, err
	}
	return s.follow(ctx, tpdu, response, expected, kind.data == 0)
}

// follow does what the status word asks for, until it asks for no more.
func (s *Slot) follow(
	ctx context.Context, tpdu, response []byte, expected int, repeats bool,
) (all []byte, err error) {
	for range maxFollows {
		body, sw1, sw2 := split(response)
		switch {
		case sw1 == swLength && repeats:
			tpdu[4] = sw2
		case sw1 == swMore && len(all)+len(body) < expected:
			all = append(all, body...)
			// The rest may be longer than what was asked for.
			n := min(le(sw2), expected-len(all))
			tpdu, repeats = []byte{tpdu[0] & 0xF3, insGet, 0, 0, byte(n)}, true
		default:
			return append(all, response...), nil
		}
		if response, err = s.exchangeT0(ctx, tpdu); err != nil {
			return nil, err
		}
	}
	return nil, errGarbled
}

// exchangeT0 sends one TPDU.
func (s *Slot) exchangeT0(ctx context.Context, tpdu []byte) ([]byte, error) {
	m, err := s.command(ctx, outExchange, [3]byte{}, tpdu)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), m.data...), m.whole(m.data)
}

// split takes the status word off a response.
func split(response []byte) (body []byte, sw1, sw2 byte) {
	n := len(response) - 2
	return response[:n], response[n], response[n+1]
}

// le is how many bytes a length byte means: 0 is 256.
func le(b byte) int {
	if b == 0 {
		return 256
	}
	return int(b)
}
