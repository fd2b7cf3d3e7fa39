package notice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// MailConfig describes the mail server that takes our messages. The connection is always under TLS.
type MailConfig struct {
	// Server is host and port.
	Server string
	// Implicit begins with TLS (RFC 8314, port 465); otherwise STARTTLS is demanded (RFC 3207).
	Implicit bool
	// From is the address messages come from, with a name if one is wanted.
	From string
	// Login and Password sign in; no login, no sign-in.
	Login    string
	Password secret.Password
	// CA is the PEM text of the one CA that may vouch for the server; empty means the system's.
	CA []byte
	// Timeout of one step of the conversation; 0 means 20 s.
	Timeout time.Duration
}

// Mailer sends mail through one server.
type Mailer struct {
	config MailConfig
	host   string
	port   int
	from   *netmail.Address
	domain string
	tls    *tls.Config
}

var _ Sender = (*Mailer)(nil)

// NewMailer checks the configuration; it connects to nothing.
func NewMailer(c MailConfig) (*Mailer, error) {
	host, port, err := net.SplitHostPort(c.Server)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numberErr != nil || host == "" {
		return nil, errors.New("mail: the server needs a host and a port")
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, errors.New("mail: the sender is not a mail address")
	}
	if (c.Login == "") != c.Password.IsZero() {
		return nil, errors.New("mail: a login needs a password, and a password a login")
	}
	settings, err := trust(host, c.CA)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return &Mailer{config: c, host: host, port: int(number), from: from, domain: domain,
		tls: settings}, nil
}

// Send implements Sender: one connection, one message.
func (m *Mailer) Send(ctx context.Context, message Message) error {
	msg, err := m.write(message)
	if err != nil {
		return refused(provisioning.ReasonNoContact)
	}
	line := &line{tls: m.tls, implicit: m.config.Implicit}
	defer line.close()
	stop := context.AfterFunc(ctx, line.close)
	defer stop()
	client, err := m.client(line)
	if err != nil {
		return ours("setup")
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil // what went wrong after it was taken, went wrong with the goodbye
	}
	return failureOf(err)
}

// write makes the message. Its Message-ID is that of the notice, so that the copies of one notice
// can be told to be copies.
func (m *Mailer) write(message Message) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	if err := msg.To(message.To); err != nil {
		return nil, err
	}
	msg.SetMessageIDWithValue(message.ID + "@" + m.domain)
	msg.SetDateWithValue(message.At)
	msg.Subject(message.Subject)
	// Nobody's holiday answer is wanted (RFC 3834 section 5).
	msg.SetGenHeaderPreformatted("Auto-Submitted", "auto-generated")
	msg.SetGenHeaderPreformatted("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(mail.TypeTextPlain, message.Text)
	return msg, nil
}

func (m *Mailer) client(l *line) (*mail.Client, error) {
	options := []mail.Option{mail.WithPort(m.port), mail.WithTimeout(m.config.Timeout),
		mail.WithTLSConfig(m.tls), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithDialContextFunc(l.dial), mail.WithoutNoop()}
	if m.config.Implicit {
		// The line is under TLS before the library sees it.
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.config.Login != "" {
		password := m.config.Password.Expose()
		defer clear(password)
		options = append(options, mail.WithUsername(m.config.Login),
			mail.WithPassword(string(password)), mail.WithOpportunisticSMTPAuth(
				mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	return mail.NewClient(m.host, options...)
}

// line is the connection of one message. The library leaves it open when a greeting or a sign-in
// fails, and knows no context once it is connected: here it is closed in any case.
type line struct {
	tls      *tls.Config
	implicit bool

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if l.implicit {
		secure := tls.Client(conn, l.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	l.conn = conn
	return conn, nil
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// failureOf judges an error of the library. Its text may hold the address and is dropped; the
// server's number is kept.
func failureOf(err error) *Failure {
	var sent *mail.SendError
	if !errors.As(err, &sent) {
		return ours("connect")
	}
	code := sent.ErrorCode()
	reason := "smtp " + strconv.Itoa(code)
	if detail := sent.EnhancedStatusCode(); detail != "" {
		reason += " " + detail
	}
	switch sent.Reason {
	case mail.ErrGetSender, mail.ErrGetRcpts:
		return refused(provisioning.ReasonNoContact)
	case mail.ErrSMTPMailFrom:
		// It is our address that is not liked, in any message.
		return ours(reason)
	case mail.ErrWriteContent, mail.ErrSMTPDataClose:
		if code == 0 {
			return &Failure{End: provisioning.DeliveryUnknown, Reason: "no_answer", Ours: true}
		}
	}
	switch {
	case code >= 500:
		return refused(reason)
	case code == 421:
		return ours(reason) // it closes the line (RFC 5321 section 3.8)
	case code >= 400:
		return &Failure{End: provisioning.NotDelivered, Reason: reason}
	}
	return ours("no_answer")
}
