package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/backend/memory"
	"github.com/emersion/go-imap/server"
	"golang.org/x/sync/errgroup"

	"github.com/tokendesk/tokendesk/cmd/demo/workbench"
	"github.com/tokendesk/tokendesk/daemon"
)

// postOffice is what the desk writes to and reads from: a mail server, a gateway for text messages and
// a mailbox, each behind TLS as a real one, and everything that was delivered, to be looked at.
type postOffice struct {
	dir            string
	smtp, sms, box net.Listener
	imap           *server.Server
	inbox          *memory.Mailbox
	// every is how often the desk looks into its mailbox here.
	every time.Duration

	mu      sync.Mutex
	letters []workbench.Letter
	closed  bool
}

// The mailbox's own sign-in, as the library's in-memory backend has it.
const (
	boxLogin    = "username"
	boxPassword = "password"
)

// maxLetters are kept; the rest of them nobody looks at.
const maxLetters = 50

func newPostOffice(dir string) (p *postOffice, err error) {
	p = &postOffice{dir: dir, every: boxEvery}
	cert, err := p.identity()
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	for _, at := range []*net.Listener{&p.smtp, &p.sms, &p.box} {
		if *at, err = tls.Listen("tcp", "127.0.0.1:0", secure); err != nil {
			p.close()
			return nil, err
		}
	}
	backend := memory.New()
	user, err := backend.Login(nil, boxLogin, boxPassword)
	if err != nil {
		return nil, err
	}
	box, err := user.GetMailbox("INBOX")
	if err != nil {
		return nil, err
	}
	p.inbox = box.(*memory.Mailbox)
	p.inbox.Messages = nil
	p.imap = server.New(backend)
	p.imap.ErrorLog = log.New(io.Discard, "", 0)
	return p, nil
}

// ca is the file with the one certificate the desk trusts here.
func (p *postOffice) ca() string { return filepath.Join(p.dir, "post-ca.pem") }

func (p *postOffice) identity() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()),
		Subject: pkix.Name{CommonName: "the demonstration's post office"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		os.WriteFile(p.ca(), file, 0o600)
}

// run serves until ctx ends.
func (p *postOffice) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.serveMail(ctx) })
	group.Go(func() error { return serveHTTP(ctx, p.sms, http.HandlerFunc(p.text)) })
	group.Go(func() error {
		// The mailbox's own Close reads a connection's state while a login writes it. The desk ends its
		// connections by itself.
		stop := context.AfterFunc(ctx, func() { _ = p.box.Close() })
		defer stop()
		if err := p.imap.Serve(p.box); ctx.Err() == nil {
			return err
		}
		return nil
	})
	return group.Wait()
}

func (p *postOffice) close() {
	for _, l := range []net.Listener{p.smtp, p.sms, p.box} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// mail, gateway and mailbox are how the desk reaches the three.
func (p *postOffice) mail() daemon.MailConfig {
	return daemon.MailConfig{Server: p.smtp.Addr().String(), Implicit: true,
		From: "Help desk <desk@example.edu>", CA: p.ca()}
}

func (p *postOffice) gateway() daemon.SMSConfig {
	return daemon.SMSConfig{URL: "https://" + p.sms.Addr().String() + "/send",
		Body: `{"to": "{to}", "text": "{text}"}`, CA: p.ca()}
}

func (p *postOffice) mailbox() daemon.MailboxConfig {
	return daemon.MailboxConfig{Server: p.box.Addr().String(), Implicit: true, Login: boxLogin,
		Every: p.every, CA: p.ca()}
}

// boxEvery is how often that is, unless somebody says otherwise.
const boxEvery = 10 * time.Second

// credential puts the mailbox's password where the desk looks for it.
func (p *postOffice) credential(dir string) error {
	return os.WriteFile(filepath.Join(dir, "mailbox-password"), []byte(boxPassword), 0o600)
}

// Letters implements workbench.Post, newest first.
func (p *postOffice) Letters() []workbench.Letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.letters)
}

// Closed implements workbench.Post.
func (p *postOffice) Closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// setClosed shuts or opens the counters of the post office: while it is shut nothing is taken.
func (p *postOffice) setClosed(closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = closed
}

func (p *postOffice) take(l workbench.Letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.At = time.Now().Format("15:04:05")
	p.letters = append([]workbench.Letter{l}, p.letters[:min(len(p.letters), maxLetters-1)]...)
}

// Write implements workbench.Post: somebody mails a request to the desk.
func (p *postOffice) Write(from, title, text string) error {
	body := fmt.Sprintf("From: <%s>\r\nTo: <desk@example.edu>\r\nSubject: %s\r\nDate: %s\r\n"+
		"Message-ID: <%d@example.edu>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
		from, mime.QEncoding.Encode("utf-8", title), time.Now().Format(time.RFC1123Z),
		time.Now().UnixNano(), text)
	return p.inbox.CreateMessage(nil, time.Now(), bytes.NewBufferString(body))
}

// text is the gateway for text messages.
func (p *postOffice) text(w http.ResponseWriter, r *http.Request) {
	var message struct{ To, Text string }
	if p.Closed() {
		http.Error(w, "shut", http.StatusServiceUnavailable)
		return
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&message); err != nil {
		http.Error(w, "not a message", http.StatusBadRequest)
		return
	}
	p.take(workbench.Letter{By: "SMS", To: message.To, Text: message.Text})
}

func (p *postOffice) serveMail(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = p.smtp.Close() })
	defer stop()
	for {
		conn, err := p.smtp.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			p.talk(textproto.NewConn(conn))
		}()
	}
}

// talk is as much of SMTP (RFC 5321) as a client that knows it needs.
func (p *postOffice) talk(c *textproto.Conn) {
	to := ""
	say := func(line string) bool { return c.PrintfLine("%s", line) == nil }
	if !say("220 demonstration") {
		return
	}
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case verb == "QUIT":
			say("221 bye")
			return
		case p.Closed() && verb == "MAIL":
			say("451 shut")
		case verb == "RCPT":
			to = strings.Trim(line[strings.Index(line, ":")+1:], " <>")
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			text, err := c.ReadDotBytes()
			if err != nil {
				return
			}
			p.take(letterOf(to, text))
			say("250 taken")
		case verb == "EHLO" && rest != "":
			say("250 demonstration")
		default:
			say("250 ok")
		}
	}
}

// letterOf reads a message as a person's mail program would.
func letterOf(to string, text []byte) workbench.Letter {
	l := workbench.Letter{By: "Mail", To: to}
	m, err := mail.ReadMessage(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		l.Text = string(text)
		return l
	}
	l.Title, _ = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	body := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	plain, _ := io.ReadAll(body)
	l.Text = strings.TrimSpace(strings.ReplaceAll(string(plain), "\r\n", "\n"))
	return l
}
