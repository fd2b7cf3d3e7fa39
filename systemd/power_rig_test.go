//go:build rig && linux

package systemd_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
)

// diskSize is enough for both stores, their state and a journal of the file system.
const diskSize = 24 << 20

// rigPower pulls the plug of a box that issues, again and again: qemu is killed, and of what was
// written since the last flush the disk keeps nothing, or some sectors at random. Each boot judges
// what the one before told: see TestGuestPower.
func rigPower(t *testing.T, bin string) {
	cuts := 5
	if os.Getenv("SOAK") == "1" {
		cuts = 50
	}
	dir := t.TempDir()
	p := power{g: guest(t, bin, "TestGuestPower", 2*time.Minute), disk: filepath.Join(dir, "disk")}
	p.g.Disk, p.g.DiskLog = p.disk+".live", p.disk+".log"
	prepare(t, bin, dir+"/root", onDisk)
	if err := os.WriteFile(p.disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.disk, diskSize); err != nil {
		t.Fatal(err)
	}
	must(t, "mkfs.ext4", "-q", "-F", "-d", dir+"/root", p.disk)
	for n := range cuts {
		p.cut(t, n)
	}
	p.fresh(t)
	p.g.Env = append(p.g.Env, "LAST=1")
	output, status := usbtest.Run(t, p.g)
	if status != 0 {
		t.Errorf("after the last cut:\n%s", output)
	}
}

// power is a box, its disk, and what is beside it: the tokens and what was told.
type power struct {
	g    usbtest.Guest
	disk string
}

// fresh gives the next boot a copy of the disk to write to, and an empty log of its writes.
func (p *power) fresh(t *testing.T) {
	t.Helper()
	must(t, "cp", "--sparse=always", p.disk, p.g.Disk)
	if err := os.WriteFile(p.g.DiskLog, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// cut boots, lets the guest issue, and ends the power: at once after a loan was told, or at some
// moment after one had begun.
func (p *power) cut(t *testing.T, n int) {
	t.Helper()
	p.fresh(t)
	after, pause := "lent", time.Duration(rand.IntN(100))*time.Millisecond
	if n%2 == 1 {
		after, pause = "begun", time.Duration(rand.IntN(3000))*time.Millisecond
	}
	var seen time.Time
	work := usbtest.Cut(t, p.g, func(read func(string) string) bool {
		_, now, judged := strings.Cut(read("told"), fmt.Sprintf("boot %d\n", n))
		if judged && seen.IsZero() && strings.Contains(now, after) {
			seen = time.Now()
		}
		return !seen.IsZero() && time.Since(seen) >= pause
	})
	keep := func() bool { return false }
	if n%3 != 0 {
		keep = func() bool { return rand.IntN(2) == 0 }
	}
	loss, err := usbtest.Lose(p.disk, p.g.DiskLog, keep)
	if err != nil || loss.Flushes == 0 {
		t.Fatalf("%+v, %v", loss, err)
	}
	t.Logf("cut %d, %v after %q: %+v", n, pause, after, loss)
	p.keep(t, work)
}

// keep takes over what lies beside the box.
func (p *power) keep(t *testing.T, work string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(work, "tokens", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, filepath.Join(work, "told")) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(work, file)
		if err != nil {
			t.Fatal(err)
		}
		p.g.Files[name] = string(data)
	}
}
