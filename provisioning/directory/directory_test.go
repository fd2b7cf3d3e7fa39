package directory

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/provisioning"
)

const sample = `id,site,name,native,native_lang,role,unit,account,card,card_until,card_replaced_by,portrait,devices
DC126543,um,CHAN Lok Ching,陳樂晴,zh-Hant,student,Science,dc126543,0412 7781,2027-08-31,,chan.svg,1
E100,um,SOUSA Maria,,,staff,ICTO,msousa,0412-9000,2026-10-31,,,2
E200,um,WONG Ka I,,,staff,Library,kiwong,0412-9001,2027-10-31,0412-9002,,0
`

func open(t *testing.T, text string) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	return New(path, filepath.Dir(path), []string{"@um.edu.mo"}, func() time.Time { return now })
}

func TestFind(t *testing.T) {
	f := open(t, sample)
	for _, test := range []struct {
		number string
		id     provisioning.PersonID
		code   provisioning.Code
	}{
		{"DC126543", "DC126543", ""},
		{" dc 126543 ", "DC126543", ""},
		{"04127781", "DC126543", ""},
		{"0412-7781", "DC126543", ""},
		{"dc126543@um.edu.mo", "DC126543", ""},
		{"msousa", "E100", ""},
		{"04129000", "", CodeCardExpired},
		{"04129001", "", CodeCardReplaced},
		{"kiwong", "E200", ""},
		{"999", "", CodeUnknown},
		{"", "", CodeUnknown},
	} {
		got, err := f.Find(t.Context(), test.number)
		if got.ID != test.id || (test.code != "") != errors.Is(err, provisioning.Refuse(test.code)) {
			t.Errorf("%q: got %q and %v", test.number, got.ID, err)
		}
	}
}

func TestChangesAreSeenAndDamageIsDown(t *testing.T) {
	f := open(t, sample)
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	longer := sample + "E300,um,LEI Sio Man,,,staff,Bursary,smlei,,,,,1\n"
	if err := os.WriteFile(f.path, []byte(longer), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := f.Find(t.Context(), "e300"); err != nil || p.Account != "smlei" {
		t.Errorf("after a change: %v, %v", p.Account, err)
	}
	if err := os.WriteFile(f.path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Find(t.Context(), "e300"); !errors.Is(err, provisioning.Refuse(CodeDown)) {
		t.Errorf("a damaged file: %v", err)
	}
	if f.Up(t.Context()) {
		t.Error("a damaged file counts as up")
	}
}

func TestRefusesWithTheLine(t *testing.T) {
	head := strings.SplitAfterN(sample, "\n", 2)[0]
	for name, test := range map[string]struct{ text, says string }{
		"unknown column": {"id,site,name,role,account,colour\n", "column 6"},
		"missing column": {"id,site,name,role\n", `"account"`},
		"short line":     {head + "a,b\n", "line 2"},
		"bad date":       {head + "a,um,A,,,staff,,acc,,31/8/2027,,,1\n", "line 2: card_until"},
		"number twice":   {head + "a,um,A,,,staff,,x,,,,,\nb,um,B,,,staff,,x,,,,,\n", "line 3"},
		"bare quote":     {head + "a,um,\"A,,,staff,,x,,,,,\n", "line"},
	} {
		if _, err := Read(strings.NewReader(test.text)); err == nil ||
			!strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPortraitStaysInItsFolder(t *testing.T) {
	f := open(t, sample)
	if err := os.WriteFile(filepath.Join(f.portraits, "chan.svg"), []byte("<svg/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, media, err := f.Portrait(t.Context(), "chan.svg"); err != nil ||
		media != "image/svg+xml" || len(data) == 0 {
		t.Errorf("portrait: %s, %v", media, err)
	}
	for _, name := range []string{"people.csv", "../chan.svg", "none.svg", ""} {
		if _, _, err := f.Portrait(t.Context(), name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, data []byte) {
		people, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Write(&out, people); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&out)
		if err != nil {
			t.Fatalf("what was read is not readable when written: %v", err)
		}
		if diff := cmp.Diff(people, again); diff != "" {
			t.Errorf("read, written, read:\n%s", diff)
		}
	})
}
