package directory_test

import (
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/directory/directorytest"
)

// flood is a server that answers the first question with an octet string of two gigabytes, and
// counts what was taken of it.
func flood(t *testing.T, ca string) (address string, taken <-chan int) {
	t.Helper()
	dir := filepath.Dir(ca)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"),
		filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	count := make(chan int, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		count <- pour(conn)
	}()
	return listener.Addr().String(), count
}

func pour(conn net.Conn) (sent int) {
	_, _ = conn.Read(make([]byte, 1024))
	_, _ = conn.Write([]byte("\x30\x84\x7f\xff\xff\x00\x04\x84\x7f\xff\xf0\x00"))
	for chunk := make([]byte, 64<<10); ; {
		n, err := conn.Write(chunk)
		if sent += n; err != nil {
			return sent
		}
	}
}

// TestAnAnswerIsBounded: a server cannot fill the desk's memory.
func TestAnAnswerIsBounded(t *testing.T) {
	ca := directorytest.StrangerCA(t)
	address, taken := flood(t, ca)
	l := ask(t, directory.LDAPConfig{URI: "ldaps://" + address, CA: ca, BindDN: "cn=desk",
		Base: "dc=um", Timeout: 20 * time.Second})
	if _, err := l.Find(t.Context(), "msousa"); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	if sent := <-taken; sent > 32<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
}
