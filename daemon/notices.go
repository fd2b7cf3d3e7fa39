package daemon

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/mailbox"
	"github.com/tokendesk/tokendesk/provisioning/notice"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The credentials of the servers the desk talks to, as a drop-in of the unit passes them.
const (
	credMail    = "mail-password"
	credSMS     = "sms-token"
	credMailbox = "mailbox-password"
)

// wireNotices makes what tells people, and what reads their requests, as far as the box is
// configured for it. Nothing is connected yet.
func (d *Desk) wireNotices() error {
	p := d.parts
	c := notice.Config{Ledger: d.store, Site: p.Site, Desk: provisioning.DeskID(p.Config.Desk),
		Clock: p.Clock, Log: p.Log}
	if p.Config.Mail.Server != "" {
		mailer, err := newMailer(p.Config)
		if err != nil {
			return fmt.Errorf("[mail]: %w", err)
		}
		c.Mail = mailer
	}
	if p.Config.SMS.URL != "" {
		sms, err := newSMS(p.Config)
		if err != nil {
			return fmt.Errorf("[sms]: %w", err)
		}
		c.SMS = sms
	}
	var err error
	if d.notices, err = notice.New(c); err != nil {
		return err
	}
	if p.Config.Mailbox.Server != "" {
		if d.mailbox, err = d.newMailbox(); err != nil {
			return fmt.Errorf("[mailbox]: %w", err)
		}
	}
	return nil
}

func newMailer(c Config) (*notice.Mailer, error) {
	ca, err := readCA(c.Mail.CA)
	if err != nil {
		return nil, err
	}
	m := notice.MailConfig{Server: c.Mail.Server, Implicit: c.Mail.Implicit, From: c.Mail.From,
		Login: c.Mail.Login, CA: ca}
	if m.Login != "" {
		if m.Password, err = c.password(credMail); err != nil {
			return nil, err
		}
	}
	return notice.NewMailer(m)
}

func newSMS(c Config) (*notice.SMS, error) {
	ca, err := readCA(c.SMS.CA)
	if err != nil {
		return nil, err
	}
	s := notice.SMSConfig{URL: c.SMS.URL, Form: c.SMS.Form, Body: c.SMS.Body, Header: c.SMS.Header,
		CA: ca}
	if c.SMS.Token {
		if s.Token, err = c.password(credSMS); err != nil {
			return nil, err
		}
	}
	return notice.NewSMS(s)
}

func (d *Desk) newMailbox() (*mailbox.Poller, error) {
	c := d.parts.Config
	ca, err := readCA(c.Mailbox.CA)
	if err != nil {
		return nil, err
	}
	password, err := c.password(credMailbox)
	if err != nil {
		return nil, err
	}
	return mailbox.New(mailbox.Config{Ledger: d.store, Desk: provisioning.DeskID(c.Desk),
		Clock: d.parts.Clock, Log: d.log, Server: c.Mailbox.Server, Implicit: c.Mailbox.Implicit,
		Login: c.Mailbox.Login, Password: password, CA: ca, Folder: c.Mailbox.Folder,
		Moved: c.Mailbox.Moved, Every: c.Mailbox.Every})
}

// password reads a credential that is one line of text.
func (c Config) password(name string) (secret.Password, error) {
	data, err := c.credential(name)
	if err != nil {
		return secret.Password{}, err
	}
	defer clear(data)
	line := bytes.TrimRight(data, "\r\n")
	if len(line) == 0 || bytes.ContainsAny(line, "\r\n") {
		return secret.Password{}, fmt.Errorf("credential %s: not one line of text", name)
	}
	return secret.NewPassword(string(line)), nil
}

// readMailbox reads the mailbox, if there is one.
func (d *Desk) readMailbox(ctx context.Context) error {
	if d.mailbox == nil {
		return nil
	}
	return d.mailbox.Run(ctx)
}
