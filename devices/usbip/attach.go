package usbip

import "context"

// Port is a device plugged into this kernel.
type Port struct {
	// Number is vhci_hcd's.
	Number int

	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Done is closed when the device is no longer served: Detach, a device that is gone, or a
// kernel that let go.
func (p *Port) Done() <-chan struct{} { return p.done }

// Err says why serving ended, nil for a pulled plug. It is valid after Done.
func (p *Port) Err() error {
	<-p.done
	return p.err
}
