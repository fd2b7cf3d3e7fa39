package printer

import (
	"errors"
	"fmt"
)

// Options say which printer, and how to write on its paper.
type Options struct {
	// Kind is "escpos" or "ipp".
	Kind string
	// Device is a character device, Address a host and port; one of them for ESC/POS.
	Device, Address string
	// URI is the printer's, for IPP: ipp://host/printers/name, ipps://, http:// or https://.
	URI string
	// CA is a file of certificates to trust for ipps, instead of the system's.
	CA string
	// Width is that of the receipt paper in millimetres: 80, which 0 means, or 58.
	Width int
	// Font and Bold are font files; a collection is taken by its Traditional Chinese member. Without
	// them the slip is written in a font that is compiled in and has the Latin scripts only.
	Font, Bold string
}

// Papers that receipt printers take: dots across and, in the same unit, how wide the paper's type
// is set, both at 203 dots an inch. On the narrow one, type in proportion would be too small to
// read.
const (
	wideDots, narrowDots     = 576, 384
	wideScale, narrowScale   = 576, 460
	wideMillimetres, narrowM = 80, 58
)

// Open checks the options and reads the fonts. It talks to no printer yet: one that is off now may
// be on later.
func Open(o Options) (Printer, error) {
	fonts, err := readFonts(o.Font, o.Bold)
	if err != nil {
		return nil, err
	}
	switch o.Kind {
	case "escpos":
		return openReceipt(o, fonts)
	case "ipp":
		return openIPP(o, fonts)
	}
	return nil, fmt.Errorf("%q is no kind of printer: escpos or ipp", o.Kind)
}

func openReceipt(o Options, f fonts) (Printer, error) {
	r := &receipt{fonts: f, width: wideDots, scale: wideScale}
	switch o.Width {
	case 0, wideMillimetres:
	case narrowM:
		r.width, r.scale = narrowDots, narrowScale
	default:
		return nil, fmt.Errorf("paper %d mm wide: 80 or 58", o.Width)
	}
	switch {
	case (o.Device == "") == (o.Address == ""):
		return nil, errors.New("a receipt printer has a device or an address, one of them")
	case o.Device != "":
		r.dial = dialDevice(o.Device)
	default:
		r.dial = dialTCP(o.Address)
	}
	return r, nil
}
