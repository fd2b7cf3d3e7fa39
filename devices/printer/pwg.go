package printer

import (
	"bytes"
	"encoding/binary"
	"image"
)

// page is one sheet of paper as an IPP printer has it: resolution in dots an inch, size in dots.
type page struct {
	dpi, width, height int
}

// PWG Raster, PWG 5102.4-2012, 8 bits of grey, is what every printer without a driver must take
// (PWG 5100.14 section 5.2), and CUPS takes it, too.
const (
	rasterSync   = "RaS2"
	headerSize   = 1796 // section 4.3
	colorGrey    = 18   // sGray
	maxLiteral   = 128
	maxRepeat    = 128
	maxLineTwins = 256
	// usualSize is more than the lines of a slip ever needed: they are some 100 KB.
	usualSize = 1 << 20
)

// raster writes pages, section 4.2: the word, then a header and a compressed bitmap for each.
func raster(pages []*image.Gray, p page) []byte {
	var out bytes.Buffer
	out.Grow(usualSize) // what is outgrown is not wiped
	out.WriteString(rasterSync)
	for _, picture := range pages {
		out.Write(rasterHeader(p, len(pages)))
		rasterLines(&out, picture)
	}
	return out.Bytes()
}

// rasterHeader is section 4.3; what is not set there is 0.
func rasterHeader(p page, pages int) []byte {
	h := make([]byte, headerSize)
	copy(h, "PwgRaster")
	for at, value := range map[int]int{
		276: p.dpi, 280: p.dpi, // HWResolution
		340: 1,                                                // NumCopies
		352: p.width * 72 / p.dpi, 356: p.height * 72 / p.dpi, // PageSize in points
		372: p.width, 376: p.height,
		384: 8, 388: 8, 392: p.width, // BitsPerColor, BitsPerPixel, BytesPerLine
		400: colorGrey, 420: 1, // ColorSpace, NumColors
		452: pages, 456: 1, 460: 1, // TotalPageCount, CrossFeedTransform, FeedTransform
		480: 0xffffff, // AlternatePrimary: white
	} {
		binary.BigEndian.PutUint32(h[at:], uint32(value))
	}
	return h
}

// rasterLines is section 4.4: each line once with how often it repeats, then runs of dots.
func rasterLines(out *bytes.Buffer, picture *image.Gray) {
	height := picture.Bounds().Dy()
	line := func(y int) []byte { return picture.Pix[y*picture.Stride:][:picture.Bounds().Dx()] }
	for y := 0; y < height; {
		twins := 1
		for y+twins < height && twins < maxLineTwins && bytes.Equal(line(y), line(y+twins)) {
			twins++
		}
		out.WriteByte(byte(twins - 1))
		packBits(out, line(y))
		y += twins
	}
}

// packBits writes n-1 and a dot for n equal ones, 257-n and n dots for n different ones.
func packBits(out *bytes.Buffer, line []byte) {
	for len(line) > 0 {
		n := run(line)
		if n > 1 || len(line) == 1 {
			out.WriteByte(byte(n - 1))
			out.WriteByte(line[0])
		} else {
			for n < len(line) && n < maxLiteral && run(line[n:]) == 1 {
				n++
			}
			if n == 1 {
				out.WriteByte(0)
			} else {
				out.WriteByte(byte(257 - n))
			}
			out.Write(line[:n])
		}
		line = line[n:]
	}
}

// run is how many dots at the beginning are the same.
func run(line []byte) int {
	n := 1
	for n < len(line) && n < maxRepeat && line[n] == line[0] {
		n++
	}
	return n
}

// slipInches is how wide a slip is on paper that is wider: the 72 mm of receipt paper.
const slipInches = 72 / 25.4

// compose puts a slip in the upper left of as many pages as it needs.
func (f fonts) compose(s Slip, p page) ([]*image.Gray, error) {
	margin := p.dpi / 3
	width := min(int(slipInches*float64(p.dpi)), p.width-2*margin)
	slip, err := f.paint(s, width, width)
	if err != nil {
		return nil, err
	}
	defer clear(slip.Pix)
	var pages []*image.Gray
	high := p.height - 2*margin
	for y := 0; y < slip.Bounds().Dy(); y += high {
		sheet := image.NewGray(image.Rect(0, 0, p.width, p.height))
		for i := range sheet.Pix {
			sheet.Pix[i] = 0xff
		}
		for row := range min(high, slip.Bounds().Dy()-y) {
			from := slip.Pix[(y+row)*slip.Stride:][:width]
			copy(sheet.Pix[(margin+row)*sheet.Stride+margin:], from)
		}
		pages = append(pages, sheet)
	}
	return pages, nil
}
