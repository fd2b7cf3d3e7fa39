package wedge

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSelector(t *testing.T) {
	for text, want := range map[string]Selector{
		"05f9:2203":                        {Vendor: 0x05f9, Product: 0x2203},
		"05F9:2203:S/N:1":                  {Vendor: 0x05f9, Product: 0x2203, Serial: "S/N:1"},
		"/dev/input/by-id/usb-A-event-kbd": {Path: "/dev/input/by-id/usb-A-event-kbd"},
	} {
		if got, err := ParseSelector(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "05f9", "5f9:2203", "05f9:2203:", "05f9:220g", "/dev/input/event3",
		"/dev/input/by-id/../event3", "/dev/sda", "+5f9:2203"} {
		if got, err := ParseSelector(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

// FuzzParseSelector: the law is that what was read is written so that it is read as the same.
func FuzzParseSelector(f *testing.F) {
	f.Add("05f9:2203:S1")
	f.Add("/dev/input/by-id/x")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		if err != nil {
			return
		}
		if again, err := ParseSelector(s.String()); err != nil || again != s {
			t.Fatalf("%q: %+v, then %+v, %v", text, s, again, err)
		}
	})
}

// TestEventNodes lays out a folder as the kernel does.
func TestEventNodes(t *testing.T) {
	sys := t.TempDir()
	for name, facts := range map[string]map[string]string{
		"event0": {"id/vendor": "05f9\n", "id/product": "2203\n", "uniq": "S1\n"},
		"event1": {"id/vendor": "05f9\n", "id/product": "2203\n", "uniq": "S1\n"},
		"event2": {"id/vendor": "05f9\n", "id/product": "2203\n", "uniq": "\n"},
		"event3": {"id/vendor": "046d\n", "id/product": "2203\n", "uniq": "S1\n"},
		"event4": {},
		"mouse0": {"id/vendor": "05f9\n", "id/product": "2203\n", "uniq": "S1\n"},
	} {
		for fact, value := range facts {
			path := filepath.Join(sys, name, "device", fact)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := filepath.Join(sys, "by-id")
	if err := os.Symlink("event3", link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		selector Selector
		want     []string
	}{
		{Selector{Vendor: 0x05f9, Product: 0x2203}, []string{"/d/event0", "/d/event1", "/d/event2"}},
		{Selector{Vendor: 0x05f9, Product: 0x2203, Serial: "S1"}, []string{"/d/event0", "/d/event1"}},
		{Selector{Vendor: 0x05f9, Product: 0x2204}, nil},
		{Selector{Path: link}, []string{filepath.Join(sys, "event3")}},
		{Selector{Path: filepath.Join(sys, "none")}, nil},
	} {
		if diff := cmp.Diff(tt.want, eventNodes(tt.selector, sys, "/d")); diff != "" {
			t.Errorf("%s:\n%s", tt.selector, diff)
		}
	}
}
