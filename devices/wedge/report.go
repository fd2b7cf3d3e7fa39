package wedge

import (
	"errors"
	"fmt"
)

// StripeLayout is where the report of a stripe reader in HID mode has its parts: for each of the
// three tracks the byte that is odd when the track could not be read, the byte with the length of
// its data, and where its data begin. The zero value is the report of MagTek's readers, which is
// what others send, too (MagTek 99875191, section 4).
type StripeLayout struct {
	Size   int   `toml:"size"`
	Status []int `toml:"status"`
	Length []int `toml:"length"`
	Data   []int `toml:"data"`
	// Room is the most data a track has.
	Room int `toml:"room"`
}

// magtek is 3 states, 3 lengths, the kind of card, and 110 bytes a track.
var magtek = StripeLayout{Size: 337, Status: []int{0, 1, 2}, Length: []int{3, 4, 5},
	Data: []int{7, 117, 227}, Room: 110}

// maxReport bounds the report of any reader.
const maxReport = 1024

// orDefault is the layout to use.
func (l StripeLayout) orDefault() StripeLayout {
	if l.Size == 0 {
		return magtek
	}
	return l
}

// check refuses a layout that points out of its own report.
func (l StripeLayout) check() error {
	if l.Size < 1 || l.Size > maxReport || l.Room < 1 {
		return fmt.Errorf("report: the size is from 1 to %d, and a track has room", maxReport)
	}
	if len(l.Status) != 3 || len(l.Length) != 3 || len(l.Data) != 3 {
		return errors.New("report: status, length and data are three places each, one a track")
	}
	for i := range 3 {
		if !within(l.Status[i], 1, l.Size) || !within(l.Length[i], 1, l.Size) ||
			!within(l.Data[i], l.Room, l.Size) {
			return fmt.Errorf("report: a place of track %d is not inside its %d bytes", i+1, l.Size)
		}
	}
	return nil
}

func within(begin, length, size int) bool { return begin >= 0 && begin <= size-length }

// decode reads a report. The error is a Drop.
func (l StripeLayout) decode(report []byte) (s stripe, err error) {
	if len(report) != l.Size {
		return s, DropReport
	}
	any := false
	for i := range s {
		length := int(report[l.Length[i]])
		if length > l.Room {
			return stripe{}, DropReport
		}
		data := report[l.Data[i] : l.Data[i]+length]
		switch {
		case report[l.Status[i]]&1 != 0:
			s[i] = track{seen: true, drop: DropUnreadable}
		case length > 0:
			s[i] = cut(codings[i], bare(i, data))
		}
		any = any || s[i].seen
	}
	if !any {
		return stripe{}, DropReport
	}
	return s, nil
}

// bare takes the sentinels off where the reader left them on.
func bare(i int, data []byte) []byte {
	starts := data[0] == codings[i].start || i == 2 && data[0] == thirdStart
	if last := len(data) - 1; starts && last > 0 && data[last] == endSentinel {
		return data[1:last]
	}
	return data
}

// LabelLayout is where the report of a barcode scanner in HID mode has its parts (USB HID Point of
// Sale Usage Tables 1.02, usage page 8C, scanned data report): the report's number first, then one
// byte with the length, the three characters of the symbology, the text, and at the end one byte
// whose lowest bit says that more of the same label follows. The zero value is what scanners send.
type LabelLayout struct {
	Size   int  `toml:"size"`
	Number byte `toml:"number"`
	Length int  `toml:"length"`
	Data   int  `toml:"data"`
	More   int  `toml:"more"`
}

var scanner = LabelLayout{Size: 64, Number: 2, Length: 1, Data: 5, More: 63}

func (l LabelLayout) orDefault() LabelLayout {
	if l.Size == 0 {
		return scanner
	}
	return l
}

// check refuses a layout that points out of its own report.
func (l LabelLayout) check() error {
	if l.Size < 1 || l.Size > maxReport || !within(l.Length, 1, l.Size) ||
		!within(l.More, 1, l.Size) || !within(l.Data, 1, l.Size) || l.Data > l.More {
		return fmt.Errorf("report: a place is not inside its %d bytes, or the text is behind its end",
			l.Size)
	}
	return nil
}

// decode reads a report: a piece of a label, and whether more follows. The error is a Drop.
func (l LabelLayout) decode(report []byte) (text []byte, more bool, err error) {
	if len(report) != l.Size || report[0] != l.Number {
		return nil, false, DropReport
	}
	length := int(report[l.Length])
	if length > l.More-l.Data {
		return nil, false, DropReport
	}
	return report[l.Data : l.Data+length], report[l.More]&1 != 0, nil
}
