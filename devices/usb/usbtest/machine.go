package usbtest

import (
	"fmt"
	"strings"
)

// diskModules are what a guest with a Disk loads besides, machineModules what one with Systemd
// does.
var (
	diskModules = []string{
		"drivers/block/virtio_blk.ko", "lib/crc16.ko", "crypto/crc32c_generic.ko",
		"fs/mbcache.ko", "fs/jbd2/jbd2.ko", "fs/ext4/ext4.ko",
	}
	machineModules = []string{"fs/overlayfs/overlay.ko"}
)

// loads are the modules that this guest loads, by the names of their files.
func (g Guest) loads() []string {
	list := modules
	if g.Disk != "" {
		list = append(list[:len(list):len(list)], diskModules...)
	}
	if g.Systemd {
		list = append(list[:len(list):len(list)], machineModules...)
	}
	return list
}

// diskArgs are the arguments of qemu for the disk. A flush of the guest is a flush of the log's.
func (g Guest) diskArgs() []string {
	if g.Disk == "" {
		return nil
	}
	disk := "driver=file,filename=" + g.Disk + ",cache.direct=off"
	if g.DiskLog == "" {
		return []string{"-blockdev", "node-name=disk," + disk,
			"-device", "virtio-blk-pci,drive=disk"}
	}
	return []string{
		"-blockdev", "node-name=file," + disk,
		"-blockdev", "node-name=log,driver=file,filename=" + g.DiskLog,
		"-blockdev", "node-name=disk,driver=blklogwrites,file=file,log=log,log-sector-size=512",
		"-device", "virtio-blk-pci,drive=disk",
	}
}

// systemdLine tells systemd what to start, and to have each call that a filter refuses be logged.
func (g Guest) systemdLine() string {
	if g.Systemd {
		return " systemd.unit=rig.service SYSTEMD_LOG_SECCOMP=1"
	}
	return ""
}

// memory is how many megabytes the guest has: its root's changes are in them.
func (g Guest) memory() string {
	if g.Systemd {
		return "1024"
	}
	return "512"
}

// processors is how many the guest has. One is enough, and costs less, where nothing is measured.
func (g Guest) processors() string {
	if g.Disk != "" || g.Systemd {
		return "1"
	}
	return "2"
}

// machineScript makes this machine's root writable by laying memory over it, takes away what is
// this machine's own business, and hands over to its systemd, which starts the program when the
// system is up. %s are the modules.
const machineScript = `#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /lower /over /new
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
%s
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro root /lower
busybox mount -t tmpfs -o mode=0755 over /over
busybox mkdir /over/upper /over/work
busybox mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work over /new
busybox mount -t tmpfs -o mode=0755 run /new/run
busybox mount -t tmpfs -o mode=0755 var /new/var
busybox mkdir -p /new/run/guest /new/var/lib
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none work /new/run/guest
busybox mount -t tmpfs -o mode=1777 tmp /new/tmp
busybox rm -rf /new/etc/systemd /new/etc/fstab /new/etc/machine-id /new/etc/udev/rules.d /new/.dockerenv
cd /new/lib/systemd/system/sysinit.target.wants
for unit in *; do
	case $unit in
	*journald.service|*udevd.service|*udev-trigger.service|*tmpfiles-setup.service) ;;
	*) busybox rm $unit ;;
	esac
done
cd /
busybox mkdir -p /new/etc/systemd/system
busybox echo 0123456789abcdef0123456789abcdef >/new/etc/machine-id
busybox cat >/new/etc/systemd/system/rig.service <<END
[Unit]
After=basic.target systemd-udev-trigger.service
Requires=basic.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh -c "/bin/sh /run/guest/command >/run/guest/output 2>&1; echo \$\$? >/run/guest/status"
END
busybox umount /proc
exec busybox switch_root /new /lib/systemd/systemd
`

// script is what the guest starts with.
func (g Guest) script() string {
	var load strings.Builder
	for _, m := range g.loads() {
		fmt.Fprintf(&load, "busybox insmod /modules/%s\n", m[strings.LastIndex(m, "/")+1:])
	}
	if g.Systemd {
		return fmt.Sprintf(machineScript, load.String())
	}
	return fmt.Sprintf(initScript, load.String())
}
