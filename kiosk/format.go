package kiosk

import (
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// How times are written: the month is always a word, so that no day is taken for a month, and the
// clock has 24 hours. The zone is the site's.
const (
	layoutDate   = "2 January 2006"
	layoutTime   = "15:04"
	layoutMoment = layoutDate + ", " + layoutTime
)

// in formats a time in the site's zone; the zero time is empty.
func in(site provisioning.Site, t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(site.Location).Format(layout)
}

// money writes an amount as the site does, "MOP$235.00"; nothing is empty.
func money(m provisioning.Money) string {
	if m.Minor == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d.%02d", m.Label, m.Minor/100, m.Minor%100)
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
func problem(
	site provisioning.Site, code provisioning.Code, params map[string]string,
) pages.Problem {
	p, ok := pages.Sentence(string(code), inZone(site, params))
	if !ok {
		p, _ = pages.Sentence(string(CodeUnknown), nil)
	}
	return p
}

func inZone(site provisioning.Site, params map[string]string) map[string]string {
	out := maps.Clone(params)
	for name, value := range params {
		if d, err := time.Parse(time.DateOnly, value); err == nil {
			out[name] = d.Format(layoutDate)
			continue
		}
		t, err := time.Parse(time.RFC3339, value)
		if err != nil {
			continue
		}
		layout := layoutMoment
		if name == "until" {
			layout = layoutTime
		}
		if name == "due" {
			layout = layoutDate
		}
		out[name] = in(site, t, layout)
	}
	return out
}
