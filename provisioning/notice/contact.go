package notice

import (
	"net/mail"
	"regexp"
	"strings"

	"github.com/tokendesk/tokendesk/provisioning"
)

// e164 is a phone number in international form (ITU-T E.164): at most 15 digits.
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// contact checks a registered contact. A mail address is one address and nothing else: no name, no
// list, no line break.
func contact(channel provisioning.NoticeChannel, text string) (string, bool) {
	text = strings.TrimSpace(text)
	if channel == provisioning.NoticeBySMS {
		return text, e164.MatchString(text)
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || strings.ContainsAny(text, "\r\n\x00 ") {
		return "", false
	}
	return a.Address, true
}
