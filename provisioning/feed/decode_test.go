package feed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
)

// FuzzPage: what decodes, encodes and decodes to the same page, with the same leaf hashes.
func FuzzPage(f *testing.F) {
	desk, _ := newDesk(f)
	desk.Commit(stateRecord(desk))
	desk.Commit()
	honest, err := json.Marshal(page(f, desk, 0, 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(honest)
	f.Add([]byte(`{"feed":"f","after":0,"leaves":[],"checkpoint":"","head":0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := feed.DecodePage(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := feed.DecodePage(again)
		if err != nil {
			t.Fatalf("%s decodes, and its own encoding does not: %v", data, err)
		}
		for i := range p.Leaves {
			if p.Leaves[i].Hash() != q.Leaves[i].Hash() {
				t.Fatalf("leaf %d hashes to another value after a round trip", i)
			}
		}
		roundTrip(t, again, q)
	})
}

func FuzzAck(f *testing.F) {
	ack := feed.Ack{Feed: "f", Position: 3, Verdicts: []feed.Verdict{{Record: feedtest.RandomID(),
		Credential: feedtest.RandomID(), Outcome: feed.InStep}}}
	line, err := json.Marshal(ack)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := feed.DecodeAck(data)
		if err != nil {
			return
		}
		again, _ := json.Marshal(a)
		b, err := feed.DecodeAck(again)
		if err != nil || !cmp.Equal(a, b, cmpopts.EquateEmpty()) {
			t.Fatalf("%s: %v %s", data, err, cmp.Diff(a, b))
		}
	})
}

func FuzzMeta(f *testing.F) {
	desk, _ := newDesk(f)
	line, err := json.Marshal(desk.Meta())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := feed.DecodeMeta(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := feed.DecodeMeta(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

func FuzzDeskCard(f *testing.F) {
	desk, _ := newDesk(f)
	card := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
		FeedURL: "https://desk1.example.edu:8443", LogKey: desk.LogKey, TLSPin: strings.Repeat("0f", 32)}
	line, err := card.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := feed.DecodeDeskCard(data)
		if err != nil {
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if d, err := feed.DecodeDeskCard(again); err != nil || d != c {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

// roundTrip says that encoding is a function of the page.
func roundTrip(t *testing.T, line []byte, p feed.Page) {
	t.Helper()
	again, err := json.Marshal(p)
	if err != nil || !bytes.Equal(line, again) {
		t.Fatalf("%s encodes to %s, %v", line, again, err)
	}
}

func TestBundleFile(t *testing.T) {
	holders, err := feedtest.NewHolders()
	if err != nil {
		t.Fatal(err)
	}
	line, err := holders.Bundle.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := feed.DecodeBundle(line)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(holders.Bundle, got); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{
		"unknown member":  strings.Replace(string(line), `"name"`, `"colour": 1, "name"`, 1),
		"newer":           strings.Replace(string(line), `"version": 1`, `"version": 3`, 1),
		"no pin":          strings.Replace(string(line), strings.Repeat("ab", 32), "ab", 1),
		"upper-case pin":  strings.ReplaceAll(string(line), "abab", "ABAB"),
		"trailing":        string(line) + "{}",
		"truncated":       string(line[:len(line)-4]),
		"a key cut short": strings.Replace(string(line), `"verifier_key": "`, `"verifier_key": "AAAA`, 1),
		"no name":         strings.Replace(string(line), `"test"`, `""`, 1),
	} {
		if _, err := feed.DecodeBundle([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestDeskCardRefuses(t *testing.T) {
	desk, _ := newDesk(t)
	good := feed.DeskCard{Version: feed.Version, Desk: "desk1", Site: "um",
		FeedURL: "https://desk1.example.edu:8443", LogKey: desk.LogKey, TLSPin: strings.Repeat("0f", 32)}
	if _, err := good.Encode(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*feed.DeskCard){
		"plain http": func(c *feed.DeskCard) { c.FeedURL = "http://desk1.example.edu" },
		"path":       func(c *feed.DeskCard) { c.FeedURL += "/feed" },
		"password":   func(c *feed.DeskCard) { c.FeedURL = "https://a:b@desk1.example.edu" },
		"log key":    func(c *feed.DeskCard) { c.LogKey = "desk1" },
		"desk":       func(c *feed.DeskCard) { c.Desk = "desk/1" },
		"site":       func(c *feed.DeskCard) { c.Site = "" },
		"pin":        func(c *feed.DeskCard) { c.TLSPin = "0f" },
		"version":    func(c *feed.DeskCard) { c.Version = 2 },
	} {
		bad := good
		change(&bad)
		if _, err := bad.Encode(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestMalformedPages(t *testing.T) {
	desk, _ := newDesk(t)
	desk.Commit(stateRecord(desk))
	for name, change := range map[string]func(*feed.Page){
		"negative":      func(p *feed.Page) { p.After = -1 },
		"head too low":  func(p *feed.Page) { p.Head = 0 },
		"no feed":       func(p *feed.Page) { p.Feed = "" },
		"many leaves":   func(p *feed.Page) { p.Leaves, p.Head = make([]feed.Leaf, 501), 501 },
		"record id":     func(p *feed.Page) { p.Leaves[0].Records[0].ID = "x" },
		"upper-case id": func(p *feed.Page) { p.Leaves[0].Records[0].ID = strings.Repeat("AB", 16) },
		"desk":          func(p *feed.Page) { p.Leaves[0].Records[0].Desk = "" },
		"state":         func(p *feed.Page) { p.Leaves[0].Records[0].State = "gone" },
		"sealed":        func(p *feed.Page) { p.Leaves[0].Records[0].Sealed = make([]byte, 9000) },
		"time":          func(p *feed.Page) { p.Leaves[0].Records[0].At = time.Unix(0, 1) },
	} {
		p := page(t, desk, 0, 1)
		p.Leaves = []feed.Leaf{{Commitment: p.Leaves[0].Commitment,
			Records: []feed.Record{p.Leaves[0].Records[0]}}}
		change(&p)
		line, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := feed.DecodePage(line); !errors.Is(err, feed.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewerKindsAndMembersPass(t *testing.T) {
	desk, _ := newDesk(t)
	rec := desk.Record(feedtest.RandomID())
	rec.Kind, rec.Sealed = "passcode", []byte("of a newer version")
	desk.Commit(rec)
	line, err := json.Marshal(page(t, desk, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(line), `{"feed"`, `{"hint":true,"feed"`, 1)
	p, err := feed.DecodePage([]byte(newer))
	if err != nil || p.Leaves[0].Records[0].Kind != "passcode" {
		t.Errorf("%v, %v", p, err)
	}
}

func TestProblems(t *testing.T) {
	line, err := json.Marshal(feed.ProblemBeyond.With("the head is 7"))
	if err != nil {
		t.Fatal(err)
	}
	got := feed.DecodeProblem(line, 416)
	if !errors.Is(got, feed.ProblemBeyond) || errors.Is(got, feed.ProblemBusy) || got.Detail == "" {
		t.Errorf("%+v", got)
	}
	if feed.ProblemBeyond.Detail != "" {
		t.Error("With changed the problem itself")
	}
	for _, odd := range []string{"", "<html>", "{}", strings.Repeat(" ", 70000)} {
		if p := feed.DecodeProblem([]byte(odd), 502); p.Status != 502 || p.Type != "about:blank" {
			t.Errorf("%.10q became %+v", odd, p)
		}
	}
}

func TestCompatible(t *testing.T) {
	for version, want := range map[int]bool{-1: false, 0: true, 1: true, 2: true, 3: false} {
		if feed.Compatible(version) != want {
			t.Errorf("version %d: want %v", version, want)
		}
	}
}

func FuzzBundle(f *testing.F) {
	holders, err := feedtest.NewHolders()
	if err != nil {
		f.Fatal(err)
	}
	line, err := holders.Bundle.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := feed.DecodeBundle(data)
		if err != nil {
			return
		}
		again, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if c, err := feed.DecodeBundle(again); err != nil || !cmp.Equal(b, c) {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
