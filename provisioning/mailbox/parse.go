package mailbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// The bounds of what is looked at and of what is kept.
const (
	maxRaw   = 256 << 10 // bytes of a message that are fetched
	maxDepth = 8         // multiparts in multiparts
	maxParts = 64        // parts of one message
	maxText  = 4000      // runes of the text
	maxLine  = 200       // runes of the subject and of the sender
)

// content is what a message says, as plain text.
type content struct {
	messageID, from, title, text string
	// cut says that there was more than the text shows.
	cut bool
}

// parse reads a message, or the beginning of one. It never fails: what cannot be read as a message
// is shown as it is, so that an officer sees that something came.
func parse(raw []byte) content {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		text, cut := clean(string(raw), maxText)
		return content{text: text, cut: cut}
	}
	c := content{messageID: strings.TrimSpace(m.Header.Get("Message-Id"))}
	c.from, _ = cleanLine(sender(m.Header.Get("From")))
	c.title, _ = cleanLine(decodeHeader(m.Header.Get("Subject")))
	w := walk{}
	w.part(textproto.MIMEHeader(m.Header), m.Body, 0)
	text := w.plain
	if strings.TrimSpace(text) == "" {
		text = stripHTML(w.html)
	}
	c.text, c.cut = clean(text, maxText)
	c.cut = c.cut || w.more
	return c
}

// sender is the address a message claims to come from. The name beside it is left out: it is
// whatever the sender wants to be called.
func sender(header string) string {
	if list, err := mail.ParseAddressList(header); err == nil && len(list) > 0 {
		return list[0].Address
	}
	return decodeHeader(header)
}

func decodeHeader(text string) string {
	words := mime.WordDecoder{CharsetReader: decode}
	if decoded, err := words.DecodeHeader(text); err == nil {
		return decoded
	}
	return text
}

// walk goes through the parts of a message and keeps the first plain text and the first HTML.
type walk struct {
	plain, html       string
	hasPlain, hasHTML bool
	parts             int
	more              bool
}

func (w *walk) part(header textproto.MIMEHeader, body io.Reader, depth int) {
	if w.parts++; w.parts > maxParts || depth > maxDepth {
		w.more = true
		return
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil && kind == "" {
		kind = "text/plain" // RFC 2045 section 5.2
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		w.multipart(params["boundary"], body, depth)
	case attached(header):
		w.more = true
	case kind == "text/plain" && !w.hasPlain:
		w.plain, w.hasPlain = read(header, params["charset"], body), true
	case kind == "text/html" && !w.hasHTML:
		w.html, w.hasHTML = read(header, params["charset"], body), true
	default:
		w.more = true
	}
}

func (w *walk) multipart(boundary string, body io.Reader, depth int) {
	if boundary == "" {
		w.more = true
		return
	}
	r := multipart.NewReader(body, boundary)
	for w.parts <= maxParts {
		p, err := r.NextRawPart()
		if err != nil {
			w.more = w.more || err != io.EOF
			return
		}
		w.part(p.Header, p, depth+1)
	}
}

// attached reports a part that its sender did not mean to be read in place.
func attached(header textproto.MIMEHeader) bool {
	disposition, _, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	return disposition == "attachment"
}

// read decodes a part into UTF-8, as far as it can be.
func read(header textproto.MIMEHeader, charset string, body io.Reader) string {
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	// What came before an error is kept: the message may have been cut by us.
	data, _ := io.ReadAll(io.LimitReader(body, maxRaw))
	r, err := decode(charset, bytes.NewReader(data))
	if err != nil {
		return string(data)
	}
	text, _ := io.ReadAll(io.LimitReader(r, 4*maxRaw))
	return string(text)
}

// decode turns a character set into UTF-8. One that is not known is left as it is; what is no UTF-8
// in it is replaced later.
func decode(charset string, body io.Reader) (io.Reader, error) {
	if charset == "" || strings.EqualFold(charset, "us-ascii") || strings.EqualFold(charset, "utf-8") {
		return body, nil
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return encoding.NewDecoder().Reader(body), nil
}
