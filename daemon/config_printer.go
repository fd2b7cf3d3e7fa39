package daemon

import (
	"fmt"

	"github.com/tokendesk/tokendesk/devices/printer"
)

// Printer is the printer of slips. Without the table the browser prints, on a printer of its own.
type Printer struct {
	// Kind is "escpos", a receipt printer, or "ipp", a printer or a queue of CUPS.
	Kind string `toml:"kind"`
	// Device is a receipt printer on this box, "/dev/usb/lp0"; Address is one in the network,
	// "printer:9100".
	Device  string `toml:"device"`
	Address string `toml:"address"`
	// URI is the printer's for IPP, "ipps://printer/ipp/print" or "ipp://localhost/printers/slips". A
	// queue of CUPS keeps the last day's jobs in files unless cupsd.conf says PreserveJobFiles No:
	// say so, a slip may carry a passcode.
	URI string `toml:"uri"`
	// CA is a file of certificates that ipps trusts instead of the system's.
	CA string `toml:"ca"`
	// Width of the receipt paper in millimetres: 80, which 0 means, or 58.
	Width int `toml:"width"`
	// Font and Bold write the slips. Empty ones are those of Debian's fonts-noto-cjk, which have every
	// language of this desk; "built-in" is one for the Latin scripts that needs no file.
	Font string `toml:"font"`
	Bold string `toml:"bold"`
}

// The fonts of fonts-noto-cjk.
const (
	standardFont = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
	standardBold = "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"
)

// FontBuiltIn names the font that is compiled in.
const FontBuiltIn = "built-in"

// open returns the printer, nil without one. It is not asked how it is: it may be switched on
// later.
func (p *Printer) open() (printer.Printer, error) {
	if p == nil {
		return nil, nil
	}
	font, bold := p.Font, p.Bold
	switch font {
	case "":
		font, bold = standardFont, standardBold
	case FontBuiltIn:
		font, bold = "", ""
	}
	opened, err := printer.Open(printer.Options{Kind: p.Kind, Device: p.Device, Address: p.Address,
		URI: p.URI, CA: p.CA, Width: p.Width, Font: font, Bold: bold})
	if err != nil {
		return nil, fmt.Errorf("the printer: %w", err)
	}
	return opened, nil
}
