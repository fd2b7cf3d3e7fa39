package usbtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// modules are what the guest loads, in the order of their dependencies, below kernel/ of the
// package: a PCI bus with 9p over it, USB with its HID drivers, the host controller of qemu's own
// devices, and the virtual one.
var modules = []string{
	"drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko",
	"drivers/virtio/virtio_pci_legacy_dev.ko", "drivers/virtio/virtio_pci_modern_dev.ko",
	"drivers/virtio/virtio_pci.ko",
	"fs/netfs/netfs.ko", "fs/fscache/fscache.ko",
	"net/9p/9pnet.ko", "net/9p/9pnet_virtio.ko", "fs/9p/9p.ko",
	"drivers/usb/common/usb-common.ko", "drivers/usb/core/usbcore.ko",
	"drivers/usb/host/xhci-hcd.ko",
	"drivers/usb/host/xhci-pci.ko",
	"drivers/hid/hid.ko", "drivers/hid/usbhid/usbhid.ko", "drivers/hid/hid-generic.ko",
	"drivers/input/evdev.ko",
	"drivers/usb/usbip/usbip-core.ko", "drivers/usb/usbip/vhci-hcd.ko",
}

// kernel is an unpacked kernel package.
type kernel struct {
	image   string
	modules []string
}

// fetchKernel downloads Debian's kernel package, unpacks it (it is never installed) and keeps what
// is needed under dir, where the next run finds it.
func fetchKernel(t testing.TB, dir string) kernel {
	t.Helper()
	done := filepath.Join(dir, "kernel")
	k := kernel{image: filepath.Join(done, "vmlinux")}
	for _, m := range slices.Concat(modules, diskModules, machineModules) {
		k.modules = append(k.modules, filepath.Join(done, filepath.Base(m)))
	}
	if !k.whole() {
		if err := unpackKernel(dir, done); err != nil {
			t.Fatalf("get the kernel: %v", err)
		}
	}
	return k
}

// whole says that everything is there. What an older list of modules left lacks some.
func (k kernel) whole() bool {
	for _, file := range append([]string{k.image}, k.modules...) {
		if _, err := os.Stat(file); err != nil {
			return false
		}
	}
	return true
}

// unpackKernel fills done, whole or not at all.
func unpackKernel(dir, done string) error {
	tmp, err := os.MkdirTemp(dir, "unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	deb, err := downloadKernel(tmp)
	if err != nil {
		return err
	}
	root, keep := filepath.Join(tmp, "root"), filepath.Join(tmp, "keep")
	if err := run(tmp, "dpkg-deb", "--extract", deb, root); err != nil {
		return err
	}
	if err := os.Mkdir(keep, 0o755); err != nil {
		return err
	}
	for _, m := range slices.Concat(modules, diskModules, machineModules) {
		found, err := filepath.Glob(filepath.Join(root, "lib/modules/*/kernel", m))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("the package has no module %s", m)
		}
		if err := os.Rename(found[0], filepath.Join(keep, filepath.Base(m))); err != nil {
			return err
		}
	}
	images, err := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return errors.New("the package has no kernel image")
	}
	if err := extractImage(images[0], filepath.Join(keep, "vmlinux")); err != nil {
		return err
	}
	if err := os.RemoveAll(done); err != nil {
		return err
	}
	return os.Rename(keep, done)
}

// downloadKernel gets the package that linux-image-amd64 depends on into dir. A machine that never
// asked its mirror for lists does so first, if it may.
func downloadKernel(dir string) (string, error) {
	name, err := kernelPackage()
	if err != nil {
		if err := run(dir, "apt-get", "-qq", "update"); err != nil {
			return "", err
		}
		if name, err = kernelPackage(); err != nil {
			return "", err
		}
	}
	// The folder is ours alone; the sandbox user of apt could not write to it.
	if err := run(dir, "apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", name); err != nil {
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "linux-image-*.deb"))
	if err != nil || len(debs) != 1 {
		return "", errors.New("apt-get download left no package")
	}
	return debs[0], nil
}

// kernelPackage resolves the meta package.
func kernelPackage() (string, error) {
	out, err := exec.Command("apt-cache", "depends", "linux-image-amd64").Output()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends linux-image-amd64: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); ok {
			return "linux-image-" + name, nil
		}
	}
	return "", errors.New("apt knows no linux-image-amd64")
}

// extractImage takes the ELF kernel out of a bzImage. Left to itself the guest unpacks it, which
// takes longer under emulation than all of the boot. Offsets: Linux x86 boot protocol 2.08.
func extractImage(bzImage, vmlinux string) error {
	raw, err := os.ReadFile(bzImage)
	if err != nil {
		return err
	}
	if len(raw) < 0x250 || string(raw[0x202:0x206]) != "HdrS" {
		return errors.New("the kernel image has no boot header")
	}
	setup := (int64(raw[0x1f1]) + 1) * 512
	start := setup + int64(binary.LittleEndian.Uint32(raw[0x248:]))
	end := start + int64(binary.LittleEndian.Uint32(raw[0x24c:])) - 4 // the unpacked size follows
	if start >= end || end > int64(len(raw)) {
		return errors.New("the kernel image has no payload")
	}
	out, err := os.Create(vmlinux)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command("xz", "--decompress", "--stdout", "--single-stream")
	cmd.Stdin, cmd.Stdout = bytes.NewReader(raw[start:end]), out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("unpack the kernel image: %w", err)
	}
	return out.Close()
}

// run runs a command in dir and returns what it said where it fails.
func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
