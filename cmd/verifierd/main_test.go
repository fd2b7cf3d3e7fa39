package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"verifierd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "liar": liar,
			"until": until, "serve-desk": standDesk}})
}

// writeCard puts a desk's card and the configuration into the script's directory.
func writeCard(env *testscript.Env) error {
	holders, err := feedtest.NewHolders()
	if err != nil {
		return err
	}
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	if err != nil {
		return err
	}
	card := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
		FeedURL: "https://127.0.0.1:1", LogKey: desk.LogKey, TLSPin: strings.Repeat("0f", 32)}
	line, err := card.Encode()
	if err != nil {
		return err
	}
	config := "state = \"" + env.WorkDir + "/state\"\nlisten = \"127.0.0.1:0\"\nadmin = \"" +
		env.WorkDir + "/admin.sock\"\n"
	if err := os.WriteFile(filepath.Join(env.WorkDir, "v.toml"), []byte(config), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "card.json"), line, 0o600)
}

// await waits until a file is there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for over := time.Now().Add(20 * time.Second); time.Now().Before(over); {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("%s did not appear", args[0])
}

// What reads as a configuration reads as the same again; unknown keys never pass.
func FuzzConfig(f *testing.F) {
	f.Add("state = \"/var\"\nlisten = \":1\"\n")
	f.Add("stat = \"/var\"\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "v.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		first, err := readConfig(path)
		if err != nil {
			return
		}
		if again, err := readConfig(path); err != nil || again != first {
			t.Fatalf("%q reads as %+v and as %+v, %v", text, first, again, err)
		}
		if err := os.WriteFile(path, []byte("unheard = 1\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(path); err == nil {
			t.Fatalf("an unknown key before %q passed", text)
		}
	})
}

func TestDashes(t *testing.T) {
	got := strings.Join(dashes([]string{"run", "-config", "f", "--dir", "-h", "-", "--"}), " ")
	if got != "run --config f --dir -h - --" {
		t.Error(got)
	}
}
