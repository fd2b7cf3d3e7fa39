package virtual

import (
	"bytes"
	"context"
	"image"
	"net"
	"sync"
)

// Paper is a receipt printer that speaks ESC/POS, with what it printed as pictures. Like a real
// one it answers real-time commands at once, even in the middle of a picture, keeps everything
// else until there is paper, and then prints what it kept.
type Paper struct {
	mu    sync.Mutex
	width int
	// buffer is what was received and not carried out; recent are the last bytes received.
	buffer, recent []byte
	// rows are burned next, sheet is what hangs out of the printer, slips were cut off.
	rows, sheet [][]byte
	slips       []*image.Gray
	out, open   bool
	// left are the rows until the paper ends, where a test wants that in the middle of a slip.
	left int
	// deaf: it neither reads nor answers. strange are bytes that are no command it knows.
	deaf             bool
	strange, printed int
}

// NewPaper returns a printer of so many dots across, with paper.
func NewPaper(width int) *Paper { return &Paper{width: width, left: -1} }

// Serve takes connections, as a printer does at port 9100, until ctx ends.
func (p *Paper) Serve(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		group.Go(func() {
			end := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer end()
			p.speak(conn)
		})
	}
}

func (p *Paper) speak(conn net.Conn) {
	defer conn.Close()
	chunk := make([]byte, 4096)
	for {
		n, err := conn.Read(chunk)
		if answer := p.Receive(chunk[:n]); len(answer) > 0 {
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// SetOut takes the paper away or puts some in. SetOpen opens the cover. SetDeaf turns it off.
func (p *Paper) SetOut(out bool) { p.set(func() { p.out, p.left = out, -1 }) }

// SetOpen opens or closes the cover.
func (p *Paper) SetOpen(open bool) { p.set(func() { p.open = open }) }

// SetDeaf makes it answer nothing, as one that is off.
func (p *Paper) SetDeaf(deaf bool) { p.set(func() { p.deaf = deaf }) }

// EndAfter lets the paper end after so many rows.
func (p *Paper) EndAfter(rows int) { p.set(func() { p.left = rows }) }

// Out says whether the paper is out.
func (p *Paper) Out() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out
}

// Strange counts the bytes that were no command.
func (p *Paper) Strange() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strange
}

// Printed counts the slips cut off.
func (p *Paper) Printed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed
}

// keptSlips are as many as lie about.
const keptSlips = 20

// Slips are the newest slips cut off, black on white.
func (p *Paper) Slips() []*image.Gray {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*image.Gray(nil), p.slips...)
}

// Hanging is how many rows hang out of the printer, not cut off.
func (p *Paper) Hanging() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sheet)
}

func (p *Paper) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.carryOut(nil)
}

// clearBuffer is DLE DC4 with function 8, as Epson's reference gives it, and what answers it.
var (
	clearBuffer = []byte{0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8}
	cleared     = []byte{0x37, 0x25, 0}
)

// Receive takes bytes and returns what it answers.
func (p *Paper) Receive(data []byte) (answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf {
		return nil
	}
	for _, b := range data {
		p.buffer = append(p.buffer, b)
		p.recent = append(p.recent, b)
		if extra := len(p.recent) - len(clearBuffer); extra > 0 {
			p.recent = p.recent[extra:]
		}
		n := len(p.recent)
		switch {
		case bytes.Equal(p.recent, clearBuffer):
			p.buffer, p.rows = nil, nil
			answer = append(answer, cleared...)
		case n >= 3 && p.recent[n-3] == 0x10 && p.recent[n-2] == 0x04:
			answer = append(answer, p.state(b)...)
		}
	}
	return p.carryOut(answer)
}

// state answers DLE EOT n.
func (p *Paper) state(n byte) []byte {
	b := byte(0x12)
	switch {
	case n == 1 && (p.out || p.open):
		b |= 0x08
	case n == 2 && p.open:
		b |= 0x04
	case n == 2 && p.out:
		b |= 0x20
	case n == 4 && p.out:
		b |= 0x60
	case n < 1 || n > 4:
		return nil
	}
	return []byte{b}
}

// carryOut does what can be done of the buffer.
func (p *Paper) carryOut(answer []byte) []byte {
	for {
		p.burn()
		if p.out || p.open || len(p.rows) > 0 {
			return answer
		}
		n, said := p.command(p.buffer)
		if n == 0 {
			return answer
		}
		p.buffer = p.buffer[n:]
		answer = append(answer, said...)
	}
}

// burn prints rows while there is paper.
func (p *Paper) burn() {
	for len(p.rows) > 0 && !p.out && !p.open {
		if p.left == 0 {
			p.out, p.left = true, -1
			return
		}
		p.left = max(p.left-1, -1)
		p.sheet, p.rows = append(p.sheet, p.rows[0]), p.rows[1:]
	}
}

// command carries out the first command of the buffer. It returns its length, 0 while it is not
// complete.
func (p *Paper) command(b []byte) (n int, answer []byte) {
	if len(b) < 3 {
		if len(b) == 2 && b[0] == 0x1b && b[1] == '@' {
			return 2, nil
		}
		return 0, nil
	}
	switch {
	case b[0] == 0x10 && b[1] == 0x04:
		return 3, nil // answered on arrival
	case b[0] == 0x1b && b[1] == '@':
		return 2, nil
	case b[0] == 0x1b && b[1] == 'd':
		for range int(b[2]) * 30 {
			p.rows = append(p.rows, make([]byte, p.width/8))
		}
		return 3, nil
	case b[0] == 0x1d && b[1] == 'a':
		return 3, nil
	case b[0] == 0x1d && b[1] == 'r':
		return 3, []byte{0}
	case b[0] == 0x1d && b[1] == 'V' && b[2] == 66:
		if len(b) < 4 {
			return 0, nil
		}
		p.cut()
		return 4, nil
	case b[0] == 0x1d && b[1] == 'v' && b[2] == '0':
		return p.raster(b), nil
	}
	p.strange++
	return 1, nil
}

// maxRasterRows is what the reference allows for one raster.
const maxRasterRows = 4095

// raster takes the rows of GS v 0 m xL xH yL yH.
func (p *Paper) raster(b []byte) int {
	if len(b) < 8 {
		return 0
	}
	across, height := int(b[4])+int(b[5])<<8, int(b[6])+int(b[7])<<8
	if height == 0 || height > maxRasterRows {
		p.strange++
		return 1
	}
	if len(b) < 8+across*height {
		return 0
	}
	for y := range height {
		p.rows = append(p.rows, bytes.Clone(b[8+y*across:8+(y+1)*across]))
	}
	return 8 + across*height
}

// cut makes a picture of what hangs out.
func (p *Paper) cut() {
	slip := image.NewGray(image.Rect(0, 0, p.width, len(p.sheet)))
	for y, row := range p.sheet {
		for x := range p.width {
			if x/8 >= len(row) || row[x/8]&(0x80>>(x%8)) == 0 {
				slip.Pix[y*slip.Stride+x] = 0xff
			}
		}
	}
	p.slips, p.sheet = append(p.slips, slip), nil
	p.slips = p.slips[max(0, len(p.slips)-keptSlips):]
	p.printed++
}
