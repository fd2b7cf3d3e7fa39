package wedge

import (
	"errors"
	"fmt"
	"regexp"
)

// Field says where in a scan the card's number stands. One of Pattern and Track is set.
type Field struct {
	// Pattern is a regular expression over the whole scan with one group, which is the number:
	// "S([0-9]{8})" takes eight digits behind a letter, and nothing from any other scan.
	Pattern string `toml:"pattern"`
	// Track is the track of a magnetic stripe, 1 to 3. Part is which of its fields, from 1; 0 is
	// all of the track between its sentinels.
	Track int `toml:"track"`
	Part  int `toml:"part"`
	// LRC says that the reader sends the check character behind each track.
	LRC bool `toml:"lrc"`
}

// Rule is a Field that was checked.
type Rule struct {
	field   Field
	pattern *regexp.Regexp
}

// Compile refuses a field that could never be found, or found in two places.
func (f Field) Compile() (*Rule, error) {
	switch {
	case (f.Pattern == "") == (f.Track == 0):
		return nil, errors.New(`field: say either "pattern" or "track"`)
	case f.Pattern != "" && (f.Part != 0 || f.LRC):
		return nil, errors.New(`field: "part" and "lrc" belong to a "track"`)
	case f.Track < 0 || f.Track > 3 || f.Part < 0:
		return nil, errors.New(`field: "track" is 1, 2 or 3, and "part" counts from 1`)
	case f.Track != 0:
		return &Rule{field: f}, nil
	}
	pattern, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("field: %w", err)
	}
	if n := pattern.NumSubexp(); n != 1 {
		return nil, fmt.Errorf("field: the pattern has %d groups: one is the number", n)
	}
	return &Rule{field: f, pattern: pattern}, nil
}

// Extract takes the field out of what was typed. The error is a Drop. The result stands in text,
// and is never empty.
func (r *Rule) Extract(text []byte) ([]byte, error) {
	if len(text) > maxScan {
		return nil, DropLong
	}
	if r.pattern == nil {
		tracks, err := parseTracks(text, r.field.LRC)
		if err != nil {
			return nil, err
		}
		return r.fromTracks(tracks)
	}
	found := r.pattern.FindSubmatch(text)
	if found == nil || len(found[1]) == 0 {
		return nil, DropField
	}
	return found[1], nil
}

// fromTracks takes the field out of a stripe.
func (r *Rule) fromTracks(tracks stripe) ([]byte, error) {
	t := tracks[r.field.Track-1]
	switch {
	case r.pattern != nil || !t.seen:
		return nil, DropField
	case t.drop != "":
		return nil, t.drop
	}
	part := t.part(r.field.Track, r.field.Part)
	if len(part) == 0 {
		return nil, DropField
	}
	return part, nil
}
