package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/tokendesk/tokendesk/provisioning/directory"
)

// Config is the one file a desk is configured with. It names places, never secrets.
type Config struct {
	// Desk is this appliance's id, unique within the site: letters, digits, '-', '_', '.'.
	Desk string `toml:"desk"`
	// Site is the profile of the university: "um" or "unimas".
	Site string `toml:"site"`
	// State is the folder of the store. It belongs to the daemon alone (0700).
	State string `toml:"state"`
	// Credentials is the folder of the keys outside systemd; a unit passes them instead.
	Credentials string `toml:"credentials"`
	// SealedCredentials is where they lie when systemd-creds encrypted them to this box instead.
	SealedCredentials string `toml:"sealed_credentials"`
	// Directory is the CSV file of people; Portraits the folder of their pictures.
	Directory string `toml:"directory"`
	Portraits string `toml:"portraits"`
	// LDAP is the university's own directory; without it the file is the directory.
	LDAP directory.LDAPConfig `toml:"ldap"`
	// Officers is a CSV file of who works at this desk, the same at every desk; without it, and
	// without groups in the directory, the operator says.
	Officers string `toml:"officers"`
	// Verifier is the public bundle the verifier made.
	Verifier string `toml:"verifier"`
	// Listen is the counter's screen, loopback only; Feed is what the verifier pulls.
	Listen string `toml:"listen"`
	Feed   string `toml:"feed"`
	// FeedURL is the address of the feed as the verifier reaches it, for the desk's card.
	FeedURL string `toml:"feed_url"`
	// Admin is the socket of the operator's command.
	Admin string `toml:"admin"`
	// PINAlone lets officers who have no token of their own unlock the desk with a PIN alone, and asks
	// nobody without one for a touch. It is for the first days of a desk, and for a demonstration.
	PINAlone bool `toml:"pin_alone"`
	// Readers are the card readers; without one, numbers are typed.
	Readers []ReaderConfig `toml:"reader"`
	// Printer is the printer of slips; nil without one.
	Printer *Printer `toml:"printer"`
	// Mail and SMS are how people are told; Mailbox is where they mail requests to.
	Mail    MailConfig    `toml:"mail"`
	SMS     SMSConfig     `toml:"sms"`
	Mailbox MailboxConfig `toml:"mailbox"`
	// Self is the unattended view; off unless it is asked for.
	Self SelfConfig `toml:"self"`
	// Backup says where backups go.
	Backup BackupConfig `toml:"backup"`
}

// Defaults are the values of an installation; a file overrides them.
func Defaults() Config {
	return Config{
		State:       "/var/lib/tokendesk",
		Credentials: "/etc/tokendesk/credentials",
		Directory:   "/etc/tokendesk/people.csv",
		Portraits:   "/etc/tokendesk/portraits",
		Verifier:    "/etc/tokendesk/verifier.json",
		Listen:      "127.0.0.1:8440",
		Feed:        ":8443",
		Admin:       "/run/tokendesk/admin.sock",
		Backup:      defaultBackups(),

		SealedCredentials: "/etc/tokendesk/sealed",
	}
}

// ReadConfig reads a file over the defaults and refuses keys it does not know.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := ParseConfig(string(data))
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseConfig parses the text of a configuration file over the defaults.
func ParseConfig(text string) (Config, error) {
	c := Defaults()
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return Config{}, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, key := range unknown {
			names[i] = key.String()
		}
		return Config{}, fmt.Errorf("unknown keys: %s", strings.Join(names, ", "))
	}
	return c, c.check()
}

func (c Config) check() error {
	if c.Desk == "" {
		return errors.New(`"desk" is missing: give this appliance a name, for example desk = "icto-1"`)
	}
	if c.Site == "" {
		return errors.New(`"site" is missing: name the university's profile, for example site = "um"`)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("\"listen\" is not an address: %w", err)
	}
	// The counter's screen is on this box. Over a network, its sessions would travel in clear.
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New(`"listen" must be a loopback address: the screen is on this box`)
	}
	if _, _, err := net.SplitHostPort(c.Feed); err != nil {
		return fmt.Errorf("\"feed\" is not an address: %w", err)
	}
	if err := c.LDAP.Check(); err != nil {
		return err
	}
	if err := c.checkReaders(); err != nil {
		return err
	}
	if err := c.checkNotices(); err != nil {
		return err
	}
	if err := c.Backup.check(); err != nil {
		return err
	}
	return c.Self.check()
}

// file is the store.
func (c Config) file() string { return filepath.Join(c.State, "desk.db") }
