package pages

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// params finds what a text is filled in with, and which parts of it may be left out.
var params = regexp.MustCompile(`\{([a-z_]+)\}`)

func paramsOf(text string) []string {
	var names []string
	for _, m := range params.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestEveryLanguageSaysAll: each language has every word, refusal and term that the first has, with
// the same parameters, and nothing besides.
func TestEveryLanguageSaysAll(t *testing.T) {
	first := in(Langs()[0])
	for _, lang := range Langs()[1:] {
		x := in(lang)
		for key, text := range first.words {
			got, ok := x.words[key]
			if !ok || strings.TrimSpace(got) == "" && strings.TrimSpace(text) != "" {
				t.Errorf("%s does not say %s (%q)", lang, key, text)
			} else if !slices.Equal(paramsOf(text), paramsOf(got)) {
				t.Errorf("%s: %s is filled in with %v, not %v", lang, key, paramsOf(got), paramsOf(text))
			}
		}
		for key := range x.words {
			if _, ok := first.words[key]; !ok {
				t.Errorf("%s says %s, and nobody asks for it", lang, key)
			}
		}
		for code, r := range first.refusals {
			got, ok := x.refusals[code]
			if !ok || got.Happened == "" || got.Done == "" || got.Todo == "" {
				t.Errorf("%s has no sentences for %s", lang, code)
			} else if want := paramsOf(r.Happened + r.Done + r.Todo); !slices.Equal(want,
				paramsOf(got.Happened+got.Done+got.Todo)) {
				t.Errorf("%s: the parameters of %s are not %v", lang, code, want)
			}
		}
		for version, text := range first.terms {
			if len(x.terms[version].Lines) != len(text.Lines) {
				t.Errorf("%s: the terms of %s have %d lines", lang, version, len(x.terms[version].Lines))
			}
		}
	}
}

// TestEveryRefusalIsReadWhole: in every language the page of a refusal says what was and was not done.
func TestEveryRefusalIsReadWhole(t *testing.T) {
	for _, lang := range Langs() {
		for code := range in(Langs()[0]).refusals {
			p, _ := Sentence(lang, code, nil)
			var page strings.Builder
			if err := alert(p).Render(t.Context(), &page); err != nil {
				t.Fatal(err)
			}
			for _, sentence := range []string{p.Happened, p.Done, p.Todo} {
				if sentence == "" || !strings.Contains(page.String(), html.EscapeString(sentence)) {
					t.Errorf("%s: the page of %s does not say %q", lang, code, sentence)
				}
			}
		}
	}
}
