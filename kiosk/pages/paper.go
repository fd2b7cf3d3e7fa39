package pages

import (
	"context"
	"io"
	"strconv"

	"github.com/a-h/templ"
)

// spoken renders what is in it in another language than the page's, where there is one.
func spoken(lang string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		inner := templ.GetChildren(ctx)
		if lang != "" {
			ctx = WithLang(ctx, lang)
		}
		return inner.Render(templ.ClearChildren(ctx), w)
	})
}

// HoursLines are the support hours of a site for reading, in a language.
func HoursLines(lang string, lines []string) []string {
	ctx := WithLang(context.Background(), lang)
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = hoursLine(ctx, line)
	}
	return out
}

// Uses says how often a code may be used; 0 is as often as one likes.
func Uses(lang string, n int) string {
	if n == 0 {
		return Text(lang, "paper.any")
	}
	return strconv.Itoa(n)
}
