package pages

import (
	"strconv"
	"strings"
	"time"
)

// How times are written: the month is always a word, so that no day is taken for a month, and the
// clock has 24 hours. A language says in its table "format" in what order.

// Date writes a day, "23 November 2026"; the zero time is empty.
func Date(lang string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return Text(lang, "format.date", "day", strconv.Itoa(at.Day()), "year", strconv.Itoa(at.Year()),
		"month", Text(lang, Key("month."+strconv.Itoa(int(at.Month())))))
}

// Time writes a time of day, "09:04"; the zero time is empty.
func Time(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format("15:04")
}

// Moment writes day and time; the zero time is empty.
func Moment(lang string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return Text(lang, "format.moment", "date", Date(lang, at), "time", Time(at))
}

// Amount writes money as the language does, "MOP$235.00"; minor is in hundredths, and nothing is
// empty.
func Amount(lang, label string, minor int64) string {
	if minor == 0 {
		return ""
	}
	cents := strconv.FormatInt(100+minor%100, 10)[1:]
	return label + strings.Join([]string{strconv.FormatInt(minor/100, 10), cents},
		Text(lang, "format.decimal"))
}
