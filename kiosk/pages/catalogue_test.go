package pages

import (
	"context"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// literal finds the keys that the sources name in full.
var literal = regexp.MustCompile(`\b(?:t|Text|count)\((?:ctx, )?"([a-z_]+\.[a-z_]+)"`)

func TestEveryLiteralKeyHasAText(t *testing.T) {
	words := in("en").words
	seen := 0
	for name, src := range sources(t, "*.templ") {
		for _, m := range literal.FindAllStringSubmatch(src, -1) {
			seen++
			key := Key(m[1])
			if strings.Contains(m[0], "count(") {
				if words[key+".one"] == "" || words[key+".other"] == "" {
					t.Errorf("%s: %s lacks one or other", name, key)
				}
			} else if words[key] == "" {
				t.Errorf("%s: %s has no text", name, key)
			}
		}
	}
	if seen < 150 {
		t.Errorf("only %d keys were found in the templates", seen)
	}
}

// TestNoKeyOnAPage finds keys that are put together at run time and have no text: Text shows the
// key itself then.
func TestNoKeyOnAPage(t *testing.T) {
	tables := map[string]bool{}
	for key := range in("en").words {
		table, _, _ := strings.Cut(string(key), ".")
		tables[table] = true
	}
	shape := regexp.MustCompile(`[>"]([a-z_]+)\.([a-z_]+)[<"]`)
	for _, s := range Gallery() {
		for _, m := range shape.FindAllStringSubmatch(render(t, s, Look{Theme: "light"}), -1) {
			if tables[m[1]] {
				t.Errorf("%s shows the key %s.%s", s.Name, m[1], m[2])
			}
		}
	}
}

// composed are the tables whose keys are put together from data; all keys of the others must stand
// in a template.
var composed = map[string]bool{
	"tile": true, "done": true, "plug": true, "write": true, "track": true, "parked": true,
	"display": true, "simple": true, "act": true, "fee": true, "role": true, "evidence": true,
	"step": true, "loan_state": true, "credential": true, "reason": true, "fee_state": true,
	"doubtful_todo": true, "tokens": true, "token_state": true, "void": true, "day": true,
	"format": true, "month": true, "lang": true, "passcode": true, "situation": true,
	"issued": true, "passcode_kind": true, "touch": true, "paper": true,
	"self": true, "request": true, "layer": true, "total": true, "outcome": true, "channel": true,
	"elsewhere": true, "notice": true, "dead": true, "entry": true, "outward": true,
	"ending": true, "ended": true, "protection": true,
}

func TestNoTextIsIdle(t *testing.T) {
	var all strings.Builder
	for _, src := range sources(t, "*.templ") {
		all.WriteString(src)
	}
	for _, src := range sources(t, "text.go") {
		all.WriteString(src)
	}
	for key := range in("en").words {
		table, _, _ := strings.Cut(string(key), ".")
		name := strings.TrimSuffix(strings.TrimSuffix(string(key), ".one"), ".other")
		if !composed[table] && !strings.Contains(all.String(), `"`+name+`"`) {
			t.Errorf("no page says %s", key)
		}
	}
}

// TestSentences: each refusal says what happened, what was and was not done, and what to do, with
// its parameters and without.
func TestSentences(t *testing.T) {
	param := regexp.MustCompile(`\{([a-z]+)\}`)
	for code, r := range in("en").refusals {
		params := map[string]string{}
		for _, m := range param.FindAllStringSubmatch(r.Happened+r.Done+r.Todo, -1) {
			params[m[1]] = "VALUE"
		}
		for _, given := range []map[string]string{nil, params} {
			p, ok := Sentence("en", code, given)
			if !ok || p.Code != code {
				t.Fatalf("%s is unknown", code)
			}
			for _, text := range []string{p.Happened, p.Done, p.Todo} {
				if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "{}[]") {
					t.Errorf("%s: %q", code, text)
				}
			}
			if strings.HasSuffix(p.Happened, ".") || !strings.HasSuffix(p.Done, ".") ||
				!strings.HasSuffix(p.Todo, ".") {
				t.Errorf("%s: the heading has no full stop, the sentences do: %+v", code, p)
			}
		}
	}
	if p, ok := Sentence("en", "no_such_code", nil); ok || p.Happened != "" {
		t.Errorf("an unknown code has a sentence: %+v", p)
	}
}

func TestFill(t *testing.T) {
	params := map[string]string{"a": "one", "b": "two"}
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"plain", "plain"},
		{"{a} and {b}", "one and two"},
		{"{c} is missing", "– is missing"},
		{"kept[ with {a}].", "kept with one."},
		{"dropped[ with {c}].", "dropped."},
		{"[{c}][{a}]", "one"},
		{"[always]", "always"},
		{"open { brace", "open { brace"},
		{"] upside [ down", "] upside [ down"},
	} {
		if got := fill(c.text, params); got != c.want {
			t.Errorf("fill(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

// TestFillKeepsValues: a value is copied as it is, whatever it holds; it is never filled in again.
func TestFillKeepsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringN(1, 20, -1).Draw(t, "value")
		if got := fill("<{v}>", map[string]string{"v": value}); got != "<"+value+">" {
			t.Fatalf("%q became %q", value, got)
		}
	})
}

func TestPress(t *testing.T) {
	for _, c := range []struct {
		text, key string
		max       int
		want      string
	}{
		{"", "1", 4, "1"},
		{"123", "4", 4, "1234"},
		{"1234", "5", 4, "1234"},
		{"12", "del", 4, "1"},
		{"", "del", 4, ""},
		{"1", "ok", 4, "1"},
		{"a", "space", 4, "a "},
		{"澳", "del", 4, ""},
		{"a", "12", 4, "a"},
		{"a", "", 4, "a"},
	} {
		if got := Press(c.text, c.key, c.max); got != c.want {
			t.Errorf("Press(%q, %q) = %q, want %q", c.text, c.key, got, c.want)
		}
	}
}

// TestPressBounds: no run of keys grows a field beyond its length, and del always undoes a key.
func TestPressBounds(t *testing.T) {
	key := rapid.OneOf(
		rapid.SampledFrom([]string{"del", "space", "ok", "nonsense", ""}),
		rapid.StringN(1, 1, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 12).Draw(t, "max")
		text := ""
		for _, k := range rapid.SliceOf(key).Draw(t, "keys") {
			next := Press(text, k, most)
			if n := utf8.RuneCountInString(next); n > most {
				t.Fatalf("%d characters in a field of %d", n, most)
			}
			if len(next) > len(text) && Press(next, "del", most) != text {
				t.Fatalf("del does not undo %q", k)
			}
			text = next
		}
	})
}

func TestTermsAreShownOrRefused(t *testing.T) {
	for _, lang := range Langs() {
		for version := range in("en").terms {
			lines, ok := Terms(lang, version)
			if !ok || len(lines) < 3 {
				t.Errorf("version %s in %s: %d lines", version, lang, len(lines))
			}
		}
	}
	if _, ok := Terms("en", "never-written"); ok {
		t.Error("terms nobody wrote were found")
	}
	for _, line := range termLines(context.Background(), "2026-09", "") {
		if strings.Contains(line, "–") {
			t.Errorf("without a fee the terms speak of one: %q", line)
		}
	}
}

// TestEveryWordIsInTheCatalogue marks all texts of the catalogue and looks for words on the pages
// that are not marked. What is left must be data of the samples.
func TestEveryWordIsInTheCatalogue(t *testing.T) {
	plain := languages
	t.Cleanup(func() { languages = plain })
	marked := map[string]texts{"en": mark(plain()["en"])}
	languages = func() map[string]texts { return marked }

	var data strings.Builder
	for _, src := range sources(t, "gallery*.go") {
		data.WriteString(src)
	}
	head := regexp.MustCompile(`(?s)<(svg|script)\b.*?</(svg|script)>`)
	tags := regexp.MustCompile(`<[^>]*>`)
	known := regexp.MustCompile(`⟦[^⟦⟧]*⟧`)
	word := regexp.MustCompile(`\pL{2,}`)
	for _, s := range Gallery() {
		text := tags.ReplaceAllString(head.ReplaceAllString(render(t, s, Look{Theme: "light"}), " "), " ")
		for known.MatchString(text) {
			text = known.ReplaceAllString(text, " ")
		}
		for _, w := range word.FindAllString(html.UnescapeString(text), -1) {
			if !strings.Contains(data.String(), w) {
				t.Errorf("%s says %q by itself", s.Name, w)
			}
		}
	}
}

func mark(x texts) texts {
	out := texts{x.lang, map[Key]string{}, map[string]refusal{}, map[string]terms{}}
	for key, text := range x.words {
		out.words[key] = "⟦" + text + "⟧"
	}
	for code, r := range x.refusals {
		out.refusals[code] = refusal{"⟦" + r.Happened + "⟧", "⟦" + r.Done + "⟧", "⟦" + r.Todo + "⟧"}
	}
	for version, text := range x.terms {
		var lines []string
		for _, line := range text.Lines {
			lines = append(lines, "⟦"+line+"⟧")
		}
		out.terms[version] = terms{lines}
	}
	return out
}
