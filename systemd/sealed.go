package systemd

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
)

// Seal says to which keys systemd-creds encrypted a credential, in the words of its --with-key=.
type Seal string

// The seals. One with a TPM in it opens on this box only; the host key lies on the same disk as
// what it encrypts, and is no protection from whoever has the disk.
const (
	SealUnknown Seal = ""
	SealHost    Seal = "host"
	SealTPM     Seal = "tpm2"
	SealHostTPM Seal = "host+tpm2"
	// SealNull is encrypted with a key of zeros, as it is made where there is no TPM.
	SealNull Seal = "tpm2-absent"
)

// TPM says whether it takes the box's TPM to open it.
func (s Seal) TPM() bool { return s == SealTPM || s == SealHostTPM }

// seals are the ids an encrypted credential begins with: 128 bits that name how its key was made
// (systemd, src/shared/creds-util.h, CRED_AES256_GCM_BY_...). Those with a signed PCR policy are
// bound to the TPM like those without.
var seals = map[string]Seal{
	"5a1c6a86df9d4096b1d5a65e0862f19a": SealHost,
	"0c7cc07b117645919c4b0bea08bc20fe": SealTPM,
	"faf7eb9341e3412ca1a436f95a29362f": SealTPM,
	"93a894094874449090caf2fc93cab553": SealHostTPM,
	"af4950a849134eb1a73846304ff30c05": SealHostTPM,
	"058469daf6f54324800549da0f8ea2fb": SealNull,
}

// idSize is the length of such an id.
const idSize = 16

// SealedWith reads how a credential was encrypted from the file systemd-creds wrote: base64 of the
// id, the lengths of what follows, and that.
func SealedWith(file []byte) Seal {
	text := bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, file)
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(raw) <= idSize {
		return SealUnknown
	}
	return seals[hex.EncodeToString(raw[:idSize])]
}
