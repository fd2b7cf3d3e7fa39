package daemon

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
)

// readers parses a configuration with these lines.
func readers(t *testing.T, lines string) (Config, error) {
	t.Helper()
	return ParseConfig("desk = \"icto-1\"\nsite = \"um\"\n" + lines)
}

// TestReadersRead: what the configuration says is where the number is looked for, and the form it
// is brought into.
func TestReadersRead(t *testing.T) {
	card := &virtual.SmartCard{UID: []byte{0x04, 0xA1, 0xB2, 0xC3},
		Files: []*virtual.CardFile{{AID: []byte{0xF0, 1, 2, 3, 4}, ID: 0x4F00,
			Files: []*virtual.CardFile{{ID: 0x5031, Content: []byte("..UM04127781")}}}}}
	for name, tt := range map[string]struct{ lines, want string }{
		"uid": {"[[reader]]\nkind = \"ccid\"\n", "04A1B2C3"},
		"uid in another form": {"[[reader]]\nkind = \"ccid\"\ndevice = \"04e6:5790\"\nmodel = \"CARD\"\n" +
			"[reader.number]\nreverse = true\nbase = \"decimal\"\ndigits = 12\n", "003283263748"},
		"file": {"[[reader]]\nkind = \"ccid\"\nread = \"file\"\naid = \"F001020304\"\nfiles = [\"5031\"]\n" +
			"offset = 2\nlength = 10\ntext = true\n[reader.number]\nprefix = \"UM\"\n", "04127781"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := readers(t, tt.lines)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				reader := virtual.NewCardReader(virtual.CardReaderOptions{})
				set, err := openReaders(Parts{Config: c, ReaderBus: virtual.NewCardReaders(reader)})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- set.Run(ctx) }()
				reader.Put(card)
				select {
				case tap := <-set.Taps():
					if tap != (devices.Tap{Reader: "ccid-1", Number: tt.want}) {
						t.Errorf("%+v, want %s", tap, tt.want)
					}
				case <-time.After(10 * time.Second):
					t.Errorf("no tap; down: %v", set.Down())
				}
				cancel()
				<-done
			})
		})
	}
}

func TestReadersRefused(t *testing.T) {
	for name, tt := range map[string]struct{ lines, want string }{
		"no kind":             {"", "no kind"},
		"a device by name":    {"kind = \"ccid\"\ndevice = \"acr122u\"\n", "072f:2200"},
		"a part of a uid":     {"kind = \"ccid\"\nlength = 8\n", `read = "file"`},
		"something else":      {"kind = \"ccid\"\nread = \"face\"\n", "uid or file"},
		"a file nowhere":      {"kind = \"ccid\"\nread = \"file\"\nlength = 8\n", "aid, files or both"},
		"no length":           {"kind = \"ccid\"\nread = \"file\"\nfiles = [\"5031\"]\n", "length"},
		"a file by name":      {"kind = \"ccid\"\nread = \"file\"\nfiles = [\"EF.ID\"]\n", "hexadecimal"},
		"an unknown key":      {"kind = \"ccid\"\nhold = true\n", "unknown keys"},
		"an unknown checksum": {"kind = \"ccid\"\n[reader.number]\nchecksum = \"crc\"\n", "crc"},
		"two of one name": {"kind = \"ccid\"\nname = \"a\"\n[[reader]]\nkind = \"ccid\"\nname = \"a\"\n",
			"two of this name"},
	} {
		if _, err := readers(t, "[[reader]]\n"+tt.lines); err == nil ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, tt.want)
		}
	}
}
