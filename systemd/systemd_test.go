package systemd

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/google/go-cmp/cmp"
)

// listen makes a notification socket as systemd would and returns what arrives on it.
func listen(t *testing.T) <-chan string {
	t.Helper()
	// The path of a unix socket is short; t.TempDir can be long.
	dir, err := os.MkdirTemp("", "n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	addr := &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	heard := make(chan string, 64)
	go func() {
		buf := make([]byte, 1024)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				close(heard)
				return
			}
			heard <- string(buf[:n])
		}
	}()
	return heard
}

func TestReadyAndStopping(t *testing.T) {
	heard := listen(t)
	if err := errors.Join(Ready(), Status("a line"), Stopping()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"READY=1", "STATUS=a line", "STOPPING=1"} {
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
}

func TestWatchdogPingsOnlyWhenTheCheckPasses(t *testing.T) {
	heard := listen(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", "")
	ctx, cancel := context.WithCancel(t.Context())
	sick := make(chan struct{})
	checks := make(chan struct{}, 1000)
	done := make(chan error, 1)
	go func() {
		done <- Watchdog(ctx, func(context.Context) error {
			checks <- struct{}{}
			select {
			case <-sick:
				return errors.New("sick")
			default:
				return nil
			}
		})
	}()
	if got := <-heard; got != "WATCHDOG=1" {
		t.Errorf("heard %q", got)
	}
	close(sick)
	// One ping may be on its way; after the next failed check none follows.
	for range 3 {
		<-checks
	}
	for len(heard) > 0 {
		<-heard
	}
	for range 3 {
		<-checks
	}
	if len(heard) != 0 {
		t.Errorf("a sick daemon pinged: %q", <-heard)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithoutSystemdNothingIsExpected(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if err := Ready(); err != nil {
		t.Error(err)
	}
	if _, err := Credential("desk-key"); !errors.Is(err, ErrNoCredential) {
		t.Error(err)
	}
	if list, err := Listeners(); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := Watchdog(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestCredential(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.WriteFile(filepath.Join(dir, "desk-key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if path, err := Credential("desk-key"); err != nil || path != filepath.Join(dir, "desk-key") {
		t.Error(path, err)
	}
	for _, name := range []string{"../desk-key", "none", ""} {
		if _, err := Credential(name); !errors.Is(err, ErrNoCredential) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestJournalFields(t *testing.T) {
	type line struct {
		Message  string
		Priority journal.Priority
		Fields   map[string]string
	}
	var got line
	h := &handler{send: func(m string, p journal.Priority, f map[string]string) error {
		got = line{m, p, f}
		return nil
	}}
	log := slog.New(h).With("desk", "d1").WithGroup("http")
	log.Warn("slow", "took-ms", 12, "_x", 1, slog.Group("peer", "role", "feed"))
	want := line{"slow", journal.PriWarning, map[string]string{"DESK": "d1", "HTTP_TOOK_MS": "12",
		"HTTP__X": "1", "HTTP_PEER_ROLE": "feed"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	slog.New(h).Info("m", "_message", 1)
	if got.Fields["DESK_MESSAGE"] != "1" {
		t.Errorf("a field of the journal's own was overwritten: %v", got.Fields)
	}
}

// TestUnitsVerify asks systemd itself whether the units are right.
func TestUnitsVerify(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		need(t, "systemd-analyze")
	}
	dir := t.TempDir()
	for _, name := range install(t, dir) {
		if !strings.HasSuffix(name, ".service") && !strings.HasSuffix(name, ".socket") &&
			!strings.HasSuffix(name, ".timer") {
			continue
		}
		out, err := exec.Command(tool, "verify", "--man=no", filepath.Join(dir, name)).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// need skips a test whose tool is missing, and fails it where CI promises that nothing is missing.
func need(t *testing.T, tool string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is needed and missing", tool)
	}
	t.Skipf("%s is missing", tool)
}

// install writes every file to dir, with program paths that exist there, as verify looks for them.
func install(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	entries, err := fs.ReadDir(Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := Files.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("/usr/bin/tokendeskd", "/bin/true", "/usr/bin/tokendesk ", "/bin/true ", "/usr/bin/verifierd", "/bin/true",
			"/usr/bin/cage", "/bin/true").Replace(string(data))
		if err := os.WriteFile(filepath.Join(dir, entry.Name()), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, entry.Name())
	}
	return names
}
