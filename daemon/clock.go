package daemon

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Clock tells the time and whether it can be trusted. A box without power for a night starts with
// a clock that is wrong until the network sets it; due dates are not made from such a clock.
type Clock interface {
	Now() time.Time
	Synced() bool
}

// SystemClock asks the kernel.
type SystemClock struct{}

// Now implements Clock, in UTC and whole milliseconds, as records carry it.
func (SystemClock) Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// syncedMark is made by systemd-timesyncd after its first successful answer.
const syncedMark = "/run/systemd/timesync/synchronized"

// Synced reports whether a time service has set the clock since boot: timesyncd says so with a
// file, any other one by clearing the kernel's "unsynchronised" state (adjtimex(2), TIME_ERROR).
func (SystemClock) Synced() bool {
	if _, err := os.Stat(syncedMark); err == nil {
		return true
	}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR
}
