package wedge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// HID is a reader that is held by its USB interface and read by its reports: a stripe reader or a
// scanner in HID mode, or one that types. The kernel's own drivers are off it while it is held. New
// it with NewStripe, NewScanner or NewTyping.
type HID struct {
	bus      devices.Bus
	settings Settings
	iface    int
	teller   *teller
	session  func() session
	keeper   keeper
}

var _ devices.TapSource = (*HID)(nil)

// listTimeout bounds one look at the bus.
const listTimeout = 2 * time.Second

// session reads the reports of one opening.
type session interface {
	// size is the length of a report, and mine says whether a report that begins so is to be read.
	size() int
	mine(begin []byte) bool
	// report takes a whole report; quiet is told that none came for a while.
	report(report []byte) []outcome
	quiet() []outcome
	// torn says that reports may have been lost.
	torn()
}

// outcome is one scan: its field, or the Drop that it came to. raw is all that has to be wiped.
type outcome struct {
	raw, field []byte
	err        error
}

// NewStripe returns a stripe reader in HID mode. The field is of a track. iface is the number of the
// interface, 0 on most.
func NewStripe(bus devices.Bus, s Settings, iface int, layout StripeLayout) (*HID, error) {
	layout = layout.orDefault()
	h, err := newHID(bus, s, iface)
	if err == nil {
		err = layout.check()
	}
	if err == nil && s.Field.Track == 0 {
		err = errors.New(`field: a stripe has a "track"`)
	}
	if err != nil {
		return nil, fmt.Errorf("reader %s: %w", s.Name, err)
	}
	h.session = func() session { return &stripeSession{layout, h.teller.rule} }
	return h, nil
}

// NewScanner returns a barcode scanner in HID mode.
func NewScanner(bus devices.Bus, s Settings, iface int, layout LabelLayout) (*HID, error) {
	layout = layout.orDefault()
	h, err := newHID(bus, s, iface)
	if err == nil {
		err = layout.check()
	}
	if err != nil {
		return nil, fmt.Errorf("reader %s: %w", s.Name, err)
	}
	h.session = func() session { return &labelSession{layout: layout, rule: h.teller.rule} }
	return h, nil
}

// NewTyping returns a reader that types, read by its reports: the kernel has no keyboard of it.
func NewTyping(bus devices.Bus, s Settings, iface int) (*HID, error) {
	h, err := newHID(bus, s, iface)
	if err != nil {
		return nil, err
	}
	h.session = func() session { return newTypingSession(h.settings, h.teller.rule) }
	return h, nil
}

func newHID(bus devices.Bus, s Settings, iface int) (*HID, error) {
	t, err := s.teller()
	if err == nil && s.Device.Path != "" {
		err = fmt.Errorf("reader %s: one that is held by USB is named by its ids", s.Name)
	}
	if err != nil {
		return nil, err
	}
	return &HID{bus: bus, settings: s, iface: iface, teller: t}, nil
}

// Name implements devices.TapSource.
func (h *HID) Name() string { return h.settings.Name }

// Up implements devices.TapSource.
func (h *HID) Up() bool { return h.keeper.up() }

// Trouble is why a reader that is plugged in cannot be held, or nil.
func (h *HID) Trouble() error { return h.keeper.trouble() }

// Dropped counts the scans that gave no number, by their reason.
func (h *HID) Dropped() map[Drop]uint64 { return h.teller.tally.read() }

// Run implements devices.TapSource.
func (h *HID) Run(ctx context.Context, taps chan<- devices.Tap) error {
	return h.keeper.run(ctx, func(ctx context.Context) (places []place, err error) {
		ctx, cancel := context.WithTimeout(ctx, listTimeout)
		defer cancel()
		infos, err := h.bus.List(ctx)
		for _, info := range infos {
			if info.Interface != h.iface ||
				!h.settings.Device.matches(info.Vendor, info.Product, info.Serial) {
				continue
			}
			id := info.ID + " " + info.Path // not every bus has ids
			places = append(places, place{id, func(ctx context.Context, up func()) error {
				return h.hold(ctx, info, up, taps)
			}})
		}
		return places, err
	})
}

// hold reads one device until it is gone.
func (h *HID) hold(
	ctx context.Context, info devices.Info, up func(), taps chan<- devices.Tap,
) (err error) {
	dev, err := h.bus.Open(ctx, info)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	up()
	s := h.session()
	report := make([]byte, s.size())
	for have := 0; ; {
		n, err := h.read(ctx, dev, report[have:])
		var outcomes []outcome
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, devices.ErrTimeout) && have > 0:
			have, outcomes = 0, []outcome{{raw: report, err: DropReport}}
		case errors.Is(err, devices.ErrTimeout):
			outcomes = s.quiet()
		case err != nil:
			return err
		case have == 0 && !s.mine(report[:n]):
		default:
			if have += n; have == len(report) {
				have, outcomes = 0, s.report(report)
			}
		}
		for _, o := range outcomes {
			if h.teller.tell(ctx, taps, o.raw, o.field, o.err) {
				s.torn()
			}
		}
	}
}

// read takes one packet: a long report comes in several.
func (h *HID) read(ctx context.Context, dev devices.HID, into []byte) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, h.settings.Pause)
	defer cancel()
	return dev.ReadInput(ctx, into)
}
