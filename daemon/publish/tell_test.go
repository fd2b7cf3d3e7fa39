package publish_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/daemon/publish"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

var _ publish.Told = (*feedtest.Told)(nil)

// TestTold: what the verifier tells is taken when it is about this feed and well made, and by
// nobody who takes nothing.
func TestTold(t *testing.T) {
	told := &feedtest.Told{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }
	s := serve(t, listener, dial, func(c *publish.Config) { c.Told = told })
	message := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	id := strings.Repeat("ab", 16)
	row := feed.KnownRow{Kind: feed.KindSeed, Credential: id, State: feed.KnownActive, User: "kim"}
	nobody := row
	nobody.User = ""
	for name, c := range map[string]struct {
		method, path, body string
		want               int
	}{
		"halt":            {"POST", feed.PathHalt, message(feed.Halt{Feed: s.desk.Feed, Reason: "copied"}), 200},
		"another feed":    {"POST", feed.PathHalt, message(feed.Halt{Feed: "other", Reason: "copied"}), 409},
		"no message":      {"POST", feed.PathHalt, "[", 400},
		"another method":  {"GET", feed.PathHalt, "", 405},
		"long detail":     {"POST", feed.PathHalt, strings.Repeat(" ", feed.MaxHalt+1), 413},
		"rows":            {"PUT", feed.PathRows, message(feed.Rows{Feed: s.desk.Feed, Rows: []feed.KnownRow{row}}), 200},
		"rows elsewhere":  {"PUT", feed.PathRows, message(feed.Rows{Feed: "other", Done: true}), 409},
		"a row of nobody": {"PUT", feed.PathRows, message(feed.Rows{Feed: s.desk.Feed, Rows: []feed.KnownRow{nobody}}), 400},
		"too many bytes":  {"PUT", feed.PathRows, strings.Repeat(" ", feed.MaxRowsBytes+1), 413},
	} {
		if status, _, data := s.do(t, c.method, c.path, c.body); status != c.want {
			t.Errorf("%s: %d %s, want %d", name, status, data, c.want)
		}
	}
	if rows, _, _ := told.Rows(); len(told.Halts()) != 1 || len(rows) != 1 {
		t.Errorf("taken: %v, %v", told.Halts(), rows)
	}
	deaf := newSite(t)
	if status, _, _ := deaf.do(t, "POST", feed.PathHalt, "{}"); status != 404 {
		t.Errorf("a desk that takes nothing answers %d", status)
	}
}
