package daemon

import (
	"bytes"
	"maps"
	"slices"
	"strconv"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// numbers lists the generations, oldest first.
func (s SiteSecret) numbers() []int { return slices.Sorted(maps.Keys(s.generations)) }

// extends says whether s holds all that another does, as it is there, and a newer generation.
func (s SiteSecret) extends(other SiteSecret) bool {
	for number, key := range other.generations {
		if deskKeyID(s.generations[number]) != deskKeyID(key) {
			return false
		}
	}
	return s.newest > other.newest
}

// without is the secret after a generation was given up.
func (s SiteSecret) without(generation int) SiteSecret {
	rest := SiteSecret{generations: map[int]secret.Key{}, newest: s.newest}
	for number, key := range s.generations {
		if number != generation {
			rest.generations[number] = key
		}
	}
	return rest
}

// dropGeneration is the text of a site secret without one generation.
func dropGeneration(text []byte, generation int) ([]byte, error) {
	if _, err := parseSiteSecret(text); err != nil {
		return nil, err
	}
	var rest []byte
	for line := range bytes.Lines(text) {
		number, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if n, err := strconv.Atoi(string(number)); err != nil || n != generation {
			rest = append(rest, line...)
		}
	}
	_, err := parseSiteSecret(rest)
	return rest, err
}
