//go:build crash

package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// backedUp searches a backup of the desk as it is now. The desk's own keys are in it by design:
// whoever has the recovery key is to make the desk anew. They are what shows that the search sees
// what is inside, and that nothing of it stands in the file as it lies there.
func (l *crashLane) backedUp(when string, h hoard, key secret.Key) {
	l.t.Helper()
	path := makeBackup(l.t, l.script.Config, filepath.Join(l.t.TempDir(), "desk.backup"))
	own := hoard{}
	own.add("the desk's key", l.keys.Desk.Expose())
	own["the person's name"] = [][]byte{[]byte(l.person.Name)}
	var inside []string
	for where, data := range openBackup(l.t, path, key, nil) {
		if names := h.found(data); names != nil {
			l.t.Errorf("%s the backup, %s: %q", when, where, names)
		}
		for _, name := range own.found(data) {
			inside = append(inside, name+" in "+where)
		}
	}
	slices.Sort(inside)
	want := "the desk's key in the part credential/desk-key, " +
		"the person's name in every value of the store"
	if got := strings.Join(inside, ", "); got != want {
		l.t.Errorf("%s the backup has %s\nwant %s", when, got, want)
	}
}
