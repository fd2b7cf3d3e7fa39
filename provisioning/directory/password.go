package directory

import (
	"github.com/tokendesk/tokendesk/provisioning/phc"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// maxPassword bounds a password, in bytes.
const maxPassword = 512

// HashPassword returns the PHC string of a password, for the password column.
func HashPassword(password secret.Password) string { return phc.New(password).String() }

// hashed returns a PHC string we can check, or nothing.
func hashed(s string) string {
	if _, ok := phc.Parse(s); !ok {
		return ""
	}
	return s
}
