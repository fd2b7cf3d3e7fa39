package main

import (
	"encoding/csv"
	"strings"
	"testing"
)

// TestAudit: the log of a running desk is listed, verified against what was kept of it, and
// exported; an export is checked with nothing but the desk's card.
func TestAudit(t *testing.T) {
	b := newBox(t, "")
	b.init("made its empty store")
	b.start()
	b.works("270418\n", "", "officers", "add", "lead", "--name", "LEAD Officer", "--pin-stdin")
	status := b.works("", "verifier", "status")
	b.write("kept", status[strings.LastIndex(status, "icto-1/"):])
	b.works("904117\n", "", "officers", "pin", "lead", "--pin-stdin")

	if list := b.works("", "officer.pin", "audit", "list", "--act", "officer."); strings.Count(list,
		"officer.operator") != 2 {
		t.Errorf("listed:\n%s", list)
	}
	b.works("", "more: --before", "audit", "list", "--limit", "1")
	b.works("", `"Act":"officer.add"`, "audit", "list", "--json", "--rule", "officer.op")
	if list := b.works("", "POSITION", "audit", "list", "--officer", "nobody"); strings.Count(list,
		"\n") != 1 {
		t.Errorf("of nobody:\n%s", list)
	}
	b.works("", "a log that was rewritten as a whole", "audit", "verify")
	b.works("", "those that were signed", "audit", "verify", "--checkpoint", b.path("kept"))
	b.write("forged", strings.Replace(b.read("kept"), "icto-1/", "icto-2/", 1))
	b.fails("", "THE LOG DOES NOT VERIFY", "audit", "verify", "--checkpoint", b.path("forged"))

	b.write("export", b.works("", "checkpoint", "audit", "export"))
	b.fails("", "needs --card", "audit", "verify", "--export", b.path("export"))
	offline := []string{"audit", "verify", "--export", b.path("export"), "--card", b.path("card.json"),
		"--card", b.path("card.json"),
		"--checkpoint", b.path("kept")}
	b.works("", "the export verifies: icto-1/", offline...)
	b.write("export", strings.Replace(b.read("export"), `"leaf":1,"commitment":"`,
		`"leaf":1,"commitment":"00`, 1))
	b.fails("", "the hashes of leaf 1", offline...)
	table := b.works("", "# icto-1/", "audit", "export", "--format", "csv")
	lines := csv.NewReader(strings.NewReader(table))
	lines.Comment = '#'
	rows, err := lines.ReadAll()
	if err != nil || len(rows) < 8 || !strings.HasPrefix(rows[len(rows)-1][6], "operator:") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for name, text := range map[string]string{"export": b.read("export"), "csv": table} {
		if strings.Contains(text, "LEAD Officer") {
			t.Errorf("the %s has a name", name)
		}
	}
}

// TestErase: whom the desk does not know is not erased, and a reason is needed.
func TestErase(t *testing.T) {
	b := newBox(t, "")
	b.init("made its empty store")
	b.start()
	b.fails("", "missing flags: --reason", "erase", "E1004402")
	b.fails("", "this desk knows nobody with this id; nothing was erased", "erase", "E1004402",
		"--reason", "left")
	if list := b.works("", "ERASURE", "erasures"); strings.Count(list, "\n") != 1 {
		t.Errorf("erased:\n%s", list)
	}
}
