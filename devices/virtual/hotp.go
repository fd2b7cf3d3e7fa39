package virtual

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// hotp is RFC 4226 section 5.3, computed here on purpose: an oracle must not share the desk's.
func hotp(secret []byte, counter uint64, digits int) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, counter))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0F
	value := binary.BigEndian.Uint32(sum[offset:]) & 0x7FFFFFFF
	modulo := uint32(1)
	for range digits {
		modulo *= 10
	}
	return fmt.Sprintf("%0*d", digits, value%modulo)
}

// modhex is Yubico's alphabet of letters that most keyboard layouts agree on.
const modhex = "cbdefghijklnrtuv"

func toModhex(b []byte) string {
	var text strings.Builder
	for _, x := range b {
		text.WriteByte(modhex[x>>4])
		text.WriteByte(modhex[x&0x0F])
	}
	return text.String()
}

// tokenID is the fixed part of a HOTP slot: flags say how many of its bytes are typed as modhex,
// the others are typed as hexadecimal digits.
func (c config) tokenID() string {
	fixed := c.fixed[:c.fixedSize]
	letters := 0
	switch c.cfg & (cfgModhex1 | cfgModhex2) {
	case cfgModhex1:
		letters = 1
	case cfgModhex2:
		letters = 2
	case cfgModhex1 | cfgModhex2:
		letters = len(fixed)
	}
	letters = min(letters, len(fixed))
	return toModhex(fixed[:letters]) + hex.EncodeToString(fixed[letters:])
}

// yubicoOTP is the sixteen-byte one-time block of a slot as delivered, encrypted and in modhex.
// The time and random fields are zero: nobody here checks it, it only has to be typed.
func (c config) yubicoOTP(counter uint64) string {
	var block [aes.BlockSize]byte
	copy(block[:], c.uid[:])
	binary.LittleEndian.PutUint16(block[6:], uint16(counter)+1)
	binary.LittleEndian.PutUint16(block[14:], ^crc16(block[:14]))
	cipher, err := aes.NewCipher(c.key[:])
	if err != nil {
		panic(err) // the key has sixteen bytes
	}
	cipher.Encrypt(block[:], block[:])
	return toModhex(c.fixed[:c.fixedSize]) + toModhex(block[:])
}
