//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
)

// Times of the test of lies.
const (
	// liars are plugged in at once, beside an honest token and an honest reader.
	liars = 3
	// outcomeTime is how long it may take until it is known what became of a plugged device.
	outcomeTime = 10 * time.Second
	// emptyTime is how long a device may have no interface for us until it counts as having none.
	emptyTime = 800 * time.Millisecond
	// listTime bounds one listing, whatever the kernel waits for.
	listTime = 1500 * time.Millisecond
)

// TestGuestLies plugs in devices that lie in everything a device can say, through the kernel, beside
// a token and a reader that do not.
func TestGuestLies(t *testing.T) {
	k := plugIn(t, virtual.Options{Serial: 7654321})
	r := plugReader(t, virtual.CardReaderOptions{Serial: "HONEST"})
	h := &honest{key: k, path: k.keyboard().Path, reader: r,
		bench: yubikey.NewBench(k.bus, yubikey.Options{}), kernel: openKernelLog(t)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { _ = h.bench.Run(ctx) })
	running.Go(func() { h.watchSerials(ctx, t) })
	running.Go(func() { h.watchListing(ctx, t) })
	h.start(ctx, t, &running)
	usual := max(h.work(t), h.work(t), h.work(t))
	goroutines, files := runtime.NumGoroutine(), openFiles()
	began, worst, told := time.Now(), time.Duration(0), h.tellAll(toldLies(allLies(20)))
	for working := true; working; {
		select {
		case <-told.done:
			working = false
		case <-time.After(3 * time.Second):
		}
		worst = max(worst, h.work(t))
	}
	t.Logf("honest devices usually take %v, and %v beside liars; all lies were told in %v",
		usual, worst, time.Since(began))
	// While the kernel waits for a device, the library waits for the kernel.
	if worst > 3*usual+late+3*time.Second {
		t.Errorf("beside devices that lie, honest ones took %v, and else %v", worst, usual)
	}
	told.judge(t)
	if !within(5*time.Second, func() bool {
		return runtime.NumGoroutine() <= goroutines && openFiles() <= files
	}) {
		t.Errorf("%d goroutines, %d at the start; %d files, %d at the start", runtime.NumGoroutine(),
			goroutines, openFiles(), files)
	}
	if worse := regexp.MustCompile(`(BUG:|Oops|general protection|WARNING:|blocked for more).*`).
		FindAllString(h.kernel.since(""), -1); len(worse) > 0 {
		t.Errorf("the kernel says %q", worse)
	}
}

// toldLies are all of them with SOAK=1, and else every second one of a kind.
func toldLies(all []lie) (told []lie) {
	if os.Getenv("SOAK") == "1" {
		return all
	}
	seen := map[string]int{}
	for _, l := range all {
		if seen[l.kind]++; seen[l.kind]%2 == 1 {
			told = append(told, l)
		}
	}
	return told
}

// openFiles counts this process's descriptors.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// kernelLog is what the kernel has said since it was opened.
type kernelLog struct {
	file *os.File
	mu   sync.Mutex
	text strings.Builder
}

// openKernelLog follows the log until the test ends.
func openKernelLog(t *testing.T) *kernelLog {
	t.Helper()
	file, err := os.OpenFile("/dev/kmsg", os.O_RDWR, 0)
	if err == nil {
		_, err = file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &kernelLog{file: file}
	var following sync.WaitGroup
	following.Go(l.follow)
	t.Cleanup(func() {
		_ = file.Close()
		following.Wait()
	})
	return l
}

// follow takes a record at a time (Linux: Documentation/ABI/testing/dev-kmsg). One that was
// overwritten before it was read is an error, and the next one is read.
func (l *kernelLog) follow() {
	record := make([]byte, 8192)
	for {
		n, err := l.file.Read(record)
		if errors.Is(err, syscall.EPIPE) {
			continue
		}
		if err != nil {
			return
		}
		l.mu.Lock()
		l.text.Write(record[:n])
		l.mu.Unlock()
	}
}

// note writes a line into the log.
func (l *kernelLog) note(text string) { _, _ = l.file.WriteString(text) }

// since is what stands in the log from a note on.
func (l *kernelLog) since(note string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, rest, _ := strings.Cut(l.text.String(), note)
	return rest
}
