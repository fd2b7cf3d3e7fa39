package kiosktest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Page is a page as it was read.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	// HTML as it came, Title of the window, Text of everything that can be read on the page.
	HTML, Title, Text string
	Forms             []*Form
	Links             []Link
	// Live is the address of the page's event stream, if it has one.
	Live string

	buttons []button
}

// Link is an address with words on it.
type Link struct{ Text, Href string }

// Form is one form with its fields; Fields holds what a browser would send if nothing was touched.
type Form struct {
	ID, Action string
	Method     string
	Fields     url.Values
	// Offered are the values of radios by name; a radio can have no other.
	Offered map[string][]string
}

// Post is one posted form.
type Post struct {
	Action string
	Values url.Values
}

type button struct {
	form         *Form
	formID, text string
	name, value  string
}

// Says reports whether these words are on the page.
func (p *Page) Says(words string) bool { return strings.Contains(p.Text, words) }

// Buttons are the words on the page's buttons.
func (p *Page) Buttons() []string {
	list := make([]string, 0, len(p.buttons))
	for _, b := range p.buttons {
		list = append(list, b.text)
	}
	return list
}

// Has reports whether there is a button with these words.
func (p *Page) Has(label string) bool {
	return slices.ContainsFunc(p.buttons, func(b button) bool { return says(b.text, label) })
}

// says: the words of a button are the label, or begin with it as a tile's do.
func says(text, label string) bool { return text == label || strings.HasPrefix(text, label+" ") }

func (p *Page) press(label string, fields []string) (Post, error) {
	for _, b := range p.buttons {
		if !says(b.text, label) {
			continue
		}
		form := b.form
		if b.formID != "" {
			form = p.byID(b.formID)
		}
		if form == nil {
			return Post{}, errors.New("the button belongs to no form")
		}
		return form.post(b, fields)
	}
	return Post{}, fmt.Errorf("no such button; there are %q", p.Buttons())
}

func (p *Page) byID(id string) *Form {
	for _, f := range p.Forms {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (f *Form) post(b button, fields []string) (Post, error) {
	if f.Method != "post" {
		return Post{}, errors.New("the form is not posted")
	}
	values := url.Values{}
	for name, list := range f.Fields {
		values[name] = slices.Clone(list)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		name, value := fields[i], fields[i+1]
		offered, radio := f.Offered[name]
		_, present := f.Fields[name]
		if !present && !radio {
			return Post{}, fmt.Errorf("the form has no field %q", name)
		}
		if radio && !slices.Contains(offered, value) {
			return Post{}, fmt.Errorf("%q does not offer %q, only %q", name, value, offered)
		}
		values.Set(name, value)
	}
	if b.name != "" {
		values.Set(b.name, b.value)
	}
	return Post{Action: f.Action, Values: values}, nil
}

// Parse reads a page of well-formed HTML, as templ writes it.
func Parse(html []byte) (*Page, error) {
	p := &parser{page: &Page{HTML: string(html)}, dec: xml.NewDecoder(bytes.NewReader(html))}
	p.dec.Strict, p.dec.AutoClose, p.dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := p.dec.Token()
		if errors.Is(err, io.EOF) {
			return p.finish(), nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			p.start(token)
		case xml.EndElement:
			p.end(token.Name.Local)
		case xml.CharData:
			p.words(string(token))
		}
	}
}

type parser struct {
	page *Page
	dec  *xml.Decoder
	text strings.Builder
	// open form, button, link and title, while inside one.
	form   *Form
	button *button
	link   *Link
	title  bool
}

func (p *parser) start(e xml.StartElement) {
	at := attributes(e)
	if live, ok := at["data-live"]; ok {
		p.page.Live = live
	}
	switch e.Name.Local {
	case "title":
		p.title = true
	case "form":
		p.form = &Form{ID: at["id"], Action: at["action"], Method: strings.ToLower(at["method"]),
			Fields: url.Values{}, Offered: map[string][]string{}}
		p.page.Forms = append(p.page.Forms, p.form)
	case "input":
		p.input(at)
	case "button":
		p.button = &button{form: p.form, formID: at["form"], name: at["name"], value: at["value"]}
	case "a":
		p.link = &Link{Href: at["href"]}
	case "p", "div", "h1", "h2", "li", "dt", "dd", "small", "span", "b":
		p.words(" ")
	}
}

func (p *parser) input(at map[string]string) {
	if p.form == nil || at["name"] == "" {
		return
	}
	name, value := at["name"], at["value"]
	_, checked := at["checked"]
	switch at["type"] {
	case "radio":
		p.form.Offered[name] = append(p.form.Offered[name], value)
		if checked {
			p.form.Fields.Set(name, value)
		}
	case "checkbox":
		p.form.Offered[name] = append(p.form.Offered[name], value)
		if checked {
			p.form.Fields.Add(name, value)
		}
	default:
		p.form.Fields.Add(name, value)
	}
}

func (p *parser) end(name string) {
	switch name {
	case "title":
		p.title = false
	case "form":
		p.form = nil
	case "button":
		if p.button != nil {
			p.button.text = tidy(p.button.text)
			p.page.buttons = append(p.page.buttons, *p.button)
		}
		p.button = nil
	case "a":
		if p.link != nil {
			p.link.Text = tidy(p.link.Text)
			p.page.Links = append(p.page.Links, *p.link)
		}
		p.link = nil
	}
}

func (p *parser) words(text string) {
	switch {
	case p.title:
		p.page.Title += text
		return
	case p.button != nil:
		p.button.text += text
	case p.link != nil:
		p.link.Text += text
	}
	p.text.WriteString(text)
}

func (p *parser) finish() *Page {
	p.page.Title, p.page.Text = tidy(p.page.Title), tidy(p.text.String())
	return p.page
}

func tidy(text string) string { return strings.Join(strings.Fields(text), " ") }

func attributes(e xml.StartElement) map[string]string {
	at := make(map[string]string, len(e.Attr))
	for _, a := range e.Attr {
		at[a.Name.Local] = a.Value
	}
	return at
}
