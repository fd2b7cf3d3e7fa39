package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// SelfConfig switches on the unattended view, where people recover access without an officer and
// without a card. It is off without "listen".
//
// Think before switching it on. What is asked (account, date of birth, the end of a document number,
// the password) is knowledge and nothing else: it turns two factors into one. Birth dates and
// document numbers have many readers, and NIST SP 800-63A-4 section 2.5.1 does not take them as proof
// of anybody. Whoever has stolen a password and knows the person gets in. What is left is that tries
// are counted, that every try is on record, and that the person is told on every registered channel.
type SelfConfig struct {
	// Listen is the view's own address. One that other machines reach needs Cert and Key.
	Listen string `toml:"listen"`
	// Hosts are the names people call it by, beside numbers and localhost.
	Hosts []string `toml:"hosts"`
	// Cert and Key are the files of its certificate.
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
	// Print lets people print the passcode on the desk's printer. It is for a view that stands beside
	// the printer: else the slip comes out in front of somebody else.
	Print bool `toml:"print"`
	// Answer is when every recovery is answered, whatever the answer: 1.5 s if empty. It has to be
	// more than the directory needs for two questions.
	Answer time.Duration `toml:"answer"`
}

// on says whether there is an unattended view.
func (c SelfConfig) on() bool { return c.Listen != "" }

func (c SelfConfig) check() error {
	if !c.on() {
		if len(c.Hosts) > 0 || c.Cert != "" || c.Key != "" || c.Answer != 0 || c.Print {
			return errors.New(`[self] needs "listen"`)
		}
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf(`[self] "listen" is not an address: %w`, err)
	}
	if c.Answer < 0 || c.Answer > 10*time.Second {
		return errors.New(`[self] "answer" is at most 10s`)
	}
	addr, err := netip.ParseAddr(host)
	local := host == "localhost" || err == nil && addr.IsLoopback()
	if (c.Cert == "") != (c.Key == "") || !local && c.Cert == "" {
		return errors.New(`[self] needs "cert" and "key": passwords are typed there`)
	}
	return nil
}
