package feedtest

import (
	"crypto/rand"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Token is a token that a desk programs: it types the OTPs of its own seed, whatever the desk
// seals.
type Token struct {
	User, Serial, Credential string
	Seed                     secret.Seed
	Counter                  uint64
}

// NewToken makes a token with a random seed, for a user.
func NewToken(user string) *Token {
	seed := make([]byte, 20)
	_, _ = rand.Read(seed) // never fails: crypto/rand stops the program instead
	return &Token{User: user, Serial: RandomID()[:8], Credential: RandomID(),
		Seed: secret.NewSeed(seed)}
}

// Press types the next OTP.
func (t *Token) Press() secret.OTP {
	codes, err := oath.Codes(t.Seed, t.Counter, 1, 6)
	if err != nil {
		panic("compute an OTP: " + err.Error())
	}
	t.Counter++
	return codes[0]
}

// Skip presses n times without anybody looking.
func (t *Token) Skip(n int) *Token {
	t.Counter += uint64(n)
	return t
}

// Body is what an honest desk seals for the token.
func (d *Desk) Body(t *Token) feed.SeedBody {
	return feed.SeedBody{User: t.User, Site: d.Site, Vendor: "yubikey", Serial: t.Serial,
		Seed: t.Seed, Digits: 6}
}

// SealSeed makes the record of a seed.
func (d *Desk) SealSeed(t *Token, body feed.SeedBody) feed.Record {
	rec, err := d.sealer.SealSeed(d.Record(t.Credential), body)
	if err != nil {
		panic("seal a seed: " + err.Error())
	}
	return rec
}

// SealProof makes the record of what the token typed.
func (d *Desk) SealProof(t *Token, otps ...secret.OTP) feed.Record {
	rec, err := d.sealer.SealProof(d.Record(t.Credential), feed.ProofBody{OTPs: otps})
	if err != nil {
		panic("seal a proof: " + err.Error())
	}
	return rec
}

// State makes a record that moves the token's credential.
func (d *Desk) State(t *Token, to feed.State) feed.Record {
	rec := d.Record(t.Credential)
	rec.Kind, rec.State = feed.KindState, to
	return rec
}

// Issue commits the seed of the token and one press of it, as an honest desk does, and returns the
// id of the proof.
func (d *Desk) Issue(t *Token) string {
	d.Commit(d.SealSeed(t, d.Body(t)))
	proof := d.SealProof(t, t.Press())
	d.Commit(proof)
	return proof.ID
}
