package pages

import (
	"embed"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

//go:embed catalogue
var catalogue embed.FS

// english is the catalogue as it was compiled in. It is read once; a broken file is a mistake of
// the build and stops the program at its first page, which every test renders.
var english = sync.OnceValue(func() texts {
	out := texts{words: map[Key]string{}}
	for _, part := range []string{"desk", "visit", "words"} {
		var tree map[string]any
		decode("catalogue/en_"+part+".toml", &tree)
		out.flatten("", tree)
	}
	for _, part := range []string{"refusals", "directory"} {
		decode("catalogue/en_"+part+".toml", &out.refusals)
	}
	decode("catalogue/en_terms.toml", &out.terms)
	return out
})

// texts is one language.
type texts struct {
	words    map[Key]string
	refusals map[string]refusal
	terms    map[string]terms
}

// refusal is what a code says: what happened, what was and was not done, what to do.
type refusal struct{ Happened, Done, Todo string }

// terms are the loan terms of one version, one sentence each.
type terms struct{ Lines []string }

func decode(name string, into any) {
	if _, err := toml.DecodeFS(catalogue, name, into); err != nil {
		panic(err)
	}
}

func (x texts) flatten(prefix string, tree map[string]any) {
	for name, value := range tree {
		switch v := value.(type) {
		case string:
			x.words[Key(prefix+name)] = v
		case map[string]any:
			x.flatten(prefix+name+".", v)
		}
	}
}

// Key names a text of the catalogue.
type Key string

// Text finds a text and fills in its {parameters}; pairs are name, value, name, value. A part in
// [brackets] is left out when a parameter in it is missing or empty. An unknown key is shown as it
// is: a test keeps that from happening in a page.
func Text(k Key, pairs ...string) string {
	params := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	text, ok := english().words[k]
	if !ok {
		return string(k)
	}
	return fill(text, params)
}

// t is Text, short for the templates.
func t(k Key, pairs ...string) string { return Text(k, pairs...) }

// count picks the text for one or for many and fills in {n}.
func count(k Key, n int) string {
	form := Key(".other")
	if n == 1 {
		form = ".one"
	}
	return Text(k+form, "n", strconv.Itoa(n))
}

// word finds the word for a key of the data, such as a role or a reason. What the catalogue does
// not know is shown as the site wrote it, with a capital and spaces.
func word(group, key string) string {
	if text, ok := english().words[Key(group+"."+key)]; ok {
		return text
	}
	return capital(strings.ReplaceAll(key, "_", " "))
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Sentence is the problem a refusal code stands for: what happened, what was and was not done, and
// what to do. It reports false for a code it does not know.
func Sentence(code string, params map[string]string) (Problem, bool) {
	s, ok := english().refusals[code]
	if !ok {
		return Problem{Code: code}, false
	}
	return Problem{
		Code:     code,
		Happened: fill(s.Happened, params),
		Done:     fill(s.Done, params),
		Todo:     fill(s.Todo, params),
	}, true
}

// fill replaces {name} by its value. A [part] with a missing value is dropped, brackets and all; a
// missing value elsewhere leaves a dash.
func fill(text string, params map[string]string) string {
	var out strings.Builder
	for text != "" {
		open := strings.IndexByte(text, '[')
		if open < 0 {
			out.WriteString(replace(text, params))
			break
		}
		end := strings.IndexByte(text, ']')
		if end < open {
			out.WriteString(replace(text, params))
			break
		}
		out.WriteString(replace(text[:open], params))
		if part := text[open+1 : end]; complete(part, params) {
			out.WriteString(replace(part, params))
		}
		text = text[end+1:]
	}
	return out.String()
}

func replace(text string, params map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			out.WriteString("{" + rest)
			return out.String()
		}
		if params[name] == "" {
			out.WriteString("–")
		} else {
			out.WriteString(params[name])
		}
		text = after
	}
}

func complete(part string, params map[string]string) bool {
	for {
		_, rest, found := strings.Cut(part, "{")
		if !found {
			return true
		}
		name, after, _ := strings.Cut(rest, "}")
		if params[name] == "" {
			return false
		}
		part = after
	}
}

// Terms are the loan terms of one version, one sentence each. It reports false for a version this
// desk has no text for: nobody can accept terms that cannot be shown.
func Terms(version string) ([]string, bool) {
	text, ok := english().terms[version]
	return text.Lines, ok
}
