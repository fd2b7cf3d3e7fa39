package daemon

import (
	"errors"
	"syscall"
	"testing"
)

// TestRestoreOnAFullDisk: it says so, and is done again once there is room.
func TestRestoreOnAFullDisk(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	old := w.found("old")
	file := old.backup("desk.backup")
	old.stop()
	full := false
	_, _, err := w.restoreAs(RestorePlan{File: file,
		step: func(step string) error {
			full = step == "settle"
			return nil
		},
		commit: func(commit func() error) error {
			if full {
				return syscall.ENOSPC
			}
			return commit()
		}}, "new")
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	config, _, err := w.restore(file, "new", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run(config)
}
