package daemon

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// handOver gives the store, which root made, to whose the folder is: systemd gives the daemon what
// is in its folder only when the folder itself is somebody else's.
func handOver(c Config) error {
	folder, err := os.Stat(c.State)
	if err != nil {
		return fmt.Errorf("give the store to the daemon: %w", err)
	}
	owner, ok := folder.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	file, err := os.OpenFile(c.file(), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err == nil {
		err = errors.Join(file.Chown(int(owner.Uid), int(owner.Gid)), file.Sync(), file.Close())
	}
	if err != nil {
		return fmt.Errorf("give the store to the daemon: %w", err)
	}
	return nil
}
