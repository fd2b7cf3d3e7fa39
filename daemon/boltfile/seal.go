package boltfile

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// Values are sealed with XChaCha20-Poly1305 under a random nonce of 192 bits. A desk that is never
// re-keyed may seal more than 2^32 values under its own key, which is the limit of AES-GCM with
// random nonces of 96 bits (NIST SP 800-38D section 8.3); with 192 bits the same chance of a clash
// comes after 2^80. A nonce derived from bucket, key and revision would repeat after a crash, when
// the revision of a lost commit is given again with other content. Setting up this cipher is a copy
// of the key, which matters where each person has one.

// keys are what a file's own key is derived into.
type keys struct {
	file   [KeySize]byte
	values cipher.AEAD
	blind  []byte
}

func deriveKeys(file [KeySize]byte) keys {
	return keys{file: file, values: newAEAD(derive(file[:], "values")),
		blind: derive(file[:], "blind")}
}

// derive gives each use its own key (RFC 5869).
func derive(key []byte, use string) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, "boltfile v1 "+use, KeySize)
	if err != nil {
		panic("derive 32 bytes with SHA-256: " + err.Error())
	}
	return out
}

func newAEAD(key []byte) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic("a key of 32 bytes: " + err.Error())
	}
	return aead
}

// keyMark tells which key a file belongs to, so that a wrong key is not taken for damage. It
// differs from file to file and says nothing about the key.
func keyMark(key []byte, fileID string) []byte {
	mac := hmac.New(sha256.New, derive(key, "mark"))
	mac.Write([]byte(fileID))
	return mac.Sum(nil)[:markSize]
}

// The forms of a frame.
const (
	// formFile is sealed under the file's own key, formSubject under a subject's.
	formFile    byte = 1
	formSubject byte = 2
)

// frame is a sealed value as it is stored: the form, the revision (8 bytes), for formSubject the
// number of the subject's key (8 bytes), the nonce, the box.
type frame struct {
	form     byte
	revision uint64
	keyID    uint64
	nonce    []byte
	box      []byte
}

func (f frame) head() []byte {
	head := make([]byte, 0, 1+8+8+len(f.nonce)+len(f.box))
	head = append(head, f.form)
	head = binary.BigEndian.AppendUint64(head, f.revision)
	if f.form == formSubject {
		head = binary.BigEndian.AppendUint64(head, f.keyID)
	}
	return head
}

func (f frame) encode() []byte { return append(append(f.head(), f.nonce...), f.box...) }

// decodeFrame takes a stored value apart without copying it.
func decodeFrame(b []byte) (frame, error) {
	const least = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	if len(b) < 9+least {
		return frame{}, ErrDamaged
	}
	f := frame{form: b[0], revision: binary.BigEndian.Uint64(b[1:])}
	rest := b[9:]
	switch f.form {
	case formFile:
	case formSubject:
		if len(rest) < 8+least {
			return frame{}, ErrDamaged
		}
		f.keyID, rest = binary.BigEndian.Uint64(rest), rest[8:]
	default:
		return frame{}, ErrDamaged
	}
	f.nonce, f.box = rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:]
	return f, nil
}

// place is what a value is bound to, besides its key: where it lies and the head of its frame.
func (f frame) place(bucket string, key []byte) []byte {
	head := f.head()
	ad := make([]byte, 0, 4+len(bucket)+len(key)+len(head))
	ad = binary.BigEndian.AppendUint16(ad, uint16(len(bucket)))
	ad = append(ad, bucket...)
	ad = binary.BigEndian.AppendUint16(ad, uint16(len(key)))
	ad = append(ad, key...)
	return append(ad, head...)
}

// seal fills the nonce and the box.
func (f frame) seal(aead cipher.AEAD, bucket string, key, value []byte) frame {
	f.nonce = make([]byte, aead.NonceSize())
	_, _ = rand.Read(f.nonce) // never errs (crypto/rand)
	f.box = aead.Seal(nil, f.nonce, value, f.place(bucket, key))
	return f
}

func (f frame) open(aead cipher.AEAD, bucket string, key []byte) ([]byte, error) {
	value, err := aead.Open(nil, f.nonce, f.box, f.place(bucket, key))
	if err != nil {
		return nil, ErrDamaged
	}
	return value, nil
}

// Blind turns names into a key of 16 bytes that says nothing to whoever holds the file without its
// key: keys of values are stored in the clear, so names of people must not be among them.
func (f *File) Blind(names ...string) []byte { return f.keys.blindName(names...) }

func (k keys) blindName(names ...string) []byte {
	mac := hmac.New(sha256.New, k.blind)
	for _, name := range names {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(name)))
		mac.Write(size[:])
		mac.Write([]byte(name))
	}
	return mac.Sum(nil)[:16]
}
