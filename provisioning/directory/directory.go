// Package directory finds people: by the number on their card, by what their card says to a reader,
// by their person number, or by their account name. There are two sources, the university's LDAP
// directory and a CSV file it exports, and they answer alike.
//
// It also answers claims: match or no match, and the stored characters never leave the package. It
// refuses to know what a person may do, and it never writes.
package directory

import (
	"errors"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// The refusals of this package; the kiosk's catalogue has a sentence for each.
const (
	// CodeUnknown: nobody has this number.
	CodeUnknown provisioning.Code = "person_unknown"
	// CodeAmbiguous: more than one person answers to this number.
	CodeAmbiguous provisioning.Code = "person_ambiguous"
	// CodeLeft: the person left the university; param since, a date, where the directory has one.
	CodeLeft provisioning.Code = "person_left"
	// CodeCardExpired: param until is the card's last day.
	CodeCardExpired provisioning.Code = "card_expired"
	// CodeCardReplaced: the person has a newer card.
	CodeCardReplaced provisioning.Code = "card_replaced"
	// CodeDown: the directory cannot be read now.
	CodeDown = provisioning.CodeDirectoryDown
	// CodeNoPasswords: this directory cannot check passwords at all.
	CodeNoPasswords provisioning.Code = "password_unsupported"
)

// Codes lists the refusals.
func Codes() []provisioning.Code {
	return []provisioning.Code{CodeUnknown, CodeAmbiguous, CodeLeft, CodeCardExpired,
		CodeCardReplaced, CodeDown, CodeNoPasswords}
}

// ErrNoStaff says that a staff list is empty or was never named. An empty list is a broken list:
// nobody is dismissed for it.
var ErrNoStaff = errors.New("the staff list is empty")

// day is how dates are written: ISO 8601.
const day = time.DateOnly

// admit is the last word on somebody who was found. An expired or replaced card is refused only when
// it was the card's number that was asked for: the person number still finds its owner, on another
// document.
func admit(r Record, byCard bool, now time.Time, zone *time.Location) (provisioning.Person, error) {
	switch {
	case r.ID == "" || r.Name == "" || r.Account == "":
		return provisioning.Person{}, provisioning.Refuse(provisioning.CodePersonUnnamed)
	case r.Left && r.Since.IsZero():
		return provisioning.Person{}, provisioning.Refuse(CodeLeft)
	case r.Left:
		return provisioning.Person{}, provisioning.Refuse(CodeLeft, "since", r.Since.Format(day))
	case byCard && r.CardReplacedBy != "":
		return provisioning.Person{}, provisioning.Refuse(CodeCardReplaced)
	case byCard && provisioning.CardExpired(r.CardUntil, now, zone):
		return provisioning.Person{}, provisioning.Refuse(CodeCardExpired,
			"until", r.CardUntil.Format(day))
	}
	return r.Person, nil
}
