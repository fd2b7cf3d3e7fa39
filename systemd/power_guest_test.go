//go:build rig && linux

package systemd_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// box is a world on a disk whose power goes: both daemons, and nothing between them and the kernel.
type box struct {
	world
	// told is what the boots before, and this one, told somebody: lines that outlive the box.
	told *os.File
	// lent, begun and used are read from it: used has the last code of each account, since wrong ones
	// are counted.
	begun []int
	lent  map[int]bool
	used  map[string]string
	boots int
}

const disk = "/tmp/disk"

// onDisk is where everything of the box lies.
var onDisk = places{disk + "/etc", disk + "/desk", disk + "/verifier", "/tmp/desk.sock", "/tmp/verifier.sock"}

// TestGuestPower mends the disk, starts both daemons on it, judges what was told before, and lends
// until the power goes.
func TestGuestPower(t *testing.T) {
	guestOnly(t)
	b := &box{world: world{t: t, bin: os.Getenv(inGuest), at: onDisk}, lent: map[int]bool{},
		used: map[string]string{}}
	must(t, "busybox", "ip", "link", "set", "lo", "up")
	b.recall()
	b.mount()
	b.start("verifierd", "run", "--config", disk+"/etc/verifier.toml")
	b.start("tokendeskd", "-config", disk+"/etc/desk.toml")
	b.follow()
	b.judge()
	if os.Getenv("LAST") == "1" {
		return
	}
	b.tell("boot %d", b.boots)
	for i := len(b.begun); !t.Failed(); i++ {
		b.lend(i)
	}
}

// recall reads what was told.
func (b *box) recall() {
	data, err := os.ReadFile(usbtest.Work + "/told")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var i int
		var who, otp string
		if _, err := fmt.Sscanf(line, "begun %d\n", &i); err == nil {
			b.begun = append(b.begun, i)
		} else if _, err := fmt.Sscanf(line, "lent %d\n", &i); err == nil {
			b.lent[i] = true
		} else if _, err := fmt.Sscanf(line, "used %s %s\n", &who, &otp); err == nil {
			b.used[who] = otp
		} else if _, err := fmt.Sscanf(line, "boot %d\n", &i); err == nil {
			b.boots++
		}
	}
	if b.told, err = os.OpenFile(usbtest.Work+"/told", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// tell writes down what somebody was told, outside of the box.
func (b *box) tell(format string, args ...any) {
	if _, err := fmt.Fprintf(b.told, format+"\n", args...); err != nil {
		b.t.Fatal(err)
	}
}

// mount has e2fsck replay the file system's journal, and find nothing else to mend.
func (b *box) mount() {
	for _, args := range [][]string{{"-p", "/dev/vda"}, {"-fn", "/dev/vda"}} {
		out, err := exec.Command("e2fsck", args...).CombinedOutput()
		var exit *exec.ExitError
		mended := errors.As(err, &exit) && exit.ExitCode() == 1 && args[0] == "-p"
		if err != nil && !mended {
			b.t.Fatalf("e2fsck %v: %v\n%s", args, err, out)
		}
		b.t.Logf("e2fsck %s", out)
	}
	must(b.t, "mkdir", disk)
	must(b.t, "mount", "-t", "ext4", "/dev/vda", disk)
}

// start starts a daemon. It ends with the guest.
func (b *box) start(daemon string, args ...string) {
	log, err := os.Create(usbtest.Work + "/" + daemon + ".log")
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command(b.bin+"/"+daemon, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b.t.Failed() {
			said, _ := os.ReadFile(log.Name())
			b.t.Logf("%s:\n%s", daemon, said)
		}
	})
}

// lend lends a token and signs in with it.
func (b *box) lend(i int) {
	unplug := b.plug(i)
	b.issue(i, 60*time.Second, func() { b.tell("begun %d", i) })
	b.tell("lent %d", i)
	b.finish()
	unplug()
	b.use(i)
}

// use signs in with what a token types, and tells that the code is used.
func (b *box) use(i int) (accepted bool) {
	otp, err := b.press(i)
	if errors.Is(err, virtual.ErrSilent) {
		return false
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if accepted = b.accepted(account(i), otp); accepted {
		b.tell("used %s %s", account(i), otp)
	}
	return accepted
}

// judge holds what was told against what is true: a token that was lent works, a code that was used
// is used, and a token that only began to be lent works and is on loan, or is listed as doubtful.
func (b *box) judge() {
	for who, otp := range b.used {
		if b.accepted(who, otp) {
			b.t.Errorf("%s signs in twice with one code", who)
		}
	}
	loans := 0
	for _, i := range b.begun {
		works, listed := b.settled(i)
		switch {
		case b.lent[i] && !works:
			b.t.Errorf("token %d was lent, and does not work (in doubt: %v)", serial(i), listed)
		case works && listed:
			b.t.Errorf("token %d works and is in doubt", serial(i))
		case !works && !listed && b.written(i):
			b.t.Errorf("token %d was written, does not work, and nobody is told", serial(i))
		}
		if works {
			loans++
		}
	}
	if got := b.status().OpenLoans; got != loans {
		b.t.Errorf("%d tokens work, and the desk says that %d are on loan", loans, got)
	}
}

// settled waits until a token works, or is in doubt, as it must soon unless nothing was begun: the
// verdict may still be on its way. It is pressed a few times only: codes that nobody asks about
// lead it away.
func (b *box) settled(i int) (works, listed bool) {
	for range 5 {
		listed = slices.Contains(b.status().Doubtful, fmt.Sprint(serial(i)))
		if works = b.use(i); works || listed || !b.written(i) {
			return works, listed
		}
		time.Sleep(time.Second)
	}
	return works, listed
}

// written says that a token took a write.
func (b *box) written(i int) bool {
	key, err := virtual.Open(tokenState(i), virtual.Options{Serial: serial(i)})
	if err != nil {
		b.t.Fatal(err)
	}
	return key.Sequence() > 0
}
