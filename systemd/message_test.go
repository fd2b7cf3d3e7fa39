package systemd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// declared are the ids of message.go, by the name of the constant, with the comment of each.
func declared(t *testing.T) (ids, said map[string]string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "message.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ids, said = map[string]string{}, map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		id, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		ids[spec.Names[0].Name], said[id] = id, spec.Doc.Text()
		return true
	})
	if len(ids) == 0 {
		t.Fatal("message.go declares nothing")
	}
	return ids, said
}

// entries are the texts of the catalogue, by id.
func entries(t *testing.T) map[string]string {
	t.Helper()
	data, err := Files.ReadFile("tokendesk.catalog")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for i, part := range strings.Split(string(data), "\n-- ") {
		id, text, _ := strings.Cut(part, "\n")
		if _, twice := texts[id]; twice {
			t.Errorf("%s stands twice", id)
		}
		if i > 0 {
			texts[id] = text
		}
	}
	return texts
}

var (
	hexID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	named = regexp.MustCompile(`@([A-Z_]+)@`)
)

// TestCatalogue: each class has a text, each text a class, and a field that a text names is one
// that the line has.
func TestCatalogue(t *testing.T) {
	ids, said := declared(t)
	texts := entries(t)
	for name, id := range ids {
		text, known := texts[id]
		if !hexID.MatchString(id) || !known {
			t.Errorf("%s (%s) is not in the catalogue", name, id)
		}
		delete(texts, id)
		_, body, _ := strings.Cut(text, "\n\n")
		if len(strings.Fields(body)) < 25 || !strings.Contains(text, "Subject: ") {
			t.Errorf("%s: the text says too little to act on: %q", name, text)
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(said[id], m[1]) {
				t.Errorf("%s: the text names @%s@, which no comment promises", name, m[1])
			}
		}
	}
	for id := range texts {
		t.Errorf("%s is in the catalogue and nowhere else", id)
	}
}

// TestNoOtherMessages: an id that is written down elsewhere has no text.
func TestNoOtherMessages(t *testing.T) {
	elsewhere := regexp.MustCompile(`MESSAGE_ID|"[0-9a-f]{32}"`)
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			filepath.Base(name) == "message.go" || filepath.Base(name) == "sealed.go" { // ids of keys
			return err
		}
		data, err := os.ReadFile(name)
		if found := elsewhere.Find(data); found != nil {
			t.Errorf("%s has %s: classes of events are declared in message.go", name, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestJournalctlReadsTheCatalogue has the journal's own program compile it and show it.
func TestJournalctlReadsTheCatalogue(t *testing.T) {
	tool, err := exec.LookPath("journalctl")
	if err != nil {
		need(t, "journalctl")
	}
	root := t.TempDir()
	for _, dir := range []string{"usr/lib/systemd/catalog", "var/lib/systemd/catalog"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data, err := Files.ReadFile("tokendesk.catalog")
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(root, "usr/lib/systemd/catalog/tokendesk.catalog")
	if err := os.WriteFile(place, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "--root="+root, "--update-catalog").CombinedOutput(); err != nil ||
		len(out) > 0 {
		t.Fatalf("update the catalogue: %v\n%s", err, out)
	}
	out, err := exec.Command(tool, "--root="+root, "--dump-catalog").CombinedOutput()
	if err != nil {
		t.Fatalf("show the catalogue: %v\n%s", err, out)
	}
	ids, _ := declared(t)
	for name, id := range ids {
		if !strings.Contains(string(out), "-- "+id+"\n") {
			t.Errorf("journalctl does not know %s (%s)", name, id)
		}
	}
}
