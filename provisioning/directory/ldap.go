package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// LDAPParts are what an LDAP directory is made of.
type LDAPParts struct {
	Config LDAPConfig
	// Password is the service account's.
	Password secret.Password
	// Site is the id people are given, Zone where a moment becomes a date and a day ends, Strip as in
	// FileConfig.
	Site  string
	Zone  *time.Location
	Strip []string
	Now   func() time.Time
	Log   *slog.Logger
}

// LDAP is the university's directory, asked over TLS and only read. Every question ends within the
// site's timeout; whether the directory answers at all is found out in the background, by Run.
type LDAP struct {
	config   LDAPConfig
	parts    LDAPParts
	names    names
	server   server
	security *tls.Config
	pool     *pool
	// binds bounds the connections people's passwords are tried on.
	binds chan struct{}
	up    atomic.Bool
	// doubt asks Run to look now.
	doubt chan struct{}
}

// NewLDAP checks the configuration and reads the authority. It connects to nothing: a desk starts
// with its directory down.
func NewLDAP(p LDAPParts) (*LDAP, error) {
	if err := p.Config.Check(); err != nil {
		return nil, err
	}
	l := &LDAP{config: p.Config.filled(), parts: p, names: names{p.Strip},
		binds: make(chan struct{}, maxLinks), doubt: make(chan struct{}, 1)}
	// A service account without a password would be bound as nobody (RFC 4513 5.1.2).
	if p.Password.IsZero() {
		return nil, errors.New("ldap: the service account's password is empty")
	}
	if l.parts.Zone == nil {
		l.parts.Zone = time.UTC
	}
	var err error
	if l.server, err = l.config.server(); err != nil {
		return nil, err
	}
	if l.security, err = l.config.security(l.server.host); err != nil {
		return nil, err
	}
	l.pool = newPool(l.open)
	return l, nil
}

// open makes a link bound as the service account.
func (l *LDAP) open(ctx context.Context) (*link, error) {
	link, err := dial(ctx, l.server, l.security)
	if err != nil {
		return nil, err
	}
	err = link.within(ctx, func(c *ldap.Conn) error {
		return bind(c, l.config.BindDN, l.parts.Password)
	})
	if err != nil {
		link.drop()
		return nil, fmt.Errorf("bind as the service account: %w", err)
	}
	return link, nil
}

// bind proves a password. The library takes it as a string, which cannot be wiped.
func bind(c *ldap.Conn, dn string, password secret.Password) error {
	raw := password.Expose()
	defer clear(raw)
	return c.Bind(dn, string(raw))
}

// ask does work within the site's timeout. Whatever is not the server's own word counts as a
// directory that is down.
func (l *LDAP) ask(ctx context.Context, work func(*ldap.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	return l.judge(ctx, l.pool.do(ctx, work))
}

// judge keeps in mind whether the directory answers. Somebody who stopped waiting says nothing about
// it.
func (l *LDAP) judge(ctx context.Context, err error) error {
	if err == nil {
		l.up.Store(true)
		return nil
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		l.suspect()
	}
	return fmt.Errorf("%w: %w", provisioning.Refuse(CodeDown), err)
}

// suspect marks the directory as down and has Run look at it.
func (l *LDAP) suspect() {
	l.up.Store(false)
	select {
	case l.doubt <- struct{}{}:
	default:
	}
}

// Up reports whether the directory answered last. It waits for nothing.
func (l *LDAP) Up(context.Context) bool { return l.up.Load() }

// How often Run looks: often enough that a screen is right within seconds.
const probeEvery = 5 * time.Second

// Run looks whether the directory answers, until ctx ends. What it finds out is logged when it
// changes: the question names nobody, and so does the answer.
func (l *LDAP) Run(ctx context.Context) error {
	defer l.pool.close()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	said := ""
	for {
		now := "up"
		err := l.probe(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			now = "down"
		}
		if now != said {
			l.parts.Log.Info("directory", "state", now, "err", err)
			said = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-l.doubt:
			// One look a second is enough, however many ask.
			pause(ctx, time.Second)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// probe asks for the base and none of its attributes (RFC 4511 4.5.1.8).
func (l *LDAP) probe(ctx context.Context) error {
	return l.ask(ctx, func(c *ldap.Conn) error {
		_, err := c.Search(l.request(l.config.Base, ldap.ScopeBaseObject, "(objectClass=*)", 1,
			[]string{"1.1"}))
		return err
	})
}
