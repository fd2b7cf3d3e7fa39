package daemon

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
)

func TestPrinterOfAConfiguration(t *testing.T) {
	font := t.TempDir() + "/font.ttf"
	if err := os.WriteFile(font, goregular.TTF, 0o600); err != nil {
		t.Fatal(err)
	}
	const desk = "desk = \"icto-1\"\nsite = \"um\"\n"
	for text, want := range map[string]string{
		"": "",
		"[printer]\nkind = \"escpos\"\ndevice = \"/dev/usb/lp0\"\nwidth = 58\nfont = \"FONT\"\n": "",
		"[printer]\nkind = \"escpos\"\naddress = \"printer:9100\"\nfont = \"FONT\"\n":            "",
		"[printer]\nkind = \"escpos\"\naddress = \"printer:9100\"\nfont = \"built-in\"\n":        "",
		"[printer]\nkind = \"ipp\"\nuri = \"ipps://printer/ipp/print\"\nfont = \"FONT\"\n":       "",
		"[printer]\nfont = \"FONT\"\n":                                        "no kind of printer",
		"[printer]\nkind = \"escpos\"\nfont = \"FONT\"\n":                     "a device or an address",
		"[printer]\nkind = \"escpos\"\naddress = \"p:1\"\nfont = \"/none\"\n": "open a font",
		"[printer]\nkind = \"escpos\"\npaper = 80\n":                          "unknown keys",
	} {
		c, err := ParseConfig(desk + strings.ReplaceAll(text, "FONT", font))
		if err == nil {
			opened, wrong := c.Printer.open()
			if err = wrong; err == nil && (opened == nil) != (text == "") {
				t.Errorf("%q: printer %v", text, opened)
			}
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
