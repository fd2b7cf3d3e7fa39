package usb

import (
	"fmt"
	"testing"
)

// FuzzName: what is taken for the name of an interface is that name written again.
func FuzzName(f *testing.F) {
	for _, name := range []string{"1-1:1.0", "12-1.4.2:2.255", "usb1", "1-0:1.0", "1-1:1.256",
		"1-1:01.0", "../1-1:1.0", "1-1"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		n, ok := parseName(name)
		if again := fmt.Sprintf("%s:%d.%d", n.device, n.configuration, n.number); ok && again != name {
			t.Errorf("%q, then %q", name, again)
		}
	})
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]interfaceName{
		"1-1:1.0":        {"1-1", 1, 0},
		"12-1.4.2:2.255": {"12-1.4.2", 2, 255},
	} {
		if got, ok := parseName(name); !ok || got != want {
			t.Errorf("%s is %+v, %t", name, got, ok)
		}
	}
	for _, name := range []string{"", "usb1", "1-1", "1-1:1", "1-1:1.", "1-1:1.256", "1-1:01.0",
		"1-1:-1.0", "../1-1:1.0", "1-1:1.0:1.0"} {
		if got, ok := parseName(name); ok {
			t.Errorf("%q is %+v", name, got)
		}
	}
}
