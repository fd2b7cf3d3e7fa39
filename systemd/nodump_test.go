package systemd

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestNoDump: the kernel says that it would not dump us. What that keeps out is tried in the rig.
func TestNoDump(t *testing.T) {
	if err := NoDump(); err != nil {
		t.Fatal(err)
	}
	if got, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || got != 0 {
		t.Errorf("dumpable is %d, %v", got, err)
	}
}
