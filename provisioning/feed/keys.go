package feed

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Keys is a desk's announcement of what it is known by: the pins of its feed's certificates and the
// keys of its log. The first of each is in use, a second will be, or was until just now. It travels
// as a note signed by every log key it names; a follower takes it if one of those is pinned, so a
// new key is pinned because an old one signed for it.
type Keys struct {
	// Origin names the log: see Origin.
	Origin string
	// Serial only rises: an older announcement does not replace a newer one.
	Serial  int64
	TLSPins []string
	LogKeys []string
}

// ErrKeys is returned for an announcement that is none, or that no pinned key signed.
var ErrKeys = errors.New("this is not an announcement of keys by a key that is known")

const (
	keysHead = "token desk keys v1"
	maxKeys  = 2
)

// Text is the text of the signed note: a line each for the head, the origin, the serial, the pins
// and the log keys.
func (k Keys) Text() string {
	lines := []string{keysHead, k.Origin, strconv.FormatInt(k.Serial, 10)}
	for _, pin := range k.TLSPins {
		lines = append(lines, "tls "+pin)
	}
	for _, key := range k.LogKeys {
		lines = append(lines, "log "+key)
	}
	return strings.Join(lines, "\n") + "\n"
}

// ParseKeys reads the text of a note whose signature was already verified. It takes what Text
// writes and nothing else.
func ParseKeys(text string) (Keys, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 5 || lines[0] != keysHead {
		return Keys{}, ErrKeys
	}
	serial, err := strconv.ParseInt(lines[2], 10, 64)
	k := Keys{Origin: lines[1], Serial: serial}
	for _, line := range lines[3:] {
		name, value, _ := strings.Cut(line, " ")
		switch name {
		case "tls":
			k.TLSPins = append(k.TLSPins, value)
		case "log":
			k.LogKeys = append(k.LogKeys, value)
		}
	}
	if err != nil || k.Text() != text || !k.sound() {
		return Keys{}, ErrKeys
	}
	return k, nil
}

// sound: one or two of each, none twice, and each is what it says it is.
func (k Keys) sound() bool {
	for _, list := range [][]string{k.TLSPins, k.LogKeys} {
		if len(list) < 1 || len(list) > maxKeys || len(list) == 2 && list[0] == list[1] {
			return false
		}
	}
	notKey := func(key string) bool { _, err := note.NewVerifier(key); return err != nil }
	notPin := func(pin string) bool { return !isPin(pin) }
	return k.Origin != "" && k.Serial >= 0 && !slices.ContainsFunc(k.TLSPins, notPin) &&
		!slices.ContainsFunc(k.LogKeys, notKey)
}

// OpenKeys verifies an announcement: it is signed by a key that is pinned already, and by every key
// that it names.
func OpenKeys(signed []byte, pinned ...note.Verifier) (Keys, error) {
	n, err := note.Open(signed, note.VerifierList(pinned...))
	if err != nil {
		return Keys{}, ErrKeys
	}
	k, err := ParseKeys(n.Text)
	if err != nil {
		return Keys{}, err
	}
	for _, key := range k.LogKeys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return Keys{}, ErrKeys
		}
		if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil {
			return Keys{}, ErrKeys
		}
	}
	return k, nil
}

// Renewed is the card with the keys of an announcement.
func (c DeskCard) Renewed(k Keys) DeskCard {
	c.TLSPin, c.NextTLSPin = firstTwo(k.TLSPins)
	c.LogKey, c.NextLogKey = firstTwo(k.LogKeys)
	return c
}

func firstTwo(list []string) (first, second string) {
	list = append(slices.Clone(list), "", "")
	return list[0], list[1]
}

// TLSPins are the pins the desk may show.
func (c DeskCard) TLSPins() []string { return given(c.TLSPin, c.NextTLSPin) }

// Verifiers are the log keys the desk may sign with.
func (c DeskCard) Verifiers() (list []note.Verifier, err error) {
	for _, key := range given(c.LogKey, c.NextLogKey) {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("read a log key: %w", err)
		}
		list = append(list, verifier)
	}
	return list, nil
}

// SignsWith says whether a log key is one of the desk's.
func (c DeskCard) SignsWith(key string) bool {
	return slices.Contains(given(c.LogKey, c.NextLogKey), key)
}

func (c DeskCard) checkNext() error {
	if !isPinOrNone(c.NextTLSPin) {
		return errors.New("the next_tls_pin of the desk card is not a SHA-256 in hex")
	}
	if _, err := c.Verifiers(); err != nil {
		return errors.New("the next_log_key of the desk card is not a note verifier key")
	}
	return nil
}

// FollowerPins are the pins of the certificates the verifier may pull with.
func (b Bundle) FollowerPins() []string {
	return given(b.FollowerPin, b.NextFollowerPin, b.OldFollowerPin)
}

func given(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}
