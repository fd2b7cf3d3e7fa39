package mailbox

import (
	"html"
	"strings"
	"unicode"
)

// clean makes text fit to be shown: valid, bounded, without control characters but the line break,
// and without those that turn the direction of writing or have no width: they make a text read
// other than it is. It reports whether something had to go for want of room.
func clean(text string, most int) (string, bool) {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	var lines []string
	blank := 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRightFunc(strings.Map(show, line), unicode.IsSpace)
		if blank++; line != "" {
			blank = 0
		}
		if blank < 2 {
			lines = append(lines, line)
		}
	}
	out := []rune(strings.TrimSpace(strings.Join(lines, "\n")))
	if len(out) <= most {
		return string(out), false
	}
	return strings.TrimSpace(string(out[:most])), true
}

// cleanLine is clean for what stands on one line.
func cleanLine(text string) (string, bool) {
	return clean(strings.Join(strings.Fields(text), " "), maxLine)
}

// show maps a character to what is shown of it.
func show(r rune) rune {
	switch {
	case r == '\t' || r == '\u00a0':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r),
		r == '\u2028', r == '\u2029':
		return -1
	}
	return r
}

// silent are the elements whose content is not text.
var silent = map[string]bool{"head": true, "style": true, "script": true, "title": true,
	"template": true}

// breaking are the elements that begin a line.
var breaking = map[string]bool{"br": true, "p": true, "div": true, "tr": true, "li": true,
	"table": true, "ul": true, "ol": true, "h1": true, "h2": true, "h3": true, "blockquote": true}

// stripHTML keeps the text of HTML. It renders nothing and follows nothing; what it gets wrong is
// read by a person who sees that it is odd.
func stripHTML(text string) string {
	var out strings.Builder
	until := "" // the element whose content is being left out
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		if until == "" {
			out.WriteString(strings.Map(flat, before))
		}
		if !found {
			break
		}
		if after, ok := strings.CutPrefix(rest, "!--"); ok {
			_, text, _ = strings.Cut(after, "-->")
			continue
		}
		var tag string
		tag, text, _ = strings.Cut(rest, ">")
		name, end := element(tag)
		switch {
		case until != "":
			if end && name == until {
				until = ""
			}
		case silent[name] && !end && !strings.HasSuffix(tag, "/"):
			until = name
		case breaking[name]:
			out.WriteByte('\n')
		}
	}
	lines := strings.Split(html.UnescapeString(out.String()), "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}

// flat makes a line break a space, as a browser does.
func flat(r rune) rune {
	if r == '\n' || r == '\r' {
		return ' '
	}
	return r
}

// element reads the name of a tag, and whether it ends the element.
func element(tag string) (name string, end bool) {
	tag, end = strings.CutPrefix(tag, "/")
	nameEnds := func(r rune) bool { return unicode.IsSpace(r) || r == '/' }
	if i := strings.IndexFunc(tag, nameEnds); i >= 0 {
		tag = tag[:i]
	}
	return strings.ToLower(tag), end
}
