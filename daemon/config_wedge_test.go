package daemon

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestWedgeConfig(t *testing.T) {
	for _, tt := range []struct{ kind, text, wrong string }{
		{"wedge", "device = \"05f9:2203\"\nfield = { pattern = \"S([0-9]{8})\" }", ""},
		{"wedge", `device = "/dev/input/by-id/usb-A-event-kbd"
			field = { track = 2, part = 1, lrc = true }
			layout = { y = "z", z = "y" }
			pause = "200ms"`, ""},
		{"wedge-usb", "device = \"05f9:2203\"\nserial = \"S1\"\ninterface = 1\nfield = { track = 1 }", ""},
		{"magstripe", "device = \"0801:0002\"\nfield = { track = 2 }", ""},
		{"magstripe", `device = "0801:0002"
			field = { track = 2 }
			stripe = { size = 16, status = [0,1,2], length = [3,4,5], data = [6,9,12], room = 3 }`, ""},
		{"scanner", "device = \"05f9:2204\"\nfield = { pattern = \"(.+)\" }", ""},

		{"wedge", "device = \"05f9:2203\"", "pattern"},
		{"wedge", "field = { track = 2 }", "USB ids"},
		{"wedge-usb", "device = \"/dev/input/by-id/x\"\nfield = { track = 2 }", "ids"},
		{"magstripe", "device = \"0801:0002\"\nfield = { pattern = \"(.+)\" }", "track"},
		{"magstripe", "device = \"0801:0002\"\nfield = { track = 2 }\nstripe = { size = 16 }", "report"},
		{"wedge", "device = \"05f9:2203\"\nread = \"file\"\nfield = { track = 2 }", "ccid"},
		{"turnstile", "device = \"0801:0002\"\nfield = { track = 2 }", "kind"},
	} {
		r := ReaderConfig{Kind: tt.kind}
		meta, err := toml.Decode(tt.text, &r)
		if err != nil || len(meta.Undecoded()) > 0 {
			t.Errorf("%s\n%v, %v", tt.text, err, meta.Undecoded())
			continue
		}
		_, err = r.source(readerBuses{})
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s\n%s: %v, want %q in it", tt.kind, tt.text, err, tt.wrong)
		}
	}
	if len(wedgeKinds()) != 4 {
		t.Error("a kind is not tested")
	}
}
