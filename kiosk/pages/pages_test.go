package pages

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// render writes one sample with the version of the assets blanked, so that a change of the
// stylesheet changes no golden file.
func render(t *testing.T, s Sample, l Look) string {
	t.Helper()
	var out bytes.Buffer
	if err := s.Render(l).Render(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "?v="+version(), "")
}

func TestGolden(t *testing.T) {
	known := map[string]bool{}
	for _, s := range Gallery() {
		if known[s.Name] {
			t.Errorf("two samples are called %s", s.Name)
		}
		known[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			got := strings.ReplaceAll(render(t, s, Look{Theme: "light"}), "><", ">\n<") + "\n"
			path := filepath.Join("testdata", "golden", s.Name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v (run with -update to write it)", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the page changed (-want +got):\n%s", diff)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".html"); !known[name] {
			t.Errorf("%s belongs to no sample", file)
		}
	}
}

// inline matches what the policy forbids: styles and scripts in the page, and event attributes.
var inline = regexp.MustCompile(`(?i)<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|data:|` +
	`<script(?:\s+type="module")?\s*>|https?://`)

func TestPagesFitThePolicy(t *testing.T) {
	for _, s := range Gallery() {
		page := render(t, s, Look{Theme: "dark", Text: "large"})
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s: %q", s.Name, found)
		}
		if s.Name != "offer" && !strings.Contains(page, `data-theme="dark" data-text="large"`) {
			t.Errorf("%s: theme and text size are not on the page", s.Name)
		}
	}
}

// TestTemplates keeps out of the sources what would become inline at run time.
func TestTemplates(t *testing.T) {
	blocks := regexp.MustCompile(`(?m)^\s*(script|css) \w+\(`)
	for name, src := range sources(t, "*.templ") {
		if found := blocks.FindString(src); found != "" {
			t.Errorf("%s: %q makes an inline block", name, found)
		}
		if found := inline.FindString(src); found != "" {
			t.Errorf("%s: %q", name, found)
		}
	}
}

func sources(t *testing.T, pattern string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	out := map[string]string{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[file] = string(body)
	}
	return out
}

var (
	formTag = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	getForm = regexp.MustCompile(`method="dialog"`)
)

// TestFormsCarryAnOp: every form that changes something is a POST with the op of its rendering, so
// that posting it twice does it once. The display settings change nothing of the desk.
func TestFormsCarryAnOp(t *testing.T) {
	for _, s := range Gallery() {
		for _, form := range formTag.FindAllString(render(t, s, Look{Theme: "light"}), -1) {
			if getForm.MatchString(form) || strings.Contains(form, `action="`+PathDisplay+`"`) {
				continue
			}
			if !strings.Contains(form, `method="post"`) ||
				!strings.Contains(form, `name="op" value="01J9Z3"`) {
				t.Errorf("%s: a form without POST and op:\n%s", s.Name, form)
			}
		}
	}
}

// TestTurnedScreen: the person's view holds nothing an officer could do, nor who the officer is.
func TestTurnedScreen(t *testing.T) {
	for _, s := range Gallery() {
		turned := strings.HasPrefix(s.Name, "agree") || strings.HasPrefix(s.Name, "passcode-reveal") ||
			s.Name == "passcode-bye" || strings.HasPrefix(s.Name, "outward")
		if !turned {
			continue
		}
		page := render(t, s, Look{Theme: "light"})
		for _, secret := range []string{"Sousa", PathLock + `"`, DoEnd + `"`, "do=", DoWrite + `"`} {
			if strings.Contains(page, secret) {
				t.Errorf("%s shows %q", s.Name, secret)
			}
		}
	}
}

// TestRefreshOnlyWhenLive: without scripts a live page asks again by itself, and no other does.
func TestRefreshOnlyWhenLive(t *testing.T) {
	for _, s := range Gallery() {
		page := render(t, s, Look{Theme: "light"})
		live := strings.Contains(page, "data-live=")
		refresh := strings.Contains(page, `<noscript><meta http-equiv="refresh" content="2">`)
		if live != refresh {
			t.Errorf("%s: live is %v, refresh is %v", s.Name, live, refresh)
		}
	}
}

// TestWeight: a page with everything it loads, compressed, leaves room for a 25 KB photo in 60 KB.
func TestWeight(t *testing.T) {
	const limit = 35 << 10
	shared := 0
	for _, name := range []string{"kiosk.css", "kiosk.js", "icon.svg"} {
		body, err := fs.ReadFile(Assets(), name)
		if err != nil {
			t.Fatal(err)
		}
		shared += zipped(body)
	}
	most, heaviest := 0, ""
	for _, s := range Gallery() {
		if n := zipped([]byte(render(t, s, Look{Theme: "light"}))); n > most {
			most, heaviest = n, s.Name
		}
	}
	t.Logf("shared %d bytes, heaviest page %s %d bytes", shared, heaviest, most)
	if shared+most > limit {
		t.Errorf("%s weighs %d bytes with its assets, more than %d", heaviest, shared+most, limit)
	}
}

func zipped(body []byte) int {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Len()
}

// TestVendored pins the accessibility checker that the browser test injects: axe-core 4.14.1.
func TestVendored(t *testing.T) {
	const want = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
	body, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("axe.min.js is %s, want %s", got, want)
	}
}

func TestStylesheetLoadsNothing(t *testing.T) {
	css, err := fs.ReadFile(Assets(), "kiosk.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"http:", "https:", "data:", "@import", "url("} {
		if strings.Contains(string(css), bad) {
			t.Errorf("the stylesheet loads something from elsewhere: %q", bad)
		}
	}
}

var tonedChip = regexp.MustCompile(`<span class="chip (?:ok|warn|bad)[^"]*">\s*(<svg)?`)

// TestColourNeverStandsAlone: a chip whose colour means something has a sign that means it, too.
func TestColourNeverStandsAlone(t *testing.T) {
	seen := 0
	for _, s := range Gallery() {
		for _, m := range tonedChip.FindAllStringSubmatch(render(t, s, Look{Theme: "light"}), -1) {
			if seen++; m[1] == "" {
				t.Errorf("%s: %s has a colour and no sign", s.Name, m[0])
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d chips were found", seen)
	}
}

// TestDigitsInNoLiveRegion: a passcode is announced by nothing that a stream replaces, and stands in
// no title.
func TestDigitsInNoLiveRegion(t *testing.T) {
	seen := 0
	for _, s := range Gallery() {
		page := render(t, s, Look{Theme: "light"})
		if !strings.Contains(page, "data-secret") {
			continue
		}
		seen++
		title, _, _ := strings.Cut(page, "</title>")
		if strings.Contains(page, "data-live") || strings.Contains(title, "418") {
			t.Errorf("%s: the digits are in a live region or in the title", s.Name)
		}
	}
	if seen < 4 {
		t.Errorf("only %d pages show a passcode", seen)
	}
}
