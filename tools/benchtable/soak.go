package main

import "fmt"

// soakBench is what keeps a desk and its verifier busy. It measures in the second quarter of its
// time and in the last, and says itself which of its laws was broken.
const soakBench = "BenchmarkE2ESoak"

// soaked are figures of both quarters, "second-" and "last-" of each unit in turn, and the minutes.
// It is met unless one of the laws was broken.
func soaked(r run, units, laws []string) (values []any, met bool, err error) {
	names := []string{}
	for _, unit := range units {
		names = append(names, "second-"+unit, "last-"+unit)
	}
	if values, err = r.all(soakBench, append(names, "minutes")...); err != nil {
		return nil, false, err
	}
	met = true
	for _, law := range laws {
		broken, err := r.metric(soakBench, law+"-broken")
		if err != nil {
			return nil, false, err
		}
		met = met && broken == 0
	}
	return values, met, nil
}

func soakMemory(r run) (line, error) {
	v, met, err := soaked(r, []string{"heap-MB", "row-KB", "anon-MB"}, []string{"heap", "anonymous"})
	if err != nil {
		return line{}, err
	}
	l := said(met, "heap %.1f -> %.1f MB, %.0f -> %.0f KB for each live row", v[:4]...)
	l.text = append(l.text, fmt.Sprintf("resident %.0f -> %.0f MB; desk, verifier and load in one "+
		"process, %.0f minutes", v[4:]...))
	return l, nil
}

// soakLevel wants a count to stay what it was.
func soakLevel(unit, law string) func(run) (line, error) {
	return func(r run) (line, error) {
		v, met, err := soaked(r, []string{unit}, []string{law})
		if err != nil {
			return line{}, err
		}
		return said(met, "%.0f -> %.0f in %.0f minutes", v...), nil
	}
}

// soakBytes wants each change to cost the same, early and late. The log is append-only, so that a
// file grows for ever.
func soakBytes(of string) func(run) (line, error) {
	return func(r run) (line, error) {
		v, met, err := soaked(r, []string{of + "-B/change"}, []string{of, of + "-free"})
		if err != nil {
			return line{}, err
		}
		return said(met, "%.0f -> %.0f in %.0f minutes", v...), nil
	}
}
