package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
)

// session is one look into the mailbox.
type session struct {
	client   *client.Client
	conn     net.Conn
	stop     func()
	validity uint32
	moved    string
}

// longestLook bounds one look into the mailbox, whatever the server does.
const longestLook = 5 * time.Minute

// open connects, signs in and opens the folder.
func (p *Poller) open(ctx context.Context) (*session, error) {
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the mail server: %w", err)
	}
	s := &session{conn: conn, moved: p.config.Moved}
	// The library knows no context: closing the line ends whatever it waits for.
	ctx, cancel := context.WithTimeout(ctx, longestLook)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	s.stop = func() { stop(); cancel() }
	if err := p.enter(s); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (p *Poller) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: p.config.Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", p.config.Server)
	if err != nil {
		return nil, err
	}
	conn = &bounded{Conn: conn, left: maxSession}
	if err := conn.SetDeadline(time.Now().Add(p.config.Timeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if !p.config.Implicit {
		return conn, nil
	}
	secure := tls.Client(conn, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// enter makes the line one on which the folder is open for writing.
func (p *Poller) enter(s *session) (err error) {
	// The library takes its own time for the greeting, whatever deadline the line has.
	greeting := time.AfterFunc(p.config.Timeout, func() { _ = s.conn.Close() })
	s.client, err = client.New(s.conn)
	greeting.Stop()
	if err != nil {
		s.client = nil
		return fmt.Errorf("greet the mail server: %w", err)
	}
	s.client.Timeout = p.config.Timeout
	s.client.ErrorLog = log.New(io.Discard, "", 0) // it would hold what messages say
	if !p.config.Implicit {
		if ok, err := s.client.SupportStartTLS(); err != nil || !ok {
			return errors.Join(errors.New("the mail server offers no TLS"), err)
		}
		if err := s.client.StartTLS(p.tls); err != nil {
			return fmt.Errorf("begin TLS: %w", err)
		}
	}
	password := p.config.Password.Expose()
	defer clear(password)
	if err := s.client.Login(p.config.Login, string(password)); err != nil {
		return fmt.Errorf("sign in to the mailbox: %w", err)
	}
	folder, err := s.client.Select(p.config.Folder, false)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	if folder.ReadOnly {
		return errors.New("the folder is read-only: nothing could be marked as taken")
	}
	s.validity = folder.UidValidity
	return nil
}

func (s *session) close() {
	if s.client != nil {
		// A goodbye that nobody answers must not keep us.
		s.client.Timeout = time.Second
		_ = s.client.Logout()
	}
	s.stop()
	_ = s.conn.Close()
}

// place names a message for as long as the server keeps its numbers (RFC 3501 section 2.3.1.1).
func (s *session) place(uid uint32) string { return fmt.Sprintf("%d/%d", s.validity, uid) }

// unread lists the messages nobody has read, oldest first.
func (s *session) unread() ([]uint32, error) {
	criteria := imap.NewSearchCriteria()
	criteria.WithoutFlags = []string{imap.SeenFlag, imap.DeletedFlag}
	uids, err := s.client.UidSearch(criteria)
	slices.Sort(uids)
	return uids, err
}

// fetch reads the beginning of a message without marking it.
func (s *session) fetch(uid uint32) (raw []byte, at time.Time, err error) {
	section := &imap.BodySectionName{Peek: true, Partial: []int{0, maxRaw}}
	items := []imap.FetchItem{imap.FetchUid, imap.FetchInternalDate, section.FetchItem()}
	set := new(imap.SeqSet)
	set.AddNum(uid)
	messages, done := make(chan *imap.Message, 1), make(chan error, 1)
	go func() { done <- s.client.UidFetch(set, items, messages) }()
	found := false
	for m := range messages {
		if m.Uid != uid || found {
			continue
		}
		for _, body := range m.Body {
			raw, err = io.ReadAll(io.LimitReader(body, maxRaw))
			at, found = m.InternalDate, true
		}
	}
	if err := errors.Join(<-done, err); err != nil {
		return nil, at, err
	}
	if !found {
		return nil, at, errors.New("the server does not send it")
	}
	return raw, at, nil
}

// mark says on the server that a message was taken.
func (s *session) mark(uid uint32) error {
	set := new(imap.SeqSet)
	set.AddNum(uid)
	seen := []any{imap.SeenFlag}
	if err := s.client.UidStore(set, imap.FormatFlagsOp(imap.AddFlags, true), seen, nil); err != nil {
		return err
	}
	if s.moved == "" {
		return nil
	}
	// Without MOVE (RFC 6851) it stays where it is: the way around it would also expunge what others
	// marked as deleted.
	if ok, err := s.client.Support("MOVE"); err != nil || !ok {
		return err
	}
	return s.client.UidMove(set, s.moved)
}

// maxSession bounds what a server may send in one session.
const maxSession = 4 * atOnce * maxRaw

// bounded is a line that ends when too much came over it.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the mail server sends too much")
	}
	n, err := b.Conn.Read(p)
	b.left -= n
	return n, err
}
