package printer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"testing"
)

// unraster reads PWG or CUPS raster back, from the document and not from the writer.
func unraster(data []byte) ([]*image.Gray, error) {
	r := bytes.NewReader(data)
	word := make([]byte, 4)
	if _, err := io.ReadFull(r, word); err != nil || string(word) != "RaS2" {
		return nil, errors.New("no raster")
	}
	var pages []*image.Gray
	for r.Len() > 0 {
		page, err := unrasterPage(r)
		if err != nil {
			return pages, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

func unrasterPage(r *bytes.Reader) (*image.Gray, error) {
	header := make([]byte, 1796)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	at := func(offset int) int { return int(binary.BigEndian.Uint32(header[offset:])) }
	width, height, bits, across, space := at(372), at(376), at(388), at(392), at(400)
	if bits != 8 && bits != 1 || width > 1<<14 || height > 1<<14 || across != (width*bits+7)/8 {
		return nil, errors.New("a page of another kind")
	}
	page := image.NewGray(image.Rect(0, 0, width, height))
	for y := 0; y < height; {
		twins, line, err := unrasterLine(r, across)
		if err != nil {
			return nil, err
		}
		for ; twins > 0 && y < height; twins-- {
			for x := range width {
				page.Pix[y*page.Stride+x] = grey(line, x, bits, space)
			}
			y++
		}
	}
	return page, nil
}

// grey is one dot; color space 3 is black ink, 18 grey light.
func grey(line []byte, x, bits, space int) byte {
	v := line[x*bits/8]
	if bits == 1 {
		v = 0xff * (line[x/8] >> (7 - x%8) & 1)
	}
	if space == 3 {
		return 0xff - v
	}
	return v
}

func unrasterLine(r *bytes.Reader, across int) (int, []byte, error) {
	twins, err := r.ReadByte()
	var line []byte
	for err == nil && len(line) < across {
		var n, value byte
		if n, err = r.ReadByte(); err != nil {
			break
		}
		if n < 128 {
			value, err = r.ReadByte()
			line = append(line, bytes.Repeat([]byte{value}, int(n)+1)...)
			continue
		}
		literal := make([]byte, 257-int(n))
		_, err = io.ReadFull(r, literal)
		line = append(line, literal...)
	}
	if err == nil && len(line) != across {
		err = errors.New("a line of another length")
	}
	return int(twins) + 1, line, err
}

// FuzzRasterReadsBack: what is written is read back, dot for dot.
func FuzzRasterReadsBack(f *testing.F) {
	f.Add([]byte{1, 1, 1, 2, 3, 3, 4}, byte(7))
	f.Add(bytes.Repeat([]byte{9, 9, 8}, 300), byte(200))
	f.Fuzz(func(t *testing.T, dots []byte, across byte) {
		width := int(across) + 1
		height := len(dots) / width
		if height == 0 || height > 600 {
			return
		}
		picture := &image.Gray{Pix: dots[:width*height], Stride: width,
			Rect: image.Rect(0, 0, width, height)}
		p := page{dpi: 300, width: width, height: height}
		back, err := unraster(raster([]*image.Gray{picture, picture}, p))
		if err != nil || len(back) != 2 {
			t.Fatalf("%d pages, %v", len(back), err)
		}
		for _, page := range back {
			if !bytes.Equal(page.Pix, picture.Pix) {
				t.Fatal("other dots came back")
			}
		}
	})
}
