package printer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// need skips without a program of Debian's, and fails instead where CI is "true".
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("%s is missing (cups, cups-ipp-utils, cups-filters, dbus-daemon)", name)
	}
}

// start runs a program until the test ends; its output is shown when the test fails.
func start(t *testing.T, environment []string, name string, arguments ...string) {
	t.Helper()
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Second
	cmd.Stdout, cmd.Stderr, cmd.Env = said, said, append(os.Environ(), environment...)
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if text, err := os.ReadFile(said.Name()); t.Failed() && err == nil {
			t.Logf("%s said:\n%s", name, text[max(0, len(text)-6000):])
		}
		_ = said.Close()
	})
}

// port is one that is free now.
func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, number, _ := net.SplitHostPort(l.Addr().String())
	return number
}

// within asks again until it is so.
func within(t *testing.T, d time.Duration, what string, so func() bool) {
	t.Helper()
	for until := time.Now().Add(d); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// eve is CUPS's own IPP Everywhere printer, which keeps what it is given.
type eve struct{ port, printed string }

func newEve(t *testing.T) *eve {
	t.Helper()
	need(t, "ippeveprinter", "dbus-daemon")
	dir, err := os.MkdirTemp("", "eve") // a bus's address is at most 100 bytes long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// It does not start without a system bus, though it announces nothing.
	bus := "unix:path=" + filepath.Join(dir, "bus")
	start(t, nil, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address="+bus)
	within(t, 20*time.Second, "a bus", func() bool {
		_, err := os.Stat(filepath.Join(dir, "bus"))
		return err == nil
	})
	e := &eve{port: port(t), printed: filepath.Join(dir, "printed")}
	if err := os.Mkdir(e.printed, 0o700); err != nil {
		t.Fatal(err)
	}
	// Its own spool has what was taken; the command is run for what is printed.
	command := filepath.Join(dir, "print")
	script := "#!/bin/sh\nexec cp \"$1\" " + e.printed + "/$(date +%s%N)\n"
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, []string{"DBUS_SYSTEM_BUS_ADDRESS=" + bus}, "ippeveprinter", "-vvv", "-r", "off",
		"-s", "600", "-f", "image/pwg-raster", "-c", command,
		"-n", "localhost", "-p", e.port, "-d", dir, "slips")
	within(t, 20*time.Second, "the printer listens", func() bool {
		return listens("localhost:" + e.port)
	})
	return e
}

func (e *eve) uri() string { return "ipp://localhost:" + e.port + "/ipp/print" }

// setPaper fills or empties every tray, by the form of its web page.
func (e *eve) setPaper(t *testing.T, sheets int) {
	t.Helper()
	query := ""
	for _, tray := range []string{"1", "3"} {
		query += fmt.Sprintf("size%s=na_letter_8.5x11in&type%s=stationery&level%s=%d&", tray, tray,
			tray, sheets)
	}
	answer, err := http.Get("http://localhost:" + e.port + "/media?" + strings.TrimSuffix(query, "&"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if !strings.Contains(string(text), "Media updated") {
		t.Fatalf("the printer's page says %q", text)
	}
}

// documents are what came out: a job that was canceled leaves none.
func (e *eve) documents(t *testing.T) [][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(e.printed, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}
