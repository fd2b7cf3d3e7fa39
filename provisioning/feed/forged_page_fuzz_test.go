package feed_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Whatever becomes of a page on its way: a follower takes what the desk logged, or nothing.
func FuzzForgedPage(f *testing.F) {
	desk, key := newDesk(f)
	for range 6 {
		desk.Commit(stateRecord(desk))
	}
	start, err := feed.NewTail(desk.ID, desk.Feed).Next(page(f, desk, 0, 2), key)
	if err != nil {
		f.Fatal(err)
	}
	logged := page(f, desk, 2, 4).Leaves
	for limit := range 5 {
		line, err := json.Marshal(page(f, desk, 2, limit))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := feed.DecodePage(data)
		if err != nil {
			return
		}
		next, err := start.Next(p, key)
		if err != nil {
			return
		}
		if next.Position() != 2+int64(len(p.Leaves)) || len(p.Leaves) > len(logged) {
			t.Fatalf("%d leaves lead to %d", len(p.Leaves), next.Position())
		}
		for i, leaf := range p.Leaves {
			if !bytes.Equal(leaf.Data(), logged[i].Data()) {
				t.Fatalf("leaf %d is %s", i, data)
			}
		}
	})
}
