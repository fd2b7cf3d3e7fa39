package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/notice"
	"github.com/tokendesk/tokendesk/provisioning/remote"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// remoteConfig is what serves people who are not at the counter.
func (d *Desk) remoteConfig() remote.Config {
	p := d.parts
	return remote.Config{Ledger: d.store, Directory: d.people, Site: p.Site,
		Desk: provisioning.DeskID(p.Config.Desk), Clock: p.Clock, Log: p.Log}
}

// mailRequests answers requests by mail where the site takes them and the box can send mail.
func (d *Desk) mailRequests() (kiosk.MailRequests, error) {
	if !d.parts.Site.MailRequests || d.parts.Config.Mail.Server == "" {
		return nil, nil
	}
	return remote.NewRequests(d.remoteConfig(), d.visits, d.deliver)
}

// deliver mails the digits to the registered contact.
func (d *Desk) deliver(
	ctx context.Context, person provisioning.Person, p provisioning.Passcode,
	codes []secret.Passcode,
) error {
	return d.notices.Deliver(ctx, person, codes, notice.Terms{Type: string(p.Type), Uses: p.Uses,
		Until: p.Until})
}

// wireSelf makes the unattended view, if it is switched on.
func (d *Desk) wireSelf(k kiosk.Config) error {
	c := d.parts.Config.Self
	if !c.on() {
		return nil
	}
	recoveries, err := remote.NewRecoveries(d.remoteConfig(), d.visits, c.Answer)
	if err != nil {
		return err
	}
	if !c.Print {
		k.Printer = nil
	}
	d.self, err = kiosk.NewSelf(k, recoveries, c.Hosts, c.Cert != "")
	return err
}

// listenSelf opens the view's own socket; nil without one.
func (d *Desk) listenSelf() (net.Listener, error) {
	c := d.parts.Config.Self
	if d.self == nil {
		return nil, nil
	}
	if c.Cert == "" {
		return d.socket(socketSelf, c.Listen)
	}
	cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("[self]: %w", err)
	}
	plain, err := d.socket(socketSelf, c.Listen)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(plain, &tls.Config{MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{cert}}), nil
}

// serveSelf serves the unattended view, if there is one.
func (d *Desk) serveSelf(ctx context.Context, listener net.Listener) error {
	if listener == nil {
		return nil
	}
	return d.serve(ctx, listener, d.self.Handler())
}

// tendSelf forgets what people left lying there.
func (d *Desk) tendSelf(ctx context.Context) error {
	if d.self == nil {
		return nil
	}
	return d.self.Run(ctx)
}

// Since implements kiosk.Journal: it reads the log backwards until the moment.
func (d *Desk) Since(
	ctx context.Context, from time.Time, limit int, keep func(provisioning.Entry) bool,
) ([]provisioning.Entry, error) {
	var list []provisioning.Entry
	for logged, err := range d.store.Newest(ctx) {
		switch {
		case err != nil:
			return nil, err
		case logged.Erased:
		case logged.Entry.At.Before(from) || len(list) == limit:
			return list, nil
		case keep(logged.Entry):
			list = append(list, logged.Entry)
		}
	}
	return list, nil
}
