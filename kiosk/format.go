package kiosk

import (
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// date, clock and moment write a time in the site's zone and the language of the page; the zero time
// is empty.
func (sc scenery) date(t time.Time) string { return pages.Date(sc.frame.Lang, sc.local(t)) }

func (sc scenery) clock(t time.Time) string { return pages.Time(sc.local(t)) }

func (sc scenery) moment(t time.Time) string { return pages.Moment(sc.frame.Lang, sc.local(t)) }

func (sc scenery) local(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(sc.site.Location)
}

// money writes an amount as the site and the language do, "MOP$235.00"; nothing is empty.
func (sc scenery) money(m provisioning.Money) string {
	return pages.Amount(sc.frame.Lang, m.Label, m.Minor)
}

// grouped splits a long number for the eye: "AB12 3456 7".
func grouped(number string) string {
	if len(number) <= 5 || !isASCII(number) {
		return number
	}
	var b strings.Builder
	for i, c := range number {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func isASCII(s string) bool { return utf8.RuneCountInString(s) == len(s) }

// reference is the short name of a visit on paper.
func reference(v provisioning.Visit) string {
	if v.PickUp != "" {
		return v.PickUp
	}
	return strings.ToUpper(string(v.ID[:min(6, len(v.ID))]))
}

// hours are the support hours, one line for each group of days.
func hours(site provisioning.Site) []string {
	lines := make([]string, 0, len(site.Hours))
	for _, h := range site.Hours {
		lines = append(lines, h.Days+" "+strings.Join(h.Spans, ", "))
	}
	return lines
}

// problem is a refusal in words. Times in its parameters come in RFC 3339 and leave in the site's
// zone; a date without a time is the same everywhere. A code without a sentence is shown as a
// general one: a test keeps that from happening.
func (sc scenery) problem(code provisioning.Code, params map[string]string) pages.Problem {
	p, ok := pages.Sentence(sc.frame.Lang, string(code), sc.inZone(params))
	if !ok {
		p, _ = pages.Sentence(sc.frame.Lang, string(CodeUnknown), nil)
	}
	return p
}

func (sc scenery) inZone(params map[string]string) map[string]string {
	out := maps.Clone(params)
	for name, value := range params {
		if d, err := time.Parse(time.DateOnly, value); err == nil {
			out[name] = pages.Date(sc.frame.Lang, d)
			continue
		}
		t, err := time.Parse(time.RFC3339, value)
		if err != nil {
			continue
		}
		switch name {
		case "until":
			out[name] = sc.clock(t)
		case "due":
			out[name] = sc.date(t)
		default:
			out[name] = sc.moment(t)
		}
	}
	return out
}
