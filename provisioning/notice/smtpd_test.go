package notice

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// certificate makes a certificate for 127.0.0.1 that is its own CA, and its PEM texts.
func certificate(t testing.TB) (cert tls.Certificate, certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if cert, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return cert, certPEM, keyPEM
}

// fault is what goes wrong at the mail server.
type fault int

const (
	faultNone fault = iota
	faultDown
	faultSilent       // takes the connection and says nothing
	faultNoTLS        // offers no STARTTLS
	faultSender4      // 451 to MAIL FROM
	faultSender5      // 550 to MAIL FROM
	faultRcpt4        // 450 to RCPT TO
	faultRcpt5        // 550 to RCPT TO, with the address in it
	faultData4        // 452 after the text
	faultData5        // 554 after the text
	faultCutInData    // closes after 354
	faultCutAfterDot  // takes the message and closes without a word
	faultHangAfterDot // takes the message and says nothing
	faultBye          // takes the message, says so, and closes
)

// smtpd is a small mail server that takes messages or does not.
type smtpd struct {
	cert tls.Certificate
	ca   []byte
	addr string

	mu       sync.Mutex
	fault    fault
	listener net.Listener
	mail     []*netmail.Message
	bodies   []string
	conns    []net.Conn
	wait     sync.WaitGroup
}

func newSMTPD(t testing.TB) *smtpd {
	t.Helper()
	s := &smtpd{}
	s.cert, s.ca, _ = certificate(t)
	s.up(t, "127.0.0.1:0")
	s.addr = s.listener.Addr().String()
	t.Cleanup(func() { s.set(t, faultDown); s.wait.Wait() })
	return s
}

func (s *smtpd) up(t testing.TB, addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.listener = listener
	s.wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.wait.Go(func() { s.serve(conn) })
		}
	})
}

// set changes what goes wrong.
func (s *smtpd) set(t testing.TB, f fault) {
	t.Helper()
	s.mu.Lock()
	was := s.fault
	s.fault = f
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	switch {
	case f == faultDown && was != faultDown:
		_ = s.listener.Close()
	case f != faultDown && was == faultDown:
		s.up(t, s.addr)
	}
}

func (s *smtpd) mailer(t testing.TB) *Mailer {
	t.Helper()
	m, err := NewMailer(MailConfig{Server: s.addr, From: "Help Desk <desk@example.edu>", CA: s.ca,
		Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *smtpd) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	r := bufio.NewReader(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	if f == faultSilent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	say("220 test")
	secure := false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(verb, "EHLO"):
			if secure || f == faultNoTLS {
				say("250-test\r\n250 ENHANCEDSTATUSCODES")
			} else {
				say("250-test\r\n250 STARTTLS")
			}
		case verb == "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}})
			r, secure = bufio.NewReader(conn), true
			defer conn.Close()
		case !secure:
			say("530 5.7.0 not without TLS")
		case strings.HasPrefix(verb, "MAIL") && f == faultSender4:
			say("451 4.3.0 later")
		case strings.HasPrefix(verb, "MAIL") && f == faultSender5:
			say("550 5.7.1 not from you")
		case strings.HasPrefix(verb, "RCPT") && f == faultRcpt4:
			say("450 4.2.0 greylisted")
		case strings.HasPrefix(verb, "RCPT") && f == faultRcpt5:
			say("550 5.1.1 <chan@example.edu>: nobody of this name")
		case verb == "DATA":
			say("354 go on")
			if f == faultCutInData {
				return
			}
			if !s.take(r, f, say) {
				return
			}
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// take reads a message and answers; it returns false when the line is to be cut.
func (s *smtpd) take(r *bufio.Reader, f fault, say func(string)) bool {
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.TrimRight(line, "\r\n") == "." {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
	switch f {
	case faultData4:
		say("452 4.3.1 full")
		return true
	case faultData5:
		say("554 5.7.1 no")
		return true
	}
	s.keep(text.String())
	switch f {
	case faultCutAfterDot:
		return false
	case faultHangAfterDot:
		_, _ = io.Copy(io.Discard, r)
		return false
	}
	say("250 2.0.0 taken")
	return f != faultBye
}

func (s *smtpd) keep(text string) {
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, m)
	s.bodies = append(s.bodies, string(body))
}

// taken are the bodies of what was taken, by Message-ID.
func (s *smtpd) taken() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]string{}
	for i, m := range s.mail {
		id := m.Header.Get("Message-Id")
		all[id] = append(all[id], s.bodies[i])
	}
	return all
}

func subject(t testing.TB, m *netmail.Message) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
