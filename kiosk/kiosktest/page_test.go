package kiosktest

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A &amp; B</title>
<link rel="icon" href="/x"></head><body><h1>Hello</h1><p>there</p>
<div data-live="/ready/live?at=a&amp;b"></div>
<a class="btn" href="/held"><svg viewBox="0 0 1 1"><path d="M0 0"></path></svg> 2 wait</a>
<form id="work" method="post" action="/visit/1?x=1"><input type="hidden" name="op" value="0a">
<input type="radio" name="match" value="yes"><input type="radio" name="match" value="no" checked>
<button name="do" value="loan"><b>Loan a token</b><span>Write, touch</span></button></form>
<form method="get" action="/find"><button>Find</button></form>
<button form="work">Write <i>now</i></button><button>Loose</button></body></html>`

func TestParse(t *testing.T) {
	p, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if p.Title != "A & B" || p.Live != "/ready/live?at=a&b" || !p.Says("Hello there") {
		t.Errorf("title %q, live %q, text %q", p.Title, p.Live, p.Text)
	}
	if diff := cmp.Diff([]Link{{Text: "2 wait", Href: "/held"}}, p.Links); diff != "" {
		t.Error(diff)
	}
	if !p.Has("Write now") || p.Has("Write") == false || p.Has("Loan a") == false || p.Has("Lo") {
		t.Errorf("buttons %q", p.Buttons())
	}
}

func TestPress(t *testing.T) {
	p, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.press("Loan a token", []string{"match", "yes"})
	want := Post{Action: "/visit/1?x=1",
		Values: url.Values{"op": {"0a"}, "match": {"yes"}, "do": {"loan"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	got, err = p.press("Write now", nil)
	want.Values = url.Values{"op": {"0a"}, "match": {"no"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for label, fields := range map[string][]string{
		"Loan a token": {"match", "maybe"}, "Write now": {"absent", "x"}, "Find": nil, "Loose": nil,
		"Nowhere": nil,
	} {
		if post, err := p.press(label, fields); err == nil {
			t.Errorf("%q with %q was posted: %v", label, fields, post)
		}
	}
}
