package pages

import (
	"context"
	"net/url"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

func escape(s string) string { return url.QueryEscape(s) }

// groups splits a serial into blocks for the eye: at its spaces, or every four digits. A reference
// with letters stays whole.
func groups(serial string) []string {
	if strings.Trim(serial, "0123456789") != "" {
		return strings.Fields(serial)
	}
	var out []string
	for len(serial) > 4 {
		out = append(out, serial[:4])
		serial = serial[4:]
	}
	return append(out, serial)
}

// spelled is a serial for the ear: one character at a time.
func spelled(serial string) string {
	return strings.Join(strings.Split(strings.ReplaceAll(serial, " ", ""), ""), " ")
}

// boardRows are the keys of the keyboard.
func boardRows(upper bool) []string {
	rows := []string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm-/."}
	if upper {
		for i, row := range rows {
			rows[i] = strings.ToUpper(row)
		}
	}
	return rows
}

// layerRows are the keys of one layer of the keyboard for passwords: together they are all printable
// characters of ASCII.
func layerRows(layer string) []string {
	lower := []string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"}
	switch layer {
	case "upper":
		for i, row := range lower {
			lower[i] = strings.ToUpper(row)
		}
		return lower
	case "signs":
		return []string{"!\"#$%&'()*", "+,-./:;<=>", "?@[\\]^_`", "{|}~"}
	}
	return lower
}

// joined writes a list for reading: "FIDO2, PIV and OpenPGP".
func joined(ctx context.Context, items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " " + t(ctx, "frame.and") + " " + items[last]
}

// termLines are the terms of a version with the fee filled in.
func termLines(ctx context.Context, version, fee string) []string {
	lines, _ := Terms(LangOf(ctx), version)
	out := make([]string, 0, len(lines))
	for _, text := range lines {
		out = append(out, fill(text, map[string]string{"fee": fee}))
	}
	return out
}

// hoursLine is a line of support hours for reading: "mon-thu 09:00-13:00" as the site writes it
// becomes "Mon–Thu 09:00–13:00". Days the catalogue does not know stay as they are.
func hoursLine(ctx context.Context, line string) string {
	days, rest, _ := strings.Cut(line, " ")
	ends := strings.Split(days, "-")
	for i, day := range ends {
		name, ok := in(LangOf(ctx)).text(Key("day." + day))
		if !ok {
			return line
		}
		ends[i] = name
	}
	when := ends[0]
	if len(ends) == 2 {
		when = t(ctx, "format.days", "from", ends[0], "to", ends[1])
	}
	return when + " " + strings.ReplaceAll(rest, "-", "–")
}
