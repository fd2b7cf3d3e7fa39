package mailbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Clock tells the time and whether the network set it.
type Clock interface {
	Now() time.Time
	Synced() bool
}

// Config is what a Poller needs.
type Config struct {
	Ledger provisioning.Ledger
	Desk   provisioning.DeskID
	Clock  Clock
	Log    *slog.Logger

	// Server is host and port. Implicit begins with TLS (port 993); otherwise STARTTLS is demanded.
	Server   string
	Implicit bool
	Login    string
	Password secret.Password
	// CA is the PEM text of the one CA that may vouch for the server; empty means the system's.
	CA []byte
	// Folder is read; empty means INBOX. It is the desk's own: what somebody else reads there first
	// is not taken.
	Folder string
	// Moved is the folder that messages go to once they are taken; empty leaves them, marked as read.
	Moved string
	// Every is how often the mailbox is looked at; 0 means a minute.
	Every time.Duration
	// Timeout of one step of the conversation; 0 means 20 s.
	Timeout time.Duration
}

// Poller looks into one mailbox.
type Poller struct {
	config Config
	tls    *tls.Config
	name   string
	// quiet says that the last look failed, and that it was said.
	quiet bool
}

// New checks the configuration; it connects to nothing.
func New(c Config) (*Poller, error) {
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil || host == "" {
		return nil, errors.New("mailbox: the server needs a host and a port")
	}
	if c.Ledger == nil || c.Clock == nil || c.Log == nil || c.Login == "" || c.Password.IsZero() {
		return nil, errors.New("mailbox: ledger, clock, log, login and password are needed")
	}
	p := &Poller{config: c, tls: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}}
	if len(c.CA) > 0 {
		p.tls.RootCAs = x509.NewCertPool()
		if !p.tls.RootCAs.AppendCertsFromPEM(c.CA) {
			return nil, errors.New("mailbox: the CA file holds no certificate in PEM")
		}
	}
	if p.config.Folder == "" {
		p.config.Folder = "INBOX"
	}
	if p.config.Every == 0 {
		p.config.Every = time.Minute
	}
	if p.config.Timeout == 0 {
		p.config.Timeout = 20 * time.Second
	}
	p.name = c.Login + "@" + c.Server + "/" + p.config.Folder
	return p, nil
}

// Run looks into the mailbox until ctx ends. A server that is away is tried again at the next turn:
// the messages wait there.
func (p *Poller) Run(ctx context.Context) error {
	for {
		err := p.Poll(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.say(err)
		timer := time.NewTimer(p.config.Every)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// say logs a failure once, and its end.
func (p *Poller) say(err error) {
	switch {
	case err != nil && !p.quiet:
		p.config.Log.Warn("the mailbox cannot be read; it is tried again", "err", err)
	case err == nil && p.quiet:
		p.config.Log.Info("the mailbox can be read again")
	}
	p.quiet = err != nil
}

// ErrFull says that the queue holds as many requests as it may. What is left stays unread.
var ErrFull = errors.New("the queue of requests is full")

// atOnce bounds how many messages are looked at in one turn.
const atOnce = 100

// Poll looks into the mailbox once and takes what is new.
func (p *Poller) Poll(ctx context.Context) error {
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	uids, err := s.unread()
	if err != nil {
		return fmt.Errorf("look for messages: %w", err)
	}
	for _, uid := range uids[:min(len(uids), atOnce)] {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := p.take(ctx, s, uid); err != nil {
			return err
		}
	}
	return nil
}

// take puts one message into the queue, unless it is there, and only then marks it.
func (p *Poller) take(ctx context.Context, s *session, uid uint32) error {
	place := s.place(uid)
	box, _ := provisioning.Get[provisioning.Mailbox](p.config.Ledger.Snapshot(), p.name)
	box.Name = p.name
	if !box.KnowsPlace(place) {
		raw, at, err := s.fetch(uid)
		if err != nil {
			return fmt.Errorf("fetch a message: %w", err)
		}
		if err := p.commit(ctx, place, raw, at); err != nil {
			return err
		}
	}
	if err := s.mark(uid); err != nil {
		return fmt.Errorf("mark a message as taken: %w", err)
	}
	return nil
}

// errTaken leaves the single writer without a change.
var errTaken = errors.New("taken before")

func (p *Poller) commit(ctx context.Context, place string, raw []byte, at time.Time) error {
	c := parse(raw)
	now := provisioning.Now{Desk: p.config.Desk, At: p.config.Clock.Now(),
		Synced: p.config.Clock.Synced()}
	if at.IsZero() || at.After(now.At) {
		at = now.At
	}
	m := provisioning.Message{Mailbox: p.name, Place: place, MessageID: c.messageID, From: c.from,
		Title: c.title, Text: c.text, Cut: c.cut || len(raw) >= maxRaw, At: at.UTC()}
	_, err := p.config.Ledger.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		change, fresh, full := provisioning.TakeMessage(s, now, m)
		if full {
			return change, ErrFull
		}
		if !fresh {
			return change, errTaken
		}
		return change, nil
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}
