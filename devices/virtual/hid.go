package virtual

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// hostQueue is how many keyboard reports an open device keeps unread before it drops the oldest
// without a word, as hidapi does.
const hostQueue = 32

// handle is the open keyboard interface of one plugging of a key.
type handle struct {
	key *Key
	id  uint64
	// inUse catches two owners: in the C library that is a crash.
	inUse atomic.Bool
	// queue and closed are guarded by the key's lock.
	queue  [][reportSize]byte
	closed bool
}

var _ devices.HID = (*handle)(nil)

// open takes the key over, once.
func (k *Key) open(id uint64, info devices.Info) (devices.HID, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := error(nil)
	switch {
	case k.socket.id != id:
		err = devices.ErrUnplugged
	case info.Interface != 0 || !models[k.opts.Product].otp:
		err = devices.ErrUnsupported
	case time.Now().Before(k.forbiddenUntil):
		err = devices.ErrPermission
	case k.socket.holder != nil || k.fault.Held:
		err = devices.ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("open virtual key: %w", err)
	}
	// What was typed before went to the console, not to us.
	k.typing = nil
	h := &handle{key: k, id: id}
	k.socket.holder = h
	return h, nil
}

// own enforces the contract of devices.HID: one owner, one call at a time.
func (h *handle) own() (release func()) {
	if !h.inUse.CompareAndSwap(false, true) {
		panic("devices/virtual: two calls at once on one open device")
	}
	return func() { h.inUse.Store(false) }
}

// usable is checked with the lock held.
func (h *handle) usable(ctx context.Context) error {
	switch {
	case h.closed:
		return devices.ErrClosed
	case h.key.socket.id != h.id:
		return devices.ErrUnplugged
	}
	return late(ctx)
}

// SetFeature implements devices.HID.
func (h *handle) SetFeature(ctx context.Context, report []byte) error {
	defer h.own()()
	h.key.mu.Lock()
	defer h.key.mu.Unlock()
	err := h.usable(ctx)
	if err == nil {
		err = h.key.setFeature(report)
	}
	if err != nil {
		return fmt.Errorf("set feature report: %w", err)
	}
	return nil
}

// GetFeature implements devices.HID.
func (h *handle) GetFeature(ctx context.Context, report []byte) (int, error) {
	defer h.own()()
	h.key.mu.Lock()
	defer h.key.mu.Unlock()
	err := h.usable(ctx)
	var got [reportSize]byte
	if err == nil {
		got, err = h.key.getFeature()
	}
	if err != nil {
		return 0, fmt.Errorf("get feature report: %w", err)
	}
	return copy(report, got[:]), nil
}

// setFeature is one SET_REPORT, by whichever way it came. The caller has the lock.
func (k *Key) setFeature(report []byte) error {
	if len(report) != reportSize {
		return fmt.Errorf("%d bytes: %w", len(report), devices.ErrUnsupported)
	}
	k.receive([reportSize]byte(report), time.Now())
	return k.strike(&k.fault.UnplugAfterSets)
}

// getFeature is one GET_REPORT. The caller has the lock.
func (k *Key) getFeature() ([reportSize]byte, error) {
	report := k.send(time.Now())
	return report, k.strike(&k.fault.UnplugAfterGets)
}

// ReadInput implements devices.HID.
func (h *handle) ReadInput(ctx context.Context, report []byte) (int, error) {
	defer h.own()()
	got, err := h.key.await(ctx, h.next)
	if err != nil {
		return 0, fmt.Errorf("read input report: %w", err)
	}
	return copy(report, got), nil
}

// next moves what is due by now into the host's queue and takes the first of it. The caller has
// the lock.
func (h *handle) next(now time.Time) ([]byte, time.Time, error) {
	if err := h.usable(context.Background()); err != nil {
		return nil, time.Time{}, err
	}
	k := h.key
	for len(k.typing) > 0 && !k.typing[0].at.After(now) {
		h.queue = append(h.queue, k.typing[0].report)
		k.typing = k.typing[1:]
		h.queue = h.queue[max(0, len(h.queue)-hostQueue):]
	}
	if len(h.queue) == 0 {
		return nil, k.nextDue(), nil
	}
	report := h.queue[0]
	h.queue = h.queue[1:]
	return report[:], time.Time{}, k.strike(&k.fault.UnplugAfterInputs)
}

// nextDue is when the next keyboard report is, or zero.
func (k *Key) nextDue() time.Time {
	if len(k.typing) == 0 {
		return time.Time{}
	}
	return k.typing[0].at
}

// Close implements devices.HID.
func (h *handle) Close() error {
	defer h.own()()
	h.key.mu.Lock()
	defer h.key.mu.Unlock()
	if h.closed {
		return fmt.Errorf("close virtual key: %w", devices.ErrClosed)
	}
	h.closed = true
	if h.key.socket.holder == h {
		h.key.socket.holder = nil
	}
	return nil
}

// await calls try, with the lock held, until it has a report or an error: again at every change of
// the key, and at the time try names.
func (k *Key) await(
	ctx context.Context, try func(now time.Time) ([]byte, time.Time, error),
) ([]byte, error) {
	for {
		changed := k.changed.wait()
		k.mu.Lock()
		got, due, err := try(time.Now())
		k.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if got != nil {
			return got, nil
		}
		if err := sleep(ctx, changed, due); err != nil {
			return nil, err
		}
	}
}

// sleep waits for a change, for the time due unless it is zero, or for the end of ctx.
func sleep(ctx context.Context, changed <-chan struct{}, due time.Time) error {
	var alarm <-chan time.Time
	if !due.IsZero() {
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-changed:
	case <-alarm:
	case <-ctx.Done():
		return late(ctx)
	}
	return nil
}

// late is how a device says that ctx has ended.
func late(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return devices.ErrTimeout
	}
	return err
}
