package provisioning

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Claim is what somebody who is not at the counter says about themselves. A directory answers it
// with match or no match, and never says which part was wrong. Knowledge is weak evidence: what is
// given out on it is marked as such.
type Claim struct {
	// Account is an account name or a person number, never the number of a card.
	Account string
	// Role is one of the site's (S58); empty means it was not asked.
	Role string
	// Born is the date of birth (S59); zero means it was not asked.
	Born time.Time
	// DocumentTail is the last four characters of identity card or passport (S59); DocumentHead the
	// first four of the identity card (S53). Empty means it was not asked.
	DocumentTail, DocumentHead string
}

// Format prints a constant: the parts of a claim appear in no log.
func (Claim) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(secret.Redacted)) }

// LogValue prints the constant in structured logs.
func (Claim) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalJSON always fails.
func (Claim) MarshalJSON() ([]byte, error) { return nil, secret.ErrMarshal }
