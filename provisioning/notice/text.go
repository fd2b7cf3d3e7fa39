package notice

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/tokendesk/tokendesk/provisioning"
)

//go:embed texts/*.toml
var files embed.FS

// fallback is the language of whoever reads none of the others.
const fallback = "en"

// Languages lists the languages there are texts in.
func Languages() []string { return []string{"en", "zh-Hant", "pt", "ms"} }

// article is what one kind of notice says: by mail, and by text message.
type article struct{ Subject, Mail, SMS string }

// language is all that is said in one.
type language struct {
	// Date is how a moment is written, with {year}, {month}, {day} and {time}.
	Date   string
	Months []string
	// Greeting, Alarm and Closing frame every mail message; Twice and TwiceSMS stand in one that may
	// be the second.
	Greeting, Alarm, Closing, Twice string
	TwiceSMS                        string `toml:"twice_sms"`
	// Passcodes are the words for the types of passcode; "any" is for one without a word.
	Passcodes map[string]string
	// Delivery carries a passcode.
	Delivery article
	// articles are the notices, by kind.
	articles map[string]article
}

// languages are read once; a broken file is a mistake of the build and stops the first test.
var languages = sync.OnceValue(func() map[string]language {
	all := map[string]language{}
	for _, tag := range Languages() {
		l, err := readLanguage("texts/" + tag + ".toml")
		if err != nil {
			panic(err)
		}
		all[tag] = l
	}
	return all
})

func readLanguage(name string) (language, error) {
	var l language
	var rest map[string]toml.Primitive
	if _, err := toml.DecodeFS(files, name, &l); err != nil {
		return l, fmt.Errorf("%s: %w", name, err)
	}
	meta, err := toml.DecodeFS(files, name, &rest)
	if err != nil {
		return l, fmt.Errorf("%s: %w", name, err)
	}
	l.articles = map[string]article{}
	for _, kind := range provisioning.NoticeKinds() {
		var a article
		if err := meta.PrimitiveDecode(rest[string(kind)], &a); err != nil {
			return l, fmt.Errorf("%s: %s: %w", name, kind, err)
		}
		l.articles[string(kind)] = a
	}
	return l, nil
}

// languageOf finds the texts for a tag.
func languageOf(tag string) language {
	if l, ok := languages()[tag]; ok {
		return l
	}
	return languages()[fallback]
}

// words are the parameters of a text, written in its language.
type words map[string]string

// words writes down what is known: of the person, of the site, and of the notice.
func (l language) words(
	site provisioning.Site, p provisioning.Person, lang string, at time.Time, params map[string]string,
) words {
	w := words{"name": p.Name, "desk": site.Desk, "site": site.Name, "at": l.moment(site, at),
		"serial": params["serial"], "kind": l.passcode(params["kind"])}
	if p.Native != "" && p.NativeLang == lang {
		w["name"] = p.Native
	}
	if n, err := strconv.Atoi(params["uses"]); err == nil && n > 1 {
		w["uses"] = strconv.Itoa(n)
	}
	for _, name := range []string{"due", "until"} {
		if t, err := time.Parse(time.RFC3339, params[name]); err == nil {
			w[name] = l.moment(site, t)
		}
	}
	return w
}

func (l language) passcode(kind string) string {
	if word, ok := l.Passcodes[kind]; ok {
		return word
	}
	return l.Passcodes["any"]
}

// moment writes a time with the month spelled, on a clock of 24 hours.
func (l language) moment(site provisioning.Site, t time.Time) string {
	if site.Location != nil {
		t = t.In(site.Location)
	}
	return fill(l.Date, words{"year": strconv.Itoa(t.Year()), "month": l.Months[t.Month()-1],
		"day": strconv.Itoa(t.Day()), "time": t.Format("15:04")})
}

// mail is the whole text of a mail message.
func (l language) mail(body string, w words, twice bool) string {
	parts := []string{l.Greeting, body, l.Alarm, l.Closing}
	for i, part := range parts {
		parts[i] = fill(part, w)
	}
	if twice {
		parts = append([]string{l.Twice}, parts...)
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// text is the whole of a text message.
func (l language) text(a article, w words, twice bool) string {
	said := fill(a.SMS, w)
	if twice {
		said += " " + l.TwiceSMS
	}
	return said
}

// fill puts words in the place of their {names}. A [part] in which one is missing is left out.
func fill(text string, w words) string {
	var out strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "[")
		out.WriteString(put(before, w))
		if !found {
			break
		}
		part, after, _ := strings.Cut(rest, "]")
		if complete(part, w) {
			out.WriteString(put(part, w))
		}
		text = after
	}
	return out.String()
}

// put goes through the text once: what is put in is not looked at again.
func put(text string, w words) string {
	var pairs []string
	for _, name := range names(text) {
		pairs = append(pairs, "{"+name+"}", w[name])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func complete(part string, w words) bool {
	for _, name := range names(part) {
		if w[name] == "" {
			return false
		}
	}
	return true
}

// names are the parameters of a text, in order.
func names(text string) []string {
	var list []string
	for {
		_, rest, found := strings.Cut(text, "{")
		if !found {
			return list
		}
		name, after, _ := strings.Cut(rest, "}")
		list, text = append(list, name), after
	}
}
