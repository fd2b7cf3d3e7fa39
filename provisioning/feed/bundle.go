package feed

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/mod/sumdb/note"
)

// Bundle is the public half of a verifier: what a desk needs to seal for it and to recognise it.
// It holds nothing secret, and may travel by mail if its Fingerprint is compared by other means.
type Bundle struct {
	Version int `json:"version"`
	// Name of the verifier, for people.
	Name string `json:"name"`
	// VerifierKey and EscrowKey are the public sealing keys: see KeyID.
	VerifierKey []byte `json:"verifier_key"`
	EscrowKey   []byte `json:"escrow_key"`
	// FollowerPin is the pin of the client certificate the verifier pulls with: see Pin.
	FollowerPin string `json:"follower_pin"`
	// NextFollowerPin is of the certificate it will pull with next, OldFollowerPin of the one it
	// pulled with before; a desk takes either while the bundle names it.
	NextFollowerPin string `json:"next_follower_pin,omitempty"`
	OldFollowerPin  string `json:"old_follower_pin,omitempty"`
}

// DeskCard is the public half of a desk: what a verifier needs to follow it.
type DeskCard struct {
	Version int `json:"version"`
	// Desk is the id of the desk, Site its university.
	Desk string `json:"desk"`
	Site string `json:"site"`
	// FeedURL is where the feed is served, for example "https://desk1.example.edu:8443".
	FeedURL string `json:"feed_url"`
	// LogKey is the note verifier key of its checkpoints (golang.org/x/mod/sumdb/note).
	LogKey string `json:"log_key"`
	// TLSPin is the pin of the certificate the feed is served with: see Pin.
	TLSPin string `json:"tls_pin"`
	// NextTLSPin and NextLogKey are what the desk will be known by next; both are taken until then.
	NextTLSPin string `json:"next_tls_pin,omitempty"`
	NextLogKey string `json:"next_log_key,omitempty"`
}

// Encode checks b and writes it as JSON.
func (b Bundle) Encode() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return encodeFile(b)
}

// DecodeBundle reads what Encode wrote; unknown members are refused.
func DecodeBundle(data []byte) (Bundle, error) {
	var b Bundle
	if err := decodeFile(data, &b); err != nil {
		return Bundle{}, fmt.Errorf("read a verifier bundle: %w", err)
	}
	return b, b.check()
}

func (b Bundle) check() error {
	switch {
	case b.Version != Version:
		return fmt.Errorf("the bundle has version %d; this program reads %d", b.Version, Version)
	case b.Name == "" || len(b.Name) > maxName:
		return errors.New("the bundle names no verifier")
	case !isPin(b.FollowerPin):
		return errors.New("the bundle has no follower pin")
	case !isPinOrNone(b.NextFollowerPin), !isPinOrNone(b.OldFollowerPin):
		return errors.New("the bundle has a follower pin that is none")
	}
	_, err := NewSealer(b)
	return err
}

// Encode checks c and writes it as JSON.
func (c DeskCard) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return encodeFile(c)
}

// DecodeDeskCard reads what Encode wrote; unknown members are refused.
func DecodeDeskCard(data []byte) (DeskCard, error) {
	var c DeskCard
	if err := decodeFile(data, &c); err != nil {
		return DeskCard{}, fmt.Errorf("read a desk card: %w", err)
	}
	return c, c.check()
}

func (c DeskCard) check() error {
	if c.Version != Version {
		return fmt.Errorf("the desk card has version %d; this program reads %d", c.Version, Version)
	}
	if !isName(c.Desk) || !isName(c.Site) {
		return errors.New("the desk card names no desk or no site")
	}
	u, err := url.Parse(c.FeedURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil ||
		(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the feed_url of the desk card is not an https address")
	}
	if _, err := note.NewVerifier(c.LogKey); err != nil {
		return errors.New("the log_key of the desk card is not a note verifier key")
	}
	if !isPin(c.TLSPin) {
		return errors.New("the tls_pin of the desk card is not a SHA-256 in hex")
	}
	return c.checkNext()
}

const maxName = 64

// isName accepts ids of desks and sites: they stand in log origins, paths and keys.
func isName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') &&
			r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return true
}

func isPin(s string) bool { return isHex(s, 32) }

func isPinOrNone(s string) bool { return s == "" || isPin(s) }

// isHex accepts n bytes in lower-case hex.
func isHex(s string, n int) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == n && hex.EncodeToString(raw) == s
}
