package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// MailConfig names the mail server that takes notices and delivers passcodes. Without a server the
// desk sends no mail. The password is the credential mail-password.
type MailConfig struct {
	// Server is host and port; Implicit begins with TLS (port 465) instead of STARTTLS.
	Server   string `toml:"server"`
	Implicit bool   `toml:"implicit"`
	// From is the sender, with a name if one is wanted; Login signs in, if the server asks for it.
	From  string `toml:"from"`
	Login string `toml:"login"`
	// CA is the file of the one CA that may vouch for the server; empty means the system's.
	CA string `toml:"ca"`
}

// SMSConfig names the gateway that takes text messages over HTTPS. Without a URL the desk sends
// none.
type SMSConfig struct {
	URL string `toml:"url"`
	// Body is what is posted, with {to} and {text} in it: JSON, or a form.
	Form bool   `toml:"form"`
	Body string `toml:"body"`
	// Header carries the id by which the gateway tells a second copy; empty means Idempotency-Key.
	Header string `toml:"header"`
	// Token says that the credential sms-token is sent as a bearer token.
	Token bool   `toml:"token"`
	CA    string `toml:"ca"`
}

// MailboxConfig names the mailbox that requests are mailed to. Without a server none is read. The
// password is the credential mailbox-password.
type MailboxConfig struct {
	Server   string `toml:"server"`
	Implicit bool   `toml:"implicit"`
	Login    string `toml:"login"`
	// Folder is the desk's own, INBOX if empty; Moved is where messages go once they are taken.
	Folder string `toml:"folder"`
	Moved  string `toml:"moved"`
	// Every is how often it is looked at, a minute if empty.
	Every time.Duration `toml:"every"`
	CA    string        `toml:"ca"`
}

// checkNotices says what of it cannot be right.
func (c Config) checkNotices() error {
	for name, server := range map[string]string{"mail": c.Mail.Server, "mailbox": c.Mailbox.Server} {
		if _, _, err := net.SplitHostPort(server); err != nil && server != "" {
			return fmt.Errorf("[%s] \"server\" is not a host and a port: %w", name, err)
		}
	}
	switch {
	case c.Mail != (MailConfig{}) && (c.Mail.Server == "" || c.Mail.From == ""):
		return errors.New(`[mail] needs "server" and "from"`)
	case c.SMS != (SMSConfig{}) && (c.SMS.URL == "" || c.SMS.Body == ""):
		return errors.New(`[sms] needs "url" and "body"`)
	case c.Mailbox != (MailboxConfig{}) && (c.Mailbox.Server == "" || c.Mailbox.Login == ""):
		return errors.New(`[mailbox] needs "server" and "login"`)
	case c.Mailbox.Every != 0 && c.Mailbox.Every < 10*time.Second:
		return errors.New(`[mailbox] "every" is at least 10s`)
	}
	return nil
}

// readCA reads the file of a CA, if one is named.
func readCA(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	return data, nil
}
