package officer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math/big"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// keySize is that of an HMAC-SHA1 key in a token, nonceSize that of what challenges derive from.
const (
	keySize   = 20
	nonceSize = 32
)

// inReserve is how many challenges an enrolment makes: some two months of unlocking with one touch.
const inReserve = 2000

// An answer in the row: the number of its challenge, then a digest of 128 bits.
const (
	answerSize = provisioning.AnswerSize
	numberSize = 4
	digestSize = answerSize - numberSize
)

// labels keep the two uses of the nonce apart.
const (
	labelChallenge = "tokendesk officer challenge v1"
	labelAnswer    = "tokendesk officer answer v1"
)

// newKey draws the key a token gets, and fills the row with what the desk keeps of it.
func newKey(row provisioning.OfficerKey) (provisioning.OfficerKey, secret.Key) {
	raw, nonce := make([]byte, keySize), make([]byte, nonceSize)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead.
	_, _ = rand.Read(nonce)
	defer clear(raw)
	row.Nonce, row.Made = string(nonce), inReserve
	answers := make([]byte, 0, inReserve*answerSize)
	for n := range uint32(inReserve) {
		mac := hmac.New(sha1.New, raw)
		mac.Write(challenge(row, n))
		sum := mac.Sum(nil)
		answers = appendAnswer(answers, row, n, sum)
		clear(sum)
	}
	row.Answers = string(answers)
	row.Next = draw(row)
	return row, secret.NewKey(raw)
}

// challenge is the n-th of a key.
func challenge(row provisioning.OfficerKey, n uint32) []byte {
	return derive(labelChallenge, row, n, nil)
}

func appendAnswer(to []byte, row provisioning.OfficerKey, n uint32, response []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, n)
	return append(to, derive(labelAnswer, row, n, response)[:digestSize]...)
}

func derive(label string, row provisioning.OfficerKey, n uint32, more []byte) []byte {
	h := sha256.New()
	h.Write([]byte(label))
	h.Write([]byte(row.Nonce))
	h.Write(binary.BigEndian.AppendUint32(nil, n))
	h.Write(more)
	return h.Sum(nil)
}

// draw picks the challenge that is asked next, of those never asked.
func draw(row provisioning.OfficerKey) uint32 {
	left := len(row.Answers) / answerSize
	if left == 0 {
		return 0
	}
	i, err := rand.Int(rand.Reader, big.NewInt(int64(left)))
	if err != nil {
		panic(err) // crypto/rand ends the process instead.
	}
	return binary.BigEndian.Uint32([]byte(row.Answers[int(i.Int64())*answerSize:]))
}

// place is where the next challenge's answer stands in the row, or -1.
func place(row provisioning.OfficerKey) int {
	for at := 0; at+answerSize <= len(row.Answers); at += answerSize {
		if binary.BigEndian.Uint32([]byte(row.Answers[at:at+numberSize])) == row.Next {
			return at
		}
	}
	return -1
}

// right compares a response with what the next challenge's should be, in constant time.
func right(row provisioning.OfficerKey, response secret.Response) bool {
	at := place(row)
	if at < 0 {
		return false
	}
	raw := response.Expose()
	defer clear(raw)
	got := derive(labelAnswer, row, row.Next, raw)[:digestSize]
	want := []byte(row.Answers[at+numberSize : at+answerSize])
	return subtle.ConstantTimeCompare(got, want) == 1
}

// spend takes the challenge out that was just answered.
func spend(row provisioning.OfficerKey) provisioning.OfficerKey {
	if at := place(row); at >= 0 {
		row.Answers = row.Answers[:at] + row.Answers[at+answerSize:]
	}
	row.Next = draw(row)
	return row
}

// restock puts the answer to a fresh challenge in, where none was left.
func restock(row provisioning.OfficerKey, response secret.Response) provisioning.OfficerKey {
	raw := response.Expose()
	defer clear(raw)
	row.Next = row.Made
	row.Answers = string(appendAnswer(nil, row, row.Next, raw))
	row.Made++
	return row
}
