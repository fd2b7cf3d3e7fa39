package usbtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// initScript brings the guest up: modules, this machine's root read-only, fresh file systems where
// programs write, and then the program. %s are the module loading and the program's command line.
const initScript = `#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /root
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
%s
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro root /root
busybox mount -t proc proc /root/proc
busybox mount -t sysfs sys /root/sys
busybox mount -t devtmpfs dev /root/dev
busybox mount -t tmpfs run /root/run
busybox mount -t tmpfs tmp /root/tmp
busybox mkdir -p /root/run/guest
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none work /root/run/guest
cd /root
busybox chroot /root /bin/sh /run/guest/command >/root/run/guest/output 2>&1
echo $? >/root/run/guest/status
busybox umount /root/run/guest
busybox poweroff -f
`

// initrd is an initial file system of busybox, the modules and the script.
func initrd(busybox string, k kernel, g Guest) ([]byte, error) {
	var archive bytes.Buffer
	add := func(name, file string) error {
		data, err := os.ReadFile(file)
		if err == nil {
			cpio(&archive, name, 0o100755, data)
		}
		return err
	}
	for _, dir := range []string{"bin", "modules"} {
		cpio(&archive, dir, 0o040755, nil)
	}
	if err := add("bin/busybox", busybox); err != nil {
		return nil, err
	}
	for _, m := range g.loads() {
		name := filepath.Base(m)
		if err := add("modules/"+name, filepath.Join(filepath.Dir(k.image), name)); err != nil {
			return nil, err
		}
	}
	cpio(&archive, "init", 0o100755, []byte(g.script()))
	cpio(&archive, "TRAILER!!!", 0, nil)
	return archive.Bytes(), nil
}

// cpio appends one entry of a "newc" archive (Linux: early-userspace/buffer-format.rst).
func cpio(w *bytes.Buffer, name string, mode uint32, data []byte) {
	inode := w.Len() + 1 // any number that does not repeat
	fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	pad(w)
	w.Write(data)
	pad(w)
}

func pad(w *bytes.Buffer) {
	for w.Len()%4 != 0 {
		w.WriteByte(0)
	}
}
