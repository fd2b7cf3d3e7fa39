package printer

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

var update = flag.Bool("update", false, "write the golden files anew")

// onPaper is a receipt printer at a port of this machine, and the driver of it.
func onPaper(t *testing.T, o Options) (*virtual.Paper, Printer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dots := wideDots
	if o.Width == narrowM {
		dots = narrowDots
	}
	paper := virtual.NewPaper(dots)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- paper.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	o.Kind, o.Address = "escpos", l.Addr().String()
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return paper, p
}

// stream is what is sent for a slip, in the font that is compiled in.
func stream(t *testing.T, s Slip) []byte {
	t.Helper()
	f, err := readFonts("", "")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := f.paint(s, wideDots, wideScale)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(bytes.Clone(begin), bytes.Join(bands(picture), nil)...), end...)
}

// TestESCPOSGolden: the bytes of a slip are those that were looked at; beside each file is its
// picture.
func TestESCPOSGolden(t *testing.T) {
	for _, name := range []string{"en", "pt", "loan"} {
		got := stream(t, samples()[name])
		file := filepath.Join("testdata", name+".escpos")
		if *update {
			save(t, file, got)
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes than %s has; look at the pictures, then run with -update", name, file)
		}
		paper := virtual.NewPaper(wideDots)
		paper.Receive(got)
		if len(paper.Slips()) != 1 || paper.Strange() != 0 {
			t.Errorf("%s: %d slips, %d bytes are no command", name, len(paper.Slips()), paper.Strange())
		}
	}
}

func save(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	paper := virtual.NewPaper(wideDots)
	paper.Receive(data)
	var out bytes.Buffer
	if err := png.Encode(&out, paper.Slips()[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".png", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSlipComesOutAsDrawn: what the printer burned is what was drawn, dot for dot but for those
// moved out of the way of real-time commands, in every language and on both papers.
func TestSlipComesOutAsDrawn(t *testing.T) {
	noto := Options{Font: notoRegular, Bold: notoBold}
	for _, c := range []struct {
		font  Options
		width int
		names []string
	}{
		{Options{}, 80, []string{"en"}}, {Options{}, 58, []string{"five"}}, {noto, 58, []string{"zh-Hant"}},
		{noto, 80, []string{"en", "zh-Hant", "pt", "ms", "loan"}},
	} {
		if c.font.Width = c.width; c.font.Font != "" && !hasNoto(t) {
			continue
		}
		for _, name := range c.names {
			asDrawn(t, name, c.font, samples()[name])
		}
	}
}

func hasNoto(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat(notoBold)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("fonts-noto-cjk is missing")
	}
	return err == nil
}

func asDrawn(t *testing.T, name string, o Options, s Slip) {
	t.Helper()
	paper, p := onPaper(t, o)
	if err := p.Print(t.Context(), s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r := p.(*receipt)
	want, err := r.fonts.paint(s, r.width, r.scale)
	if err != nil {
		t.Fatal(err)
	}
	slips := paper.Slips()
	if len(slips) != 1 || paper.Strange() != 0 {
		t.Fatalf("%s: %d slips, %d strange bytes", name, len(slips), paper.Strange())
	}
	got, moved := slips[0], 0
	for i, v := range want.Pix {
		if (v < dark) != (got.Pix[i] == 0) {
			moved++
		}
	}
	if moved > 20 {
		t.Errorf("%s on %d mm: %d dots differ", name, o.Width, moved)
	}
	for _, edge := range []image.Rectangle{{Max: image.Pt(r.width, 2)},
		{image.Pt(0, got.Rect.Max.Y-60), got.Rect.Max}} {
		if !inked(got.SubImage(edge).(*image.Gray)).Empty() {
			t.Errorf("%s: ink at the edge %v: it would be cut off", name, edge)
		}
	}
}

// TestCodeIsLegible reads the large digits off the paper by comparing each with all ten.
func TestCodeIsLegible(t *testing.T) {
	for name, o := range map[string]Options{"en": {}, "five": {Width: 58},
		"pt": {Width: 58, Font: notoRegular, Bold: notoBold},
		"ms": {Width: 80, Font: notoRegular, Bold: notoBold}} {
		if o.Font != "" && !hasNoto(t) {
			continue
		}
		s := samples()[name]
		for i, code := range s.Codes {
			want := string(code.Expose())
			if got := readCode(t, o, s, i); got != want {
				t.Errorf("%s, code %d on %d mm: reads %s", name, i, o.Width, got)
			}
		}
	}
}

// readCode prints a slip and recognises one of its codes on the paper.
func readCode(t *testing.T, o Options, s Slip, which int) string {
	t.Helper()
	paper, p := onPaper(t, o)
	if err := p.Print(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	at := &sheet{fonts: p.(*receipt).fonts, width: p.(*receipt).width,
		scale: float64(p.(*receipt).scale) / fullWidth}
	at.head(s)
	at.rule()
	y := 0
	for _, part := range at.parts {
		y += part.height
	}
	size := float64(sizeCode)
	if len(s.Codes) > 1 {
		size = sizeCodes
	}
	pen, height := at.codePen(9, size)
	if limit := 50; pen.height < limit {
		t.Errorf("digits %d dots high, less than %d", pen.height, limit)
	}
	return recognise(paper.Slips()[0], pen, y+which*height)
}

// recognise finds, for each place of nine digits, the digit whose dots are nearest.
func recognise(paper *image.Gray, p *pen, y int) string {
	read := ""
	x := (paper.Rect.Dx() - codeWidth(p, 9)) / 2
	for i := range 9 {
		best, at := 1<<30, 0
		for digit := range 10 {
			if d := distance(paper, p, x, y, rune('0'+digit)); d < best {
				best, at = d, digit
			}
		}
		read += string(rune('0' + at))
		x += digitWidth(p)
		if i%groupOf == groupOf-1 {
			x += digitWidth(p) / 2
		}
	}
	return read
}

func distance(paper *image.Gray, p *pen, x, y int, digit rune) (sum int) {
	one := image.NewGray(image.Rect(0, 0, digitWidth(p), p.height))
	for i := range one.Pix {
		one.Pix[i] = 0xff
	}
	p.write(one, 0, 0, []rune{digit})
	for row := range one.Rect.Dy() {
		for column := range one.Rect.Dx() {
			burned := paper.GrayAt(x+column, y+row).Y == 0
			if burned != (one.Pix[row*one.Stride+column] < dark) {
				sum++
			}
		}
	}
	return sum
}

// TestFontLacksACharacter: a slip is printed in full or not at all.
func TestFontLacksACharacter(t *testing.T) {
	paper, p := onPaper(t, Options{})
	err := p.Print(t.Context(), samples()["zh-Hant"])
	fault := new(Fault)
	if !errors.Is(err, ErrGlyph) || !errors.As(err, &fault) || fault.Out != OutNothing {
		t.Errorf("%v", err)
	}
	if paper.Hanging() != 0 {
		t.Error("something came out")
	}
}

// TestPaperFaults: what stands in the way is named, with what is on paper, and nothing comes out
// later.
func TestPaperFaults(t *testing.T) {
	slip := samples()["en"]
	for name, c := range map[string]struct {
		fault, mend func(*virtual.Paper)
		want        error
		out         Out
	}{
		"no paper": {func(p *virtual.Paper) { p.SetOut(true) },
			func(p *virtual.Paper) { p.SetOut(false) },
			ErrNoPaper, OutNothing},
		"cover open": {func(p *virtual.Paper) { p.SetOpen(true) },
			func(p *virtual.Paper) { p.SetOpen(false) }, ErrCover, OutNothing},
		"paper ends in the code": {func(p *virtual.Paper) { p.EndAfter(330) },
			func(p *virtual.Paper) { p.SetOut(false) }, ErrNoPaper, OutPart},
		"paper ends in the last lines": {func(p *virtual.Paper) { p.EndAfter(810) },
			func(p *virtual.Paper) { p.SetOut(false) }, ErrNoPaper, OutPart},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			paper, p := onPaper(t, Options{})
			c.fault(paper)
			err := p.Print(t.Context(), slip)
			fault := new(Fault)
			if !errors.Is(err, c.want) || !errors.As(err, &fault) || fault.Out != c.out {
				t.Errorf("%v", err)
			}
			hung := paper.Hanging()
			c.mend(paper)
			if paper.Hanging() != hung || len(paper.Slips()) != 0 {
				t.Errorf("after mending it printed %d rows and %d slips", paper.Hanging()-hung,
					len(paper.Slips()))
			}
			if err := p.Print(t.Context(), slip); err != nil || len(paper.Slips()) != 1 {
				t.Errorf("mended: %v, %d slips", err, len(paper.Slips()))
			}
		})
	}
}

func TestPrinterIsOff(t *testing.T) {
	paper, p := onPaper(t, Options{})
	paper.SetDeaf(true)
	if err := p.Print(t.Context(), samples()["en"]); !errors.Is(err, ErrOffline) ||
		errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("a printer that says nothing: %v", err)
	}
	for _, o := range []Options{{Kind: "escpos", Address: "127.0.0.1:1"},
		{Kind: "escpos", Device: filepath.Join(t.TempDir(), "lp0")},
		{Kind: "ipp", URI: "ipp://127.0.0.1:1/"}} {
		p, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		fault := new(Fault)
		err = p.Print(t.Context(), samples()["en"])
		if !errors.Is(err, ErrOffline) || !errors.As(err, &fault) || fault.Out != OutNothing {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestGivenUp: whoever stops waiting is not kept, and the printer forgets.
func TestGivenUp(t *testing.T) {
	paper, p := onPaper(t, Options{})
	paper.SetDeaf(true)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := p.Print(ctx, samples()["en"]); err == nil {
		t.Error("printed")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {Kind: "fax"}, {Kind: "escpos"},
		{Kind: "escpos", Device: "/dev/usb/lp0", Address: "printer:9100"},
		{Kind: "escpos", Address: "printer:9100", Width: 70}, {Kind: "ipp"}, {Kind: "ipp", URI: "slips"},
		{Kind: "ipp", URI: "ipp://me:secret@printer/"}, {Kind: "ipp", URI: "ftp://printer/"},
		{Kind: "escpos", Address: "printer:9100", Font: "/nowhere.ttc"}} {
		if _, err := Open(o); err == nil {
			t.Errorf("%+v: opened", o)
		}
	}
}

// TestStatusBytes: of all answers a printer can give, one that says there is no paper, that the
// cover is open or that it is off line is never taken for ready, and no byte answers two kinds of
// question.
func TestStatusBytes(t *testing.T) {
	bad := map[byte]byte{1: 0x08, 2: 0x64, 4: 0x60}
	for _, question := range questions {
		for n := range 256 {
			s := Status{Paper: true, Cover: true, Ready: true}
			s.add(question, byte(n))
			if want := byte(n)&bad[question] == 0; (s.Err() == nil) != want {
				t.Errorf("%#x to question %d: %v", n, question, s.Err())
			}
			if answered(byte(n)) && done(byte(n)) {
				t.Errorf("%#x answers two questions", n)
			}
		}
	}
}

// FuzzDefuse: no picture holds a real-time command, and no dot goes missing.
func FuzzDefuse(f *testing.F) {
	f.Add([]byte{dle, eot, 1, dle, dc4, 8, dle, enq, 2, dle, dle, eot})
	f.Fuzz(func(t *testing.T, dots []byte) {
		safe := bytes.Clone(dots)
		defuse(safe)
		for i, b := range safe {
			if b&dots[i] != dots[i] {
				t.Error("a dot went missing")
			}
			if i > 0 && safe[i-1] == dle && (b == eot || b == enq || b == dc4) {
				t.Error("a real-time command is left")
			}
		}
	})
}
