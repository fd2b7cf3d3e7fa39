package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// saysDown is what every screen is told.
const saysDown = "The desk cannot write to its disk"

// A disk that fails in the running desk: the pages that are open are told, the process ends with an
// error that names it, and a new start on a disk that is right again serves on.
func TestDiskFailsUnderTheRunningDesk(t *testing.T) {
	for name, c := range map[string]struct {
		with error
		disk func(*testing.T, string) (fill, free func())
	}{
		"full disk":      {syscall.ENOSPC, smallDisk},
		"no space":       {syscall.ENOSPC, nil},
		"read-only disk": {syscall.EROFS, nil},
		"failing sync":   {syscall.EIO, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, bundle, card := newDesk(t)
			var broken atomic.Bool
			fill, free := func() { broken.Store(true) }, func() { broken.Store(false) }
			if c.disk != nil {
				if err := os.MkdirAll(config.State, 0o700); err != nil {
					t.Fatal(err)
				}
				fill, free = c.disk(t, config.State)
			}
			if _, err := Init(config, bundle, card); err != nil {
				t.Fatal(err)
			}
			commit := func(commit func() error) error {
				if broken.Load() {
					return c.with
				}
				return commit()
			}
			desk := startDesk(t, config, commit)
			stream := desk.stream()
			desk.mustAdd("ana")
			fill()
			if err := desk.add("ben"); err == nil {
				t.Error("a change on a broken disk was acknowledged")
			}
			desk.saysDown(stream)
			if err := <-desk.ended; !errors.Is(err, c.with) {
				t.Errorf("the desk ended with %v", err)
			}
			if n := desk.fatal.Load(); n != 1 {
				t.Errorf("the journal was told %d times", n)
			}
			free()
			desk = startDesk(t, config, commit)
			if got := names(desk.Desk); got != "ana" {
				t.Errorf("after the new start the officers are %q", got)
			}
			desk.mustAdd("ben")
			desk.stop()
			if err := <-desk.ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// A disk that is bad when the desk starts: whoever stands at the screen reads so before it ends.
func TestDiskFailsAtTheStart(t *testing.T) {
	t.Parallel()
	config, bundle, card := newDesk(t)
	if _, err := Init(config, bundle, card); err != nil {
		t.Fatal(err)
	}
	desk := startDesk(t, config, func(func() error) error { return syscall.EIO })
	desk.saysDownTo("/")
	desk.stop()
	if err := <-desk.ended; !errors.Is(err, syscall.EIO) {
		t.Errorf("the desk ended with %v", err)
	}
}

// A desk that does not open for its disk says so on the screen's socket; one that does not for
// another reason ends at once.
func TestBadDiskIsSaidOnTheScreen(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := Parts{Log: slog.New(slog.DiscardHandler),
		Listeners: map[string]net.Listener{socketDesk: listener}}
	SayDown(t.Context(), p, boltfile.ErrMissing)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		SayDown(ctx, p, fmt.Errorf("open: %w", syscall.EROFS))
	}()
	d := &runningDesk{t: t, url: "http://" + listener.Addr().String(),
		web: &http.Client{Timeout: 20 * time.Second}}
	defer d.web.CloseIdleConnections()
	d.saysDownTo("/")
	d.saysDownTo("/visit/x")
	stop()
	<-done
}

// smallDisk puts a disk of its own under a folder.
func smallDisk(t *testing.T, dir string) (fill, free func()) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	rest := filepath.Join(dir, "rest")
	return func() {
			f, err := os.Create(rest)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for block := make([]byte, 4096); err == nil; {
				_, err = f.Write(block)
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}, func() {
			if err := os.Remove(rest); err != nil {
				t.Fatal(err)
			}
		}
}

// A desk on a read-only disk does not start, and says why.
func TestReadOnlyDiskIsRefused(t *testing.T) {
	config, bundle, card := newDesk(t)
	if err := os.MkdirAll(config.State, 0o700); err != nil {
		t.Fatal(err)
	}
	smallDisk(t, config.State)
	if _, err := Init(config, bundle, card); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("", config.State, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ReadKeys(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Parts{Config: config, Keys: keys, Bus: virtual.NewBus(),
		Clock: SystemClock{}, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "desk.db: read-only file system") ||
		!badDisk(err) {
		t.Errorf("opened: %v", err)
	}
}

// runningDesk is a desk with its doors open.
type runningDesk struct {
	*Desk
	t     *testing.T
	url   string
	web   *http.Client
	stop  context.CancelFunc
	ended chan error
	fatal *atomic.Int64
}

func startDesk(t *testing.T, c Config, commit func(func() error) error) *runningDesk {
	t.Helper()
	keys, err := ReadKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	site, err := provisioning.LoadSite(c.Site)
	if err != nil {
		t.Fatal(err)
	}
	doors := map[string]net.Listener{}
	for _, name := range []string{socketDesk, socketFeed} {
		if doors[name], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	d := &runningDesk{t: t, url: "http://" + doors[socketDesk].Addr().String(),
		ended: make(chan error, 1), fatal: new(atomic.Int64)}
	d.Desk, err = Open(t.Context(), Parts{Config: c, Keys: keys, Site: site, Bus: virtual.NewBus(),
		Clock: SystemClock{}, Log: slog.New(slog.DiscardHandler), Listeners: doors,
		Fatal: func(error) { d.fatal.Add(1) }, commit: commit})
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	d.web = &http.Client{Jar: jar, Timeout: 20 * time.Second}
	t.Cleanup(d.web.CloseIdleConnections)
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	t.Cleanup(stop)
	go func() { d.ended <- d.Run(ctx) }()
	return d
}

func (d *runningDesk) get(path, accept string) *http.Response {
	d.t.Helper()
	r, err := http.NewRequest(http.MethodGet, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	answer, err := d.web.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

var watches = regexp.MustCompile(`data-(?:watch|live)="([^"]+)"`)

// stream opens the first screen and what that listens to.
func (d *runningDesk) stream() *bufio.Scanner {
	d.t.Helper()
	text, err := io.ReadAll(d.get("/", "text/html").Body)
	if err != nil {
		d.t.Fatal(err)
	}
	found := watches.FindSubmatch(text)
	if found == nil {
		d.t.Fatalf("the first screen listens to nothing:\n%s", text)
	}
	return bufio.NewScanner(d.get(string(found[1]), "text/event-stream").Body)
}

// saysDown: the page that is open and the next that is asked for say what happened.
func (d *runningDesk) saysDown(stream *bufio.Scanner) {
	d.t.Helper()
	d.saysDownTo("/")
	told := false
	for stream.Scan() {
		told = told || strings.HasPrefix(stream.Text(), "data: "+saysDown)
	}
	if !told {
		d.t.Error("the open page was not told")
	}
}

// saysDownTo asks for a page.
func (d *runningDesk) saysDownTo(path string) {
	d.t.Helper()
	answer := d.get(path, "text/html")
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusServiceUnavailable ||
		!strings.Contains(string(text), saysDown) || !strings.HasPrefix(answer.Header.Get("Refresh"), "5;") {
		d.t.Errorf("a page asked for now: %s\n%s", answer.Status, text)
	}
}

func (d *runningDesk) add(id string) error {
	return d.officers.Add(d.t.Context(), "operator:root",
		provisioning.Officer{ID: provisioning.OfficerID(id)}, secret.NewPIN("274913"))
}

func (d *runningDesk) mustAdd(id string) {
	d.t.Helper()
	if err := d.add(id); err != nil {
		d.t.Fatal(err)
	}
}
