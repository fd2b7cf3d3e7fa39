package mailbox

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const head = "From: Chan <chan@example.edu>\r\nSubject: code please\r\nMessage-ID: <1@x>\r\n"

// deep is a multipart in a multipart, many times over.
func deep(n int) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\r\n\r\nat the bottom")
	return b.String()
}

func part(kind, body string) string {
	return "--b\r\nContent-Type: " + kind + "\r\n\r\n" + body + "\r\n"
}

const mixed = head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

var samples = map[string]struct {
	raw, title, text string
	cut              bool
}{
	"plain":      {head + "\r\nE1234, 1234\r\nphone at home\r\n", "code please", "E1234, 1234\nphone at home", false},
	"bare":       {"\r\nno header", "", "no header", false},
	"no message": {"not a message at all", "", "not a message at all", false},
	"quoted": {head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		"=E6=89=8B=E6=A9=9F=\r\n at home", "code please", "手機 at home", false},
	"base64": {head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte("手機")), "code please", "手機", false},
	"big5":        {head + "Content-Type: text/plain; charset=big5\r\n\r\n\xa4\xe2\xbe\xf7", "code please", "手機", false},
	"gb18030":     {head + "Content-Type: text/plain; charset=gb18030\r\n\r\n\xca\xd6\xbb\xfa", "code please", "手机", false},
	"latin1":      {head + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\na\xe7\xe3o", "code please", "ação", false},
	"bad charset": {head + "Content-Type: text/plain; charset=nonsense\r\n\r\na\xffb", "code please", "a\uFFFDb", false},
	"8 bit":       {head + "\r\na\xff\xfeb", "code please", "a\uFFFDb", false},
	"subject":     {"From: a@b.mo\r\nSubject: =?big5?B?pOK+9w==?=\r\n\r\nx", "手機", "x", false},
	"alternative": {mixed + part("text/html", "<p>html</p>") + part("text/plain", "plain") + "--b--", "code please",
		"plain", false},
	"attachment": {mixed + part("text/plain", "see picture") + part("image/png", "\x89PNG") + "--b--", "code please",
		"see picture", true},
	"html only": {head + "Content-Type: text/html\r\n\r\n<html><head><title>t</title><style>p{}</style></head><body>" +
		"<p>E1234 &lt;1234&gt;<br>phone\r\nat <b>home</b></p><script>alert(1)</script><!-- no --></body></html>",
		"code please", "E1234 <1234>\nphone at home", false},
	"truncated":   {mixed + part("text/plain", "first") + "--b\r\nContent-Type: image/png\r\n\r\nabc", "code please", "first", true},
	"no boundary": {head + "Content-Type: multipart/mixed\r\n\r\nx", "code please", "", true},
	"deep":        {deep(200), "code please", "", true},
	"direction":   {head + "\r\nabc\u202Edef\u200Bghi\x00\x1b[31m", "code please", "abcdefghi[31m", false},
	"blank lines": {head + "\r\na\r\n\r\n\r\n\r\n\r\nb \t\r\n", "code please", "a\n\nb", false},
	"long":        {head + "\r\n" + strings.Repeat("字", maxText+10), "code please", strings.Repeat("字", maxText), true},
}

func TestParse(t *testing.T) {
	for name, test := range samples {
		c := parse([]byte(test.raw))
		if c.title != test.title || c.text != test.text || c.cut != test.cut {
			t.Errorf("%s: %q %.80q cut %v", name, c.title, c.text, c.cut)
		}
	}
	if c := parse([]byte(samples["plain"].raw)); c.from != "chan@example.edu" || c.messageID != "<1@x>" {
		t.Errorf("from %q, id %q", c.from, c.messageID)
	}
}

// FuzzParse: whatever comes in, what goes on is valid, bounded plain text, and the same each time.
func FuzzParse(f *testing.F) {
	for _, test := range samples {
		if len(test.raw) < 1000 { // making a long one shorter is all the engine would do
			f.Add([]byte(test.raw))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := parse(raw)
		if c != parse(raw) {
			t.Fatal("read twice, read differently")
		}
		for name, of := range map[string]struct {
			text string
			most int
		}{"from": {c.from, maxLine}, "title": {c.title, maxLine}, "text": {c.text, maxText}} {
			if !utf8.ValidString(of.text) || utf8.RuneCountInString(of.text) > of.most {
				t.Fatalf("%s: %d bytes, not valid or too long", name, len(of.text))
			}
			for _, r := range of.text {
				if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && (r != '\n' || name != "text") {
					t.Fatalf("%s holds %U", name, r)
				}
			}
		}
	})
}
