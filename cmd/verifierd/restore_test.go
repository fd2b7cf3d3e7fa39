package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

// TestAcceptRestore: without --yes the command says what accepting would mean and changes nothing.
func TestAcceptRestore(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, data []byte, err error) {
		t.Helper()
		if err == nil {
			err = os.WriteFile(path(name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	says := func(status int, words string, args ...string) {
		t.Helper()
		var out, errs strings.Builder
		got := run(append([]string{"--config", path("v.toml")}, args...), &out, &errs)
		if got != status || !strings.Contains(out.String()+errs.String(), words) {
			t.Errorf("%q: status %d, want %d and %q\n%s%s", args, got, status, words, &out, &errs)
		}
	}
	write("v.toml", []byte("state = \""+path("state")+"\"\nadmin = \""+path("a.sock")+"\"\n"), nil)
	says(0, "made a verifier", "init", "--dir", path("state"), "--escrow", path("escrow.key"))
	holders, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := feedtest.NewDesk("desk1", holders.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	desk.Commit()
	again, err := desk.Restored(holders.Bundle, 1)
	if err != nil {
		t.Fatal(err)
	}
	card := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
		FeedURL: "https://127.0.0.1:1", LogKey: desk.LogKey, TLSPin: strings.Repeat("0f", 32)}
	data, err := card.Encode()
	write("card.json", data, err)
	card.LogKey, card.TLSPin = again.LogKey, strings.Repeat("0e", 32)
	restore, err := desk.RestoreCard(card, again, 1)
	if err != nil {
		t.Fatal(err)
	}
	data, err = restore.Encode()
	write("restore.json", data, err)
	forged := restore
	if err := again.Prove(&forged); err != nil {
		t.Fatal(err)
	}
	data, err = forged.Encode()
	write("forged.json", data, err)

	says(1, "trust its card first", "desk", "accept-restore", path("restore.json"))
	says(0, "is trusted", "desk", "trust", path("card.json"))
	says(1, "its proof is not by the log key that was pinned", "desk", "accept-restore", "--yes",
		path("forged.json"))
	says(1, "read a restore card", "desk", "accept-restore", path("card.json"))
	says(0, "nothing was changed; run it again with --yes", "desk", "accept-restore",
		path("restore.json"))
	says(0, "old feed "+desk.Feed, "desk", "accept-restore", path("restore.json"))
	says(0, "new feed "+again.Feed, "desk", "accept-restore", path("restore.json"))
	says(0, "is revoked", "desk", "revoke", "desk1", "--since", "2026-01-01T00:00:00Z")
	says(0, "the new feed will not be; what is suspended stays so", "desk", "accept-restore",
		path("restore.json"))
	says(0, " revoked 20", "desk", "list")
	says(0, "accepted: the new feed is followed", "desk", "accept-restore", "-yes", path("restore.json"))
	says(0, "accepted", "desk", "accept-restore", path("restore.json"))
	says(0, " trusted", "desk", "list")
	says(0, "it has yet to be told what was issued", "status")
}
