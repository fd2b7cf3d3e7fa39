// Package remote serves people who are not at the counter: those who recover access by themselves
// at the unattended view (S58-S65), and those who wrote a message (S53). It compares what they know,
// counts what did not match, and has the passcode issued.
//
// What they know is weak evidence: a directory full of birth dates and document numbers has many
// readers. Everything issued here is marked as not seen in person, and the person is told on every
// registered channel. The package refuses to know screens, and which part of a claim was wrong.
package remote

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Directory knows people and what they know.
type Directory interface {
	// Find looks an account or number up.
	Find(ctx context.Context, number string) (provisioning.Person, error)
	// Matches compares a claim: match or no match, never which part.
	Matches(ctx context.Context, c provisioning.Claim) (provisioning.Person, bool, error)
	// Authenticate tries a password.
	Authenticate(ctx context.Context, account string, password secret.Password) (bool, error)
	// Up says whether the directory answers; it does not wait.
	Up(ctx context.Context) bool
}

// Config is what recoveries and requests both need.
type Config struct {
	Ledger    provisioning.Ledger
	Directory Directory
	Site      provisioning.Site
	Desk      provisioning.DeskID
	Clock     Clock
	Log       *slog.Logger
}

// Clock tells the time and whether the network set it.
type Clock interface {
	Now() time.Time
	Synced() bool
}

func (c Config) check() error {
	if c.Ledger == nil || c.Directory == nil || c.Clock == nil || c.Log == nil || c.Desk == "" {
		return errors.New("remote: ledger, directory, clock, log and desk are needed")
	}
	return nil
}

// named is whoever goes by an account or number, or nobody. The tries at them are counted together,
// by whichever of their names they are called.
func (c Config) named(ctx context.Context, number string) (provisioning.Person, error) {
	person, err := c.Directory.Find(ctx, number)
	var refusal *provisioning.Refusal
	if errors.As(err, &refusal) && refusal.Code != provisioning.CodeDirectoryDown {
		return provisioning.Person{}, nil
	}
	return person, err
}

func (c Config) now() provisioning.Now {
	return provisioning.Now{Desk: c.Desk, At: c.Clock.Now(), Synced: c.Clock.Synced()}
}
