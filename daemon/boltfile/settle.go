package boltfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// settle makes sure that what is read of a file is what its disk holds, before anybody acts on it.
// A process that was killed may have left a commit that the kernel holds and the disk does not:
// were it read, and published, and the power cut then, it would be gone. And where a sync failed,
// the kernel may go on showing pages that it gave up writing, and say of the next sync that all is
// well: what is in its cache is dropped, so that it is read from the disk.
func settle(f *os.File) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync what the last run left: %w", err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("drop what the kernel holds of it: %w", err)
	}
	return nil
}
