package pages

import (
	"context"
	"embed"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

//go:embed catalogue
var catalogue embed.FS

// Langs are the languages of the catalogue, as BCP 47 tags, in the order a person is offered them.
// The first is what stands in where another has no text.
func Langs() []string { return []string{"en", "zh-Hant", "pt", "ms"} }

// texts is one language.
type texts struct {
	lang     string
	words    map[Key]string
	refusals map[string]refusal
	terms    map[string]terms
}

// languages are the catalogues as they were compiled in. They are read once; a broken file is a
// mistake of the build and stops the program at its first page, which every test renders.
var languages = sync.OnceValue(func() map[string]texts {
	all := map[string]texts{}
	for _, lang := range Langs() {
		all[lang] = readTexts(lang)
	}
	return all
})

// readTexts reads the folder of one language: refusals*.toml and terms.toml have a form of their
// own, every other file holds words.
func readTexts(lang string) texts {
	out := texts{lang: lang, words: map[Key]string{}}
	files, err := fs.Glob(catalogue, "catalogue/"+lang+"/*.toml")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		switch name := path.Base(file); {
		case strings.HasPrefix(name, "refusals"):
			decode(file, &out.refusals)
		case name == "terms.toml":
			decode(file, &out.terms)
		default:
			var tree map[string]any
			decode(file, &tree)
			out.flatten("", tree)
		}
	}
	return out
}

// in is the catalogue of a language; an unknown one is the first.
func in(lang string) texts {
	if x, ok := languages()[lang]; ok {
		return x
	}
	return languages()[Langs()[0]]
}

// text is the word for a key in this language, or else in the first.
func (x texts) text(k Key) (string, bool) {
	if text, ok := x.words[k]; ok {
		return text, true
	}
	text, ok := in(Langs()[0]).words[k]
	return text, ok
}

// langKey keeps the language in a context.
type langKey struct{}

// WithLang makes pages rendered with this context speak a language.
func WithLang(ctx context.Context, lang string) context.Context {
	return context.WithValue(ctx, langKey{}, in(lang).lang)
}

// LangOf is the language a page is rendered in.
func LangOf(ctx context.Context) string {
	lang, _ := ctx.Value(langKey{}).(string)
	return in(lang).lang
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

// Text finds a text in a language and fills in its {parameters}; pairs are name, value, name, value.
// A part in [brackets] is left out when a parameter in it is missing or empty. An unknown key is
// shown as it is: a test keeps that from happening in a page.
func Text(lang string, k Key, pairs ...string) string {
	params := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	text, ok := in(lang).text(k)
	if !ok {
		return string(k)
	}
	return fill(text, params)
}

// t is Text in the language of the page, short for the templates.
func t(ctx context.Context, k Key, pairs ...string) string { return Text(LangOf(ctx), k, pairs...) }

// count picks the text for one or for many and fills in {n}. A language without that difference
// says the same for both.
func count(ctx context.Context, k Key, n int) string {
	form := Key(".other")
	if n == 1 {
		form = ".one"
	}
	return t(ctx, k+form, "n", strconv.Itoa(n))
}

// word finds the word for a key of the data, such as a role or a reason. What the catalogue does
// not know is shown as the site wrote it, with a capital and spaces.
func word(ctx context.Context, group, key string) string {
	if text, ok := in(LangOf(ctx)).text(Key(group + "." + key)); ok {
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
// what to do, in a language. It reports false for a code it does not know.
func Sentence(lang, code string, params map[string]string) (Problem, bool) {
	s, ok := in(lang).refusals[code]
	if !ok {
		s, ok = in(Langs()[0]).refusals[code]
	}
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

// Sentence is what happened as a sentence in running text, with the stop its language writes.
func (p Problem) Sentence(lang string) string {
	text, _ := in(lang).text("format.sentence")
	return fill(text, map[string]string{"text": p.Happened})
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

// Terms are the loan terms of one version in a language, one sentence each. It reports false for a version this
// desk has no text for: nobody can accept terms that cannot be shown.
func Terms(lang, version string) ([]string, bool) {
	text, ok := in(lang).terms[version]
	return text.Lines, ok
}
