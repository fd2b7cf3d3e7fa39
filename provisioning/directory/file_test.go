package directory_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/directory/directorytest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// shelf is a directory in files.
type shelf struct {
	*directory.File
	config directory.FileConfig
}

func newShelf(t *testing.T, people []directory.Record) shelf {
	t.Helper()
	dir := t.TempDir()
	c := directory.FileConfig{Path: filepath.Join(dir, "people.csv"), Portraits: dir,
		Roster: filepath.Join(dir, "officers.csv"), Strip: []string{directorytest.Suffix},
		Now: directorytest.Now}
	var text bytes.Buffer
	if err := directory.Write(&text, people); err != nil {
		t.Fatal(err)
	}
	put(t, c.Path, text.String())
	return shelf{directory.NewFile(c), c}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	var records []directory.Record
	people := directorytest.Sample()
	for _, p := range people {
		r := p.Record
		if p.Photo != nil {
			r.Portrait = string(r.ID) + ".jpg"
		}
		if p.Password != "" {
			r.PasswordHash = directory.HashPassword(secret.NewPassword(p.Password))
		}
		records = append(records, r)
	}
	s := newShelf(t, records)
	for _, p := range people {
		if p.Photo != nil {
			put(t, filepath.Join(s.config.Portraits, string(p.ID)+".jpg"), string(p.Photo))
		}
	}
	put(t, s.config.Roster, "id,name,person,supervisor\nmsousa,SOUSA Maria,E1004402,no\n"+
		"ki-wong,WONG Ka I,E1004519,yes\n")
	directorytest.Suite(t, s)
}

func TestFileChangesAreSeenAndDamageIsDown(t *testing.T) {
	s := newShelf(t, []directory.Record{directorytest.Sample()[0].Record})
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	records := []directory.Record{directorytest.Sample()[0].Record, directorytest.Sample()[1].Record}
	if err := directory.Write(&text, records); err != nil {
		t.Fatal(err)
	}
	put(t, s.config.Path, text.String())
	if p, err := s.Find(t.Context(), "E1004402"); err != nil || p.Account != "msousa" {
		t.Errorf("after a change: %v, %v", p.Account, err)
	}
	put(t, s.config.Path, "nonsense")
	down := provisioning.Refuse(directory.CodeDown)
	if _, err := s.Find(t.Context(), "E1004402"); !errors.Is(err, down) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, ok, err := s.Matches(t.Context(), provisioning.Claim{}); ok || !errors.Is(err, down) {
		t.Errorf("a claim to a damaged file: %v, %v", ok, err)
	}
	if s.Up(t.Context()) {
		t.Error("a damaged file counts as up")
	}
}

func TestFileWithoutPasswordsSaysSo(t *testing.T) {
	s := newShelf(t, []directory.Record{directorytest.Sample()[0].Record})
	_, err := s.Authenticate(t.Context(), "dc126543", secret.NewPassword("x"))
	if !errors.Is(err, provisioning.Refuse(directory.CodeNoPasswords)) {
		t.Errorf("got %v", err)
	}
}

func TestPortraitStaysInItsFolder(t *testing.T) {
	s := newShelf(t, nil)
	put(t, filepath.Join(s.config.Portraits, "chan.svg"), "<svg/>")
	if data, media, err := s.Portrait(t.Context(), "chan.svg"); err != nil ||
		media != "image/svg+xml" || len(data) == 0 {
		t.Errorf("portrait: %s, %v", media, err)
	}
	for _, name := range []string{"people.csv", "../chan.svg", "none.svg", ""} {
		if _, _, err := s.Portrait(t.Context(), name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestARosterIsTakenWholeOrNotAtAll(t *testing.T) {
	s := newShelf(t, nil)
	for name, text := range map[string]string{
		"no file":         "",
		"nobody":          "id,name,person,supervisor\n",
		"another header":  "id,name,person\na,A,1\n",
		"a short line":    "id,name,person,supervisor\na,A,1,no\nb\n",
		"twice":           "id,name,person,supervisor\na,A,1,no\nA,A,1,yes\n",
		"no name":         "id,name,person,supervisor\na,,1,no\n",
		"a strange word":  "id,name,person,supervisor\na,A,1,perhaps\n",
		"a bare quote":    "id,name,person,supervisor\na,\"A,1,no\n",
		"a control in it": "id,name,person,supervisor\na,A\x07,1,no\n",
	} {
		_ = os.Remove(s.config.Roster)
		if text != "" {
			put(t, s.config.Roster, text)
		}
		if staff, err := s.Staff(t.Context()); err == nil {
			t.Errorf("%s: %v", name, staff)
		}
	}
}

// FuzzFileFind: a question equals a stored value, or finds nobody.
func FuzzFileFind(f *testing.F) {
	people := directorytest.Sample()
	for _, q := range directorytest.Hostile(people[:1]) {
		if len(q) < 50 {
			f.Add(q)
		}
	}
	var records []directory.Record
	for _, p := range people {
		records = append(records, p.Record)
	}
	path := filepath.Join(f.TempDir(), "people.csv")
	var text bytes.Buffer
	if err := directory.Write(&text, records); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		f.Fatal(err)
	}
	source := directory.NewFile(directory.FileConfig{Path: path, Now: func() time.Time {
		return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}, Strip: []string{directorytest.Suffix}})
	law := directorytest.NewLaw(people)
	f.Fuzz(func(t *testing.T, q string) {
		got, err := source.Find(t.Context(), q)
		id, known := law.Expect(q)
		switch {
		case err == nil && (!known || got.ID != id):
			t.Errorf("%q finds %s, the law says %q", q, got.ID, id)
		case !known && !errors.Is(err, provisioning.Refuse(directory.CodeUnknown)):
			t.Errorf("%q: %v", q, err)
		}
	})
}
