package daemon

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is a user who is neither root nor the daemon.
const nobody = 65534

// dialAsNobody connects to a unix socket as another user. A thread that has changed its user cannot
// change back, and ends with its goroutine.
func dialAsNobody(socket string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var fd int
		if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		file := os.NewFile(uintptr(fd), "nobody")
		defer file.Close()
		if _, _, no := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); no != 0 {
			err = no
			return
		}
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err == nil {
			conn, err = net.FileConn(file)
		}
	}()
	<-done
	return conn, err
}

// TestAnotherUserIsNoOperator: the socket and its folder keep other users out; should somebody loosen
// both, the kernel still says who asks.
func TestAnotherUserIsNoOperator(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	all := doors(t)
	socket := all[len(all)-1].address
	for dir := filepath.Dir(filepath.Dir(socket)); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for loosened, path := range []string{filepath.Dir(socket), socket} {
		if _, err := dialAsNobody(socket); !errors.Is(err, unix.EACCES) {
			t.Errorf("with %d of 2 loosened: %v", loosened, err)
		}
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, order := range []string{"GET /status", "GET /metrics", "GET /officers", "POST /officers/add",
		"POST /officers/pin", "POST /backup", "POST /backup/outcome", "GET /renew/desk", "POST /renew/desk",
		"GET /card"} {
		conn, err := dialAsNobody(socket)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"id":"mallory","name":"M","pin":"270418"}`
		_, _ = conn.Write([]byte(order + " HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n" +
			"Content-Length: 42\r\n\r\n" + body))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", order, err)
		}
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", order, resp.Status)
		}
		_ = resp.Body.Close()
		_ = conn.Close()
	}
	rows, err := NewClient(socket).Officers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if strings.Contains(row.ID, "mallory") {
			t.Error("nobody made an officer")
		}
	}
}
