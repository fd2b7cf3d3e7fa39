package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig("desk = \"icto-1\"\nsite = \"um\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8440" || c.Feed != ":8443" || c.file() != "/var/lib/tokendesk/desk.db" {
		t.Errorf("defaults: %+v", c)
	}
	if c.PINAlone {
		t.Error("a PIN alone unlocks by default")
	}
	for name, test := range map[string]struct{ text, says string }{
		"unknown key":    {"desk=\"a\"\nsite=\"um\"\ncolour=\"red\"\n[extra]\nx=1", "colour"},
		"no desk":        {"site=\"um\"", `"desk"`},
		"no site":        {"desk=\"a\"", `"site"`},
		"public screen":  {"desk=\"a\"\nsite=\"um\"\nlisten=\"0.0.0.0:80\"", "loopback"},
		"bad feed":       {"desk=\"a\"\nsite=\"um\"\nfeed=\"nowhere\"", `"feed"`},
		"not TOML":       {"desk", "expected"},
		"wrong type":     {"desk=1\nsite=\"um\"", "desk"},
		"secret in file": {"desk=\"a\"\nsite=\"um\"\ndesk_key=\"x\"", "desk_key"},
	} {
		if _, err := ParseConfig(test.text); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("desk = \"icto-1\"\nsite = \"um\"\n")
	f.Add(noticeConfig)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConfig(text)
		if err == nil && (c.Desk == "" || c.Site == "") {
			t.Errorf("accepted a configuration without a desk or a site")
		}
	})
}

// newDesk makes a desk in a temporary folder, as `tokendesk init` does.
func newDesk(t *testing.T) (c Config, bundle, card string) {
	t.Helper()
	dir := t.TempDir()
	c = Config{Desk: "icto-1", Site: "um", State: filepath.Join(dir, "state"),
		Credentials: filepath.Join(dir, "credentials"), Directory: filepath.Join(dir, "people.csv"),
		Verifier: filepath.Join(dir, "verifier.json"), Listen: "127.0.0.1:0", Feed: "127.0.0.1:0",
		FeedURL: "https://127.0.0.1:8443", Admin: filepath.Join(dir, "a.sock")}
	people := "id,site,name,role,account\nE1,um,SOUSA Miguel,staff,msousa\n"
	if err := os.WriteFile(c.Directory, []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	bundle, card = filepath.Join(dir, "bundle.json"), filepath.Join(dir, "card.json")
	writeBundle(t, bundle)
	return c, bundle, card
}

func writeBundle(t *testing.T, path string) {
	t.Helper()
	_, verifierKey, err := feed.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	_, escrowKey, err := feed.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	b := feed.Bundle{Version: feed.Version, Name: "test", VerifierKey: verifierKey,
		EscrowKey: escrowKey, FollowerPin: strings.Repeat("ab", 32)}
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestInitMakesADeskOnce(t *testing.T) {
	c, bundle, card := newDesk(t)
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	keys, err := ReadKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(card)
	if err != nil {
		t.Fatal(err)
	}
	read, err := feed.DecodeDeskCard(data)
	if err != nil || read.LogKey != keys.LogKey || read.Desk != "icto-1" {
		t.Errorf("card: %+v, %v", read, err)
	}
	if _, err := Init(c, bundle, card); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second init: %v", err)
	}
}

func TestInitKeepsASharedSiteSecret(t *testing.T) {
	c, bundle, card := newDesk(t)
	if err := os.MkdirAll(c.Credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	shared := append([]byte("7 "), randomKey()...)
	if err := os.WriteFile(filepath.Join(c.Credentials, credSite), shared, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	keys, err := ReadKeys(c)
	if err != nil || keys.Site.Generation() != 7 {
		t.Errorf("generation %d, %v", keys.Site.Generation(), err)
	}
}

func TestReadKeysRefusesWithWhatToDo(t *testing.T) {
	c, bundle, card := newDesk(t)
	if _, err := Init(c, bundle, card); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"missing": {os.Remove, "tokendesk init"},
		"shared":  {func(p string) error { return os.Chmod(p, 0o644) }, "chmod 600"},
		"garbage": {func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) }, "credential"},
	} {
		for _, key := range []string{credDesk, credLog, credFeed, credSite} {
			path := filepath.Join(c.Credentials, key)
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.spoil(path); err != nil {
				t.Fatal(err)
			}
			_, err = ReadKeys(c)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s %s: %v", name, key, err)
			}
			_ = os.Remove(path)
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSiteSecretGenerations(t *testing.T) {
	one, two := string(randomKey()), string(randomKey())
	s, err := parseSiteSecret([]byte("1 " + one + "2 " + two))
	if err != nil || s.Generation() != 2 {
		t.Fatalf("generation %d, %v", s.Generation(), err)
	}
	old, err := s.Code(1, "17390101")
	if err != nil {
		t.Fatal(err)
	}
	current, err := s.Code(2, "17390101")
	if err != nil || current.Equal(old) || current.Len() != 6 {
		t.Errorf("the codes of two generations: equal %v, %v", current.Equal(old), err)
	}
	if _, err := s.Code(3, "17390101"); err == nil {
		t.Error("a generation that is not there gave a code")
	}
	for _, bad := range []string{"", "x " + one, "1 short", "0 " + one, "1 " + one + "1 " + two} {
		if _, err := parseSiteSecret([]byte(bad)); err == nil {
			t.Errorf("accepted %d bytes of nonsense", len(bad))
		}
	}
}

func TestSystemClockIsWholeMilliseconds(t *testing.T) {
	if now := (SystemClock{}).Now(); now.Nanosecond()%int(time.Millisecond) != 0 || now.Location() != time.UTC {
		t.Errorf("%v", now)
	}
}
