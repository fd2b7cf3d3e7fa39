package printer

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// fonts are the two weights of a slip. Each is a chain: a character is drawn in the first font that
// has it. The last of each chain is compiled in and has the Latin scripts.
type fonts struct{ regular, bold []*sfnt.Font }

// readFonts opens the site's fonts. An empty regular leaves those compiled in; an empty bold writes
// everything in one weight.
func readFonts(regular, bold string) (fonts, error) {
	f, err := latin()
	if err != nil || regular == "" {
		return f, err
	}
	if bold == "" {
		bold = regular
	}
	for _, weight := range []struct {
		path  string
		chain *[]*sfnt.Font
	}{{regular, &f.regular}, {bold, &f.bold}} {
		first, err := readFont(weight.path)
		if err != nil {
			return fonts{}, err
		}
		*weight.chain = append([]*sfnt.Font{first}, *weight.chain...)
	}
	return f, nil
}

func latin() (f fonts, err error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return f, fmt.Errorf("read the font compiled in: %w", err)
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return f, fmt.Errorf("read the font compiled in: %w", err)
	}
	return fonts{regular: []*sfnt.Font{regular}, bold: []*sfnt.Font{bold}}, nil
}

// variants are the shapes of Han characters this desk writes, as names in a collection end in them.
var variants = []string{" TC", " HK"}

// readFont opens a font, or of a collection the one for Traditional Chinese. The file stays open:
// a font of all Han characters has 20 MB, of which a slip needs a few glyphs.
func readFont(path string) (*sfnt.Font, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open a font: %w", err)
	}
	all, err := opentype.ParseCollectionReaderAt(file)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read the font %s: %w", path, err)
	}
	for i := range all.NumFonts() {
		one, err := all.Font(i)
		if err != nil {
			continue
		}
		name, _ := one.Name(nil, sfnt.NameIDFamily)
		for _, variant := range variants {
			if strings.HasSuffix(name, variant) {
				return one, nil
			}
		}
	}
	return all.Font(0)
}

// pen writes in one weight and size. It is for one goroutine.
type pen struct {
	chain  []*sfnt.Font
	faces  []font.Face
	buffer sfnt.Buffer
	// ascent and height are those of the first font of the chain, in dots.
	ascent, height int
}

func newPen(chain []*sfnt.Font, size float64) (*pen, error) {
	p := &pen{chain: chain}
	for _, one := range chain {
		face, err := opentype.NewFace(one, &opentype.FaceOptions{Size: size, DPI: 72})
		if err != nil {
			return nil, fmt.Errorf("use a font: %w", err)
		}
		p.faces = append(p.faces, face)
	}
	// What a font says of its height allows for signs no slip has; lines would stand too far apart.
	p.ascent, p.height = int(size*0.95), int(size*1.32)
	return p, nil
}

// face finds who has a character.
func (p *pen) face(r rune) (font.Face, error) {
	for i, one := range p.chain {
		if index, err := one.GlyphIndex(&p.buffer, r); err == nil && index != 0 {
			return p.faces[i], nil
		}
	}
	return nil, fmt.Errorf("%U: %w", r, ErrGlyph)
}
