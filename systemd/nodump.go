package systemd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoDump forbids that this process is ever dumped or traced by another of the same user: what it
// has in memory is nobody's. The unit's LimitCORE=0 says the same to whoever started it that way.
func NoDump() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumps of the memory: %w", err)
	}
	return nil
}
