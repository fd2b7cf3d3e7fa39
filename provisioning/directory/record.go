package directory

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Record is everything a directory holds about a person. What a Person does not have is compared
// here and goes no further.
type Record struct {
	provisioning.Person
	// CardUID is what the card says to a reader, in hex. It identifies; it proves nothing.
	CardUID string
	// Born, IdentityCard and Passport are what claims are compared with.
	Born                   time.Time
	IdentityCard, Passport string
	// PasswordHash is a PHC string (argon2id), for a site without an LDAP directory.
	PasswordHash string
	// Left says that the person left the university; Since is when, if that is known.
	Left  bool
	Since time.Time
}

// Format prints a constant: a record is personal from end to end.
func (Record) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(secret.Redacted)) }

// LogValue prints the constant in structured logs.
func (Record) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalJSON always fails.
func (Record) MarshalJSON() ([]byte, error) { return nil, secret.ErrMarshal }

// A head or tail of a document has four characters. A stored value too short to have a head that is
// not also its tail has none: a site may keep only the last four.
const (
	part    = 4
	minHead = 2*part - 1
)

// document is how document numbers are compared: letters in either case, and without the marks
// they are printed with: 1234567(8).
func document(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()/.", r) {
			return -1
		}
		return r
	}, upper(s))
}

func tail(s string) string {
	runes := []rune(document(s))
	if len(runes) < part {
		return ""
	}
	return string(runes[len(runes)-part:])
}

func head(s string) string {
	runes := []rune(document(s))
	if len(runes) < minHead {
		return ""
	}
	return string(runes[:part])
}

// answers compares a claim with a record whose owner has these roles. Every part that was given is
// compared, whatever the others came to, and the zero record is compared like any other.
func (r Record) answers(c provisioning.Claim, roles ...string) bool {
	right := bit(r.ID != "") & bit(!r.Left) & bit(known(c))
	if c.Role != "" {
		right &= bit(slices.Contains(roles, c.Role))
	}
	if !c.Born.IsZero() {
		right &= same(c.Born.Format(day), r.Born.Format(day)) & bit(!r.Born.IsZero())
	}
	if c.DocumentTail != "" {
		asked := document(c.DocumentTail)
		right &= (same(asked, tail(r.IdentityCard)) | same(asked, tail(r.Passport))) & whole(asked)
	}
	if c.DocumentHead != "" {
		asked := document(c.DocumentHead)
		right &= same(asked, head(r.IdentityCard)) & whole(asked)
	}
	return right == 1
}

// known: a claim has to say something only its owner should know.
func known(c provisioning.Claim) bool {
	return !c.Born.IsZero() || c.DocumentTail != "" || c.DocumentHead != ""
}

func whole(s string) int { return bit(len([]rune(s)) == part) }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// same compares in a time that depends on neither text.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
