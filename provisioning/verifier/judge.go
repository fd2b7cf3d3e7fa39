package verifier

import (
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The windows, in counters from the lowest that may be accepted.
const (
	// deskWindow is what a desk's own touches explain: it keeps ten expected OTPs.
	deskWindow = 10
	// offWindow is how far a proof is looked for beyond that, only to say how far off it is.
	offWindow = 100
	// lookAhead is how far ahead of us a token may be at sign-in (RFC 4226 section 7.4).
	lookAhead = 10
	// resyncWindow is how far two OTPs in a row may be.
	resyncWindow = 1000
	// unsureWindow is how far they may be when the counter was lost: a token that signed in eight
	// times on each working day of five years. Two OTPs of six digits make a guess at one counter
	// 10^-12, so 10^-8 for the whole window.
	unsureWindow = 10000
)

// judgement is what a proof comes to. Next is the lowest counter after it, for feed.InStep only.
type judgement struct {
	outcome feed.Outcome
	offset  int
	next    uint64
}

// judge holds what a token typed against what its seed gives from a counter on. Two OTPs in a row
// are looked for as far as reach.
func judge(seed secret.Seed, digits int, counter uint64, reach int,
	typed []secret.OTP) (judgement, error) {
	if len(typed) == 2 {
		codes, err := oath.Codes(seed, counter, reach+1, digits)
		if err != nil {
			return judgement{}, err
		}
		offset, ok := oath.FindPair(codes, typed[0], typed[1])
		if !ok {
			return judgement{outcome: feed.NoMatch}, nil
		}
		return judgement{feed.InStep, offset, counter + uint64(offset) + 2}, nil
	}
	offset, ok, err := oath.Search(seed, counter, offWindow, digits, typed[0])
	switch {
	case err != nil:
		return judgement{}, err
	case !ok:
		return judgement{outcome: feed.NoMatch}, nil
	case offset < deskWindow:
		return judgement{feed.InStep, offset, counter + uint64(offset) + 1}, nil
	}
	return judgement{outcome: feed.OffBy, offset: offset}, nil
}

// match is where an OTP was found at sign-in.
type match struct {
	found   bool
	near    bool
	counter uint64
}

// search looks for an OTP from a counter on: in the look-ahead first, which is where it is, and
// beyond it as far as a resynchronisation may reach. Every miss costs the whole window.
func search(seed secret.Seed, digits int, next uint64, reach int,
	typed secret.OTP) (match, error) {
	offset, near, err := oath.Search(seed, next, lookAhead+1, digits, typed)
	if near || err != nil {
		return match{found: near, near: near, counter: next + uint64(offset)}, err
	}
	next += lookAhead + 1
	offset, found, err := oath.Search(seed, next, reach-lookAhead, digits, typed)
	return match{found: found, counter: next + uint64(offset)}, err
}
