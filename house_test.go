// Package tokendesk_test keeps the house in order: which package may import which, that each says
// what it is for, that generated files are fresh, and that no page carries inline script or style.
package tokendesk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tokendesk/tokendesk/"

// floors says on which floor each package stands, lowest first. An arrow points down: a package
// imports lower floors only, never its own.
var floors = map[string]int{
	"provisioning/secret": 0, "provisioning/phc": 0, "devices": 0, "devices/usbip": 0, "kiosk/pages": 0, "systemd": 0,
	"daemon/boltfile":   0,
	"daemon/porter":     0,
	"daemon/operator":   0,
	"devices/wedge":     1,
	"devices/printer":   1,
	"provisioning/feed": 1, "provisioning/oath": 1, "devices/usb": 1, "devices/virtual": 1,
	"devices/ccid":       1,
	"daemon/backup":      2,
	"provisioning":       2,
	"provisioning/visit": 3, "provisioning/remote": 3, "provisioning/officer": 3, "provisioning/directory": 3,
	"provisioning/verifier": 3, "daemon/store": 3, "daemon/publish": 3, "kiosk": 3,
	"devices/yubikey": 3, "cmd/demo/workbench": 3,
	"provisioning/notice": 3, "provisioning/mailbox": 3,
	"provisioning/erasure": 3, "provisioning/audit": 3,
	"daemon":         4,
	"cmd/tokendeskd": 5, "cmd/tokendesk": 5, "cmd/demo": 5, "cmd/verifierd": 5, "cmd/virtualusb": 5,
}

// closed says what a package must not reach, directly or not, and why.
var closed = []struct{ from, to, why string }{
	{"provisioning", "net/http", "the rules do no I/O"},
	{"provisioning", "os", "the rules do no I/O; profiles are embedded"},
	{"provisioning/feed", "net/http", "the contract is not bound to a transport"},
	{"provisioning/secret", "os", "a secret goes nowhere by itself"},
	{"devices/virtual", module + "devices/yubikey", "the twin is written from the protocol, not from the driver"},
	{"devices/printer", "log/slog", "a slip may carry a code: no logger"},
	{"devices/printer", module + "devices/virtual", "the virtual printer is written from the protocol"},
	{"devices/virtual", module + "devices/printer", "the virtual printer is written from the protocol"},
	{"devices/yubikey", "log/slog", "drivers have no logger: a payload could reach it"},
	{"devices/yubikey", module + "devices/usb", "drivers see the wire interface only, and build without cgo"},
	{"devices/virtual", module + "devices/wedge", "the twin is written from the protocol, not from the driver"},
	{"devices/wedge", "log/slog", "what a card says is in no log"},
	{"devices/wedge", module + "devices/usb", "readers see the wire interface only, and build without cgo"},
	{"devices/virtual", module + "devices/ccid", "the twin is written from the protocol, not from the driver"},
	{"devices/ccid", "log/slog", "drivers have no logger: a number could reach it"},
	{"devices/ccid", module + "devices/usb", "drivers see the wire interface only, and build without cgo"},
	{"devices/usbip", module + "devices", "USB/IP carries any device and knows none"},
	{"kiosk", module + "daemon/store", "the kiosk reaches state through the interfaces it declares"},
	{"kiosk", module + "provisioning/visit", "the kiosk reaches visits through the interfaces it declares"},
	{"kiosk/pages", module + "provisioning", "pages take view models and hold no decisions"},
	{"provisioning/verifier", module + "daemon/store", "the verifier is another machine"},
	{"cmd/verifierd", module + "daemon/store", "the verifier is another machine"},
	{"provisioning/notice", "os", "configuration and credentials come from the daemon"},
	{"provisioning/mailbox", "os", "configuration and credentials come from the daemon"},
}

// only says which packages alone may import something directly, and why.
var only = []struct {
	what, why string
	who       []string
}{
	{"github.com/karalabe/hid", "cgo and its traps stay in one place", []string{"devices/usb"}},
	{"github.com/google/gousb", "cgo and its traps stay in one place", []string{"devices/usb"}},
	{"github.com/pquerna/otp/hotp", "secrets become strings in it; one place", []string{"provisioning/oath"}},
	{"github.com/hashicorp/go-memdb", "rows are found through a Snapshot", []string{"daemon/store"}},
	{"go.etcd.io/bbolt", "every value is sealed; one file format", []string{"daemon/boltfile"}},
	{"github.com/a-h/templ", "pages are templates, nothing else is",
		[]string{"kiosk/pages", "kiosk", "cmd/demo/workbench"}},
	{"github.com/coreos/go-systemd/v22/daemon", "one thin wrapper", []string{"systemd"}},
	{"github.com/coreos/go-systemd/v22/activation", "one thin wrapper", []string{"systemd"}},
	{"github.com/OpenPrinting/goipp", "one way to paper", []string{"devices/printer"}},
	{"golang.org/x/image/font/opentype", "one way to draw a slip", []string{"devices/printer"}},
	{"crypto/hpke", "one sealing format", []string{"provisioning/feed"}},
	{"golang.org/x/crypto/argon2", "one way to hash a PIN or a password, and one for a passcode",
		[]string{"provisioning/phc", "provisioning/verifier"}},
	{"github.com/go-ldap/ldap/v3", "what is asked for is escaped and compared in one place",
		[]string{"provisioning/directory"}},
	{"github.com/prometheus/client_golang/prometheus", "figures are read where the operator asks",
		[]string{"daemon", "provisioning/verifier"}},
	{"github.com/wneessen/go-mail", "one place sends mail", []string{"provisioning/notice"}},
	{"github.com/emersion/go-imap", "one place reads mail", []string{"provisioning/mailbox"}},
	{"github.com/emersion/go-imap/client", "one place reads mail", []string{"provisioning/mailbox"}},
}

type pkg struct {
	ImportPath, Dir string
	Name            string
	GoFiles         []string
	TestGoFiles     []string
	XTestGoFiles    []string
	Imports         []string
	Deps            []string
}

// list asks the go command for every package, built without cgo so that it answers everywhere.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,TestGoFiles,XTestGoFiles,Imports,Deps", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// isTest reports a package that only tests may import.
func isTest(short string) bool { return strings.HasSuffix(path.Base(short), "test") }

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t) {
		short := strings.TrimPrefix(p.ImportPath, module)
		if len(p.GoFiles) == 0 || isTest(short) {
			continue
		}
		floor, known := floors[short]
		if !known {
			t.Errorf("%s stands on no floor: give it one in the table, with its reason in the design", short)
			continue
		}
		for _, imported := range p.Imports {
			inner, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if isTest(inner) {
				t.Errorf("%s imports %s: packages named ...test are for tests", short, inner)
			} else if floors[inner] >= floor {
				t.Errorf("%s (floor %d) imports %s (floor %d): an arrow points down", short, floor,
					inner, floors[inner])
			}
		}
	}
}

func TestClosedDoors(t *testing.T) {
	for _, p := range list(t) {
		short := strings.TrimPrefix(p.ImportPath, module)
		for _, rule := range closed {
			// A standard package is always reached through others; there the direct import counts.
			reach := p.Imports
			if strings.HasPrefix(rule.to, module) {
				reach = p.Deps
			}
			if rule.from == short && slices.Contains(reach, rule.to) {
				t.Errorf("%s reaches %s: %s", short, rule.to, rule.why)
			}
		}
		for _, rule := range only {
			if slices.Contains(p.Imports, rule.what) && !slices.Contains(rule.who, short) &&
				!isTest(short) {
				t.Errorf("%s imports %s, only %v may: %s", short, rule.what, rule.who, rule.why)
			}
		}
	}
}

func TestMandatedPackagesAreUsed(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			used[strings.Trim(spec.Path.Value, `"`)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"github.com/google/gousb", "github.com/karalabe/hid",
		"github.com/pquerna/otp/hotp", "github.com/coreos/go-systemd/v22/daemon",
		"github.com/hashicorp/go-memdb", "github.com/a-h/templ"} {
		if !used[want] {
			t.Errorf("nothing imports %s", want)
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	for _, p := range list(t) {
		files := slices.Concat(p.GoFiles, p.XTestGoFiles)
		if len(p.GoFiles) == 0 && len(p.XTestGoFiles) == 0 {
			continue
		}
		said := ""
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil,
				parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			said += f.Doc.Text()
		}
		if len(new(doc.Package).Synopsis(said)) < 20 {
			t.Errorf("%s does not say what it is for", p.ImportPath)
		}
	}
}

// inline finds what the Content-Security-Policy would block, or what templ turns into it.
var inline = regexp.MustCompile(`(?i)<style|<script(\s[^>]*)?>[^<]|\son[a-z]+\s*=|\sstyle\s*=|` +
	`^\s*(css|script)\s+\w+\(|javascript:`)

func TestTemplatesCarryNothingInline(t *testing.T) {
	walkTempl(t, func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			if found := inline.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", name, i+1, found)
			}
		}
	})
}

func walkTempl(t *testing.T, visit func(name, text string)) {
	t.Helper()
	found := false
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".templ") {
			return err
		}
		found = true
		data, err := os.ReadFile(name)
		visit(name, string(data))
		return err
	})
	if err != nil || !found {
		t.Fatalf("templates: found %v, %v", found, err)
	}
}

// TestGeneratedFilesAreFresh runs the pinned generator on a copy and compares.
func TestGeneratedFilesAreFresh(t *testing.T) {
	dir := t.TempDir()
	walkTempl(t, func(name, text string) {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	cmd := exec.Command("go", "tool", "-modfile=tools/go.mod", "templ", "generate", "-path", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("templ generate: %v\n%s", err, out)
	}
	walkTempl(t, func(name, _ string) {
		name = strings.TrimSuffix(name, ".templ") + "_templ.go"
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			return
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator makes (%v): run make generate", name, err)
		}
	})
}

// TestOneVersionOfTempl compares the generator's module with the runtime's: a skew breaks builds.
func TestOneVersionOfTempl(t *testing.T) {
	version := regexp.MustCompile(`github\.com/a-h/templ (v[0-9.]+)`)
	var found []string
	for _, name := range []string{"go.mod", "tools/go.mod"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		match := version.FindSubmatch(data)
		if match == nil {
			t.Fatalf("%s does not name templ", name)
		}
		found = append(found, string(match[1]))
	}
	if found[0] != found[1] {
		t.Errorf("templ is %s in go.mod and %s in tools/go.mod", found[0], found[1])
	}
}

// TestThreatsNameTestsThatExist: what the threat model says is shown is shown.
func TestThreatsNameTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("docs/threats.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		data, err := os.ReadFile(name)
		for _, found := range declared.FindAllSubmatch(data, -1) {
			tests[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1)
	for _, name := range named {
		if !tests[string(name[1])] {
			t.Errorf("the threat model names %s, and there is no such test", name[1])
		}
	}
	if len(named) < 40 {
		t.Errorf("the threat model names %d tests: did its form change?", len(named))
	}
}
