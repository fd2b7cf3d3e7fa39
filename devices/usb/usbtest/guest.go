package usbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Packages are the Debian packages Run needs, by the command that shows that each is there.
// apt-get and dpkg-deb are on every Debian.
var Packages = map[string]string{
	"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "xz": "xz-utils",
	"apt-get": "apt", "dpkg-deb": "dpkg",
}

// Need skips the test where a command is missing, and fails it under CI=true. Packages says which
// Debian package has each command.
func Need(t testing.TB, packages map[string]string) {
	t.Helper()
	for command, name := range packages {
		if _, err := exec.LookPath(command); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing (Debian package %s)", command, name)
		}
		t.Skipf("%s is missing (Debian package %s)", command, name)
	}
}

// Guest is one boot and one program.
type Guest struct {
	// Binary is a program of this machine; the guest has this machine's libraries.
	Binary string
	// Args and Env are its arguments and additional environment.
	Args, Env []string
	// Files are put into Work of the guest by name, Programs are copied there from this machine.
	Files, Programs map[string]string
	// Devices are more arguments of qemu, for hardware that the guest has besides.
	Devices []string
	// Systemd boots this machine's own systemd, its root made writable in memory, and starts the
	// program from a unit. Without it the program is all that runs.
	Systemd bool
	// Disk is an image that the guest sees as /dev/vda. DiskLog is where each of its writes is taken
	// down, with the flushes between them.
	Disk, DiskLog string
	// Timeout bounds boot and program.
	Timeout time.Duration
}

// Work is the guest's writable folder. The machine's own root is read-only there.
const Work = "/run/guest"

// Run boots, runs the program as root and returns what it printed and its exit status. Whatever
// goes wrong on the way ends the test.
func Run(t testing.TB, g Guest) (output string, status int) {
	t.Helper()
	b := g.boot(t)
	began := time.Now()
	err := b.qemu.Wait()
	printed, raw := b.read("output"), b.read("status")
	if _, scanned := fmt.Sscan(raw, &status); scanned != nil {
		t.Fatalf("the guest did not finish (%v, %v)\n%s\n%s", err, b.ctx.Err(), b.console(), printed)
	}
	t.Logf("guest ran for %.1f s, boot included (%.1f s of processor)", time.Since(began).Seconds(),
		b.qemu.ProcessState.UserTime().Seconds())
	return printed, status
}

// boot is a guest that runs.
type boot struct {
	ctx  context.Context
	work string
	qemu *exec.Cmd
}

// boot starts qemu.
func (g Guest) boot(t testing.TB) *boot {
	t.Helper()
	Need(t, Packages)
	k := fetchKernel(t, cacheDir(t))
	b := &boot{work: t.TempDir()}
	if err := g.prepare(b.work, k); err != nil {
		t.Fatalf("prepare the guest: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), g.Timeout)
	t.Cleanup(cancel)
	b.ctx, b.qemu = ctx, exec.CommandContext(ctx, "qemu-system-x86_64", g.qemuArgs(b.work, k)...)
	if err := b.qemu.Start(); err != nil {
		t.Fatalf("start the guest: %v", err)
	}
	return b
}

// read is a file of Work, as far as it is written.
func (b *boot) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(b.work, "share", name))
	return string(data)
}

// console is what the guest's kernel said.
func (b *boot) console() string {
	data, _ := os.ReadFile(filepath.Join(b.work, "console"))
	return string(data)
}

// cacheDir is where the kernel is kept: .cache of the checkout.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the rig runs inside the checkout")
		}
	}
	dir = filepath.Join(dir, ".cache", "rig")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// prepare fills the folder that the guest sees as Work, and the initial file system.
func (g Guest) prepare(work string, k kernel) error {
	share := filepath.Join(work, "share")
	if err := os.Mkdir(share, 0o755); err != nil {
		return err
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	image, err := initrd(busybox, k, g)
	if err != nil {
		return err
	}
	errs := []error{os.WriteFile(filepath.Join(work, "initrd"), image, 0o644)}
	for name, content := range g.Files {
		file := filepath.Join(share, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(file), 0o755),
			os.WriteFile(file, []byte(content), 0o644))
	}
	for name, path := range g.Programs {
		errs = append(errs, copyFile(filepath.Join(share, name), path))
	}
	errs = append(errs, copyFile(filepath.Join(share, "program"), g.Binary),
		os.WriteFile(filepath.Join(share, "command"), []byte(g.command()), 0o644))
	return errors.Join(errs...)
}

// command is the shell script that starts the program. Its standard streams are closed to nothing
// else, so that a child that outlives it cannot hold the guest up.
func (g Guest) command() string {
	env := append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/tmp", "LANG=C.UTF-8", "TMPDIR=/tmp",
		// systemd's programs do nothing, and say that all is well, where they see a chroot.
		"SYSTEMD_IGNORE_CHROOT=1",
	}, g.Env...)
	words := append([]string{"exec", "env", "-i"}, quote(env)...)
	words = append(words, Work+"/program")
	return "cd /tmp\n" + strings.Join(append(words, quote(g.Args)...), " ") + " </dev/null\n"
}

// quote makes shell words.
func quote(words []string) []string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return quoted
}

func (g Guest) qemuArgs(work string, k kernel) []string {
	share := "local,security_model=none,multidevs=remap,"
	return append([]string{
		"-accel", "tcg,thread=multi", "-smp", g.processors(), "-m", g.memory(),
		"-nodefaults", "-display", "none", "-no-reboot",
		"-serial", "file:" + filepath.Join(work, "console"),
		"-kernel", k.image, "-initrd", filepath.Join(work, "initrd"),
		"-append", "console=ttyS0 quiet panic=-1 mitigations=off" + g.systemdLine(),
		"-fsdev", share + "id=root,readonly=on,path=/",
		"-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
		"-fsdev", share + "id=work,path=" + filepath.Join(work, "share"),
		"-device", "virtio-9p-pci,fsdev=work,mount_tag=work",
	}, append(g.diskArgs(), g.Devices...)...)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
