//go:build !linux

package wedge

import (
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// grabbed is an event node, which only Linux has.
type grabbed struct{}

func grab(string) (*grabbed, error) {
	return nil, fmt.Errorf("hold reader: %w", devices.ErrUnsupported)
}

func (*grabbed) read(time.Duration) ([]event, error) { return nil, devices.ErrUnsupported }

// Close implements io.Closer.
func (*grabbed) Close() error { return nil }

var began = time.Now()

func monotonic() time.Duration { return time.Since(began) }
