package daemon

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// A credential holds one key, or two while it is renewed, with a line of one word between them:
//
//	next   the first is in use, the second will be
//	old    the first is in use, the second was until just now
//
// The file is replaced as a whole, so whatever moment a power cut picks leaves one of the three
// forms, and the desk opens and is followed with each of them.
const (
	wordNext = "next"
	wordOld  = "old"
)

// keyText is a credential taken apart. Word is empty when it holds one key.
type keyText struct {
	first, second []byte
	word          string
}

// splitKeys takes a credential apart at its one word.
func splitKeys(text []byte) keyText {
	at := 0
	for line := range bytes.SplitAfterSeq(text, []byte("\n")) {
		word := string(bytes.TrimSpace(line))
		if word == wordNext || word == wordOld {
			return keyText{text[:at], text[at+len(line):], word}
		}
		at += len(line)
	}
	return keyText{first: text}
}

// join puts a credential together again.
func (k keyText) join() []byte {
	if k.word == "" {
		return bytes.Clone(k.first)
	}
	return bytes.Join([][]byte{ended(k.first), []byte(k.word + "\n"), ended(k.second)}, nil)
}

// ended ends the last line.
func ended(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text
	}
	return append(bytes.Clone(text), '\n')
}

// single is the credential when the first key is the only one.
func (k keyText) single() keyText { return keyText{first: k.first} }

// deskKeys reads the key of the store, and the one beside it.
func deskKeys(text []byte) (use, beside secret.Key, err error) {
	k := splitKeys(text)
	if use, err = decodeKey(credDesk, k.first); err != nil || k.word == "" {
		return use, beside, err
	}
	beside, err = decodeKey(credDesk, k.second)
	return use, beside, err
}

// logPair is a key of the log and its public half.
type logPair struct {
	signer note.Signer
	public string
}

func logKeys(text []byte) (use, beside logPair, err error) {
	k := splitKeys(text)
	if use.signer, use.public, err = parseLogKey(k.first); err != nil || k.word == "" {
		return use, beside, err
	}
	beside.signer, beside.public, err = parseLogKey(k.second)
	return use, beside, err
}

func feedKeys(text []byte) (use, beside tls.Certificate, err error) {
	k := splitKeys(text)
	if use, err = parseFeedKey(k.first); err != nil || k.word == "" {
		return use, beside, err
	}
	beside, err = parseFeedKey(k.second)
	return use, beside, err
}

func parseFeedKey(text []byte) (tls.Certificate, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return cert, fmt.Errorf("credential %s: not a certificate and its key in PEM", credFeed)
	}
	cert.Leaf, err = feedLeaf(cert)
	return cert, err
}

// keyID names one key of a credential by what is public of it. The store's key has nothing public;
// a hash of 32 random bytes tells nothing of them.
func keyID(credential string, key []byte) (string, error) {
	switch credential {
	case credFeed:
		cert, err := parseFeedKey(key)
		if err != nil {
			return "", err
		}
		return feed.Pin(cert.Leaf), nil
	case credLog:
		_, public, err := parseLogKey(key)
		return public, err
	}
	raw, err := decodeKey(credential, key)
	if err != nil {
		return "", err
	}
	return deskKeyID(raw), nil
}

func deskKeyID(key secret.Key) string {
	raw := key.Expose()
	defer clear(raw)
	if len(raw) == 0 {
		return ""
	}
	sum := sha256.Sum256(append([]byte("token desk key id\x00"), raw...))
	return hex.EncodeToString(sum[:8])
}
