package portertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Requests are what no client of ours sends, for a path that takes a method, by what is wrong.
func Requests(method, path string) map[string]string {
	head := method + " " + path + " HTTP/1.1\r\nHost: x\r\n"
	return map[string]string{
		"no HTTP":        "\x16\x03\x01 hello\r\n\r\n",
		"HTTP/9.9":       method + " " + path + " HTTP/9.9\r\nHost: x\r\n\r\n",
		"HTTP/2 unasked": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"no host":        method + " " + path + " HTTP/1.1\r\n\r\n",
		"two hosts":      head + "Host: y\r\n\r\n",
		"a large header": head + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"many headers":   head + strings.Repeat("X: x\r\n", 10_000) + "\r\n",
		"a long path": method + " " + path + strings.Repeat("/x", 20_000) +
			" HTTP/1.1\r\nHost: x\r\n\r\n",
		"a header without name": head + ": x\r\n\r\n",
		"a zero in a header":    head + "X: \x00\r\n\r\n",
		"a folded header":       head + "X y\r\n z\r\n\r\n",
		"two lengths":           head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"a negative length":     head + "Content-Length: -1\r\n\r\n",
		"a length of letters":   head + "Content-Length: many\r\n\r\n",
		"a length and chunks": head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"zz\r\n{}\r\n0\r\n\r\n",
		"an unknown coding": head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"an endless chunk":  head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{",
		"another method":    "BREW " + path + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"TRACE":             "TRACE " + path + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT":           "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"a path around":     method + " " + path + "/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"a path in percents": method + " " + path + "%2f%2e%2e%00 HTTP/1.1\r\nHost: x\r\n" +
			"Content-Length: 0\r\n\r\n",
		"an expectation": head + "Expect: the-unexpected\r\nContent-Length: 2\r\n\r\n{}",
	}
}

// Refuses sends each request on a connection of its own and demands that it is refused: with an
// answer that says so, or none. An error of the server's own is not that.
func Refuses(t *testing.T, dial func() (net.Conn, error), requests map[string]string) {
	t.Helper()
	const large, tooLarge = 32 << 10, http.StatusRequestHeaderFieldsTooLarge
	for name, text := range requests {
		conn, err := dial()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = conn.SetDeadline(time.Now().Add(4 * time.Second))
		// The server may have hung up before the end of it.
		_, _ = io.WriteString(conn, text)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		switch {
		case err != nil && os.IsTimeout(err):
			t.Errorf("%s: neither answered nor refused", name)
		case err == nil && len(text) > large && resp.StatusCode != tooLarge:
			t.Errorf("%s: a head of %d bytes was read: %s", name, len(text), resp.Status)
		case err == nil && !refused(resp.StatusCode):
			t.Errorf("%s: the answer is %s", name, resp.Status)
		}
		_ = conn.Close()
	}
}

// refused says whether a status refuses a request. A path is led to where it points, and the two of
// the 500s are about the form of the request.
func refused(status int) bool {
	return status >= 300 && status < 500 || status == http.StatusNotImplemented ||
		status == http.StatusHTTPVersionNotSupported
}

// Drip sends a text letter by letter and returns how long the other end bore it.
func Drip(conn net.Conn, text string, every time.Duration) time.Duration {
	began := time.Now()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(io.Discard, conn)
	}()
	for i := range len(text) {
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			break
		}
		time.Sleep(every)
	}
	borne := time.Since(began)
	_ = conn.Close()
	<-heard
	return borne
}

func fileConn(fd int) (net.Conn, error) {
	file := os.NewFile(uintptr(fd), "socket")
	defer func() { _ = file.Close() }()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("use a socket: %w", err)
	}
	return conn, nil
}
