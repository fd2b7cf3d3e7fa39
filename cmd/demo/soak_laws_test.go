//go:build e2e

package main

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// What may differ between the second and the last quarter of a soak. The first is for warming up.
const (
	// Connections are kept for a while and dropped: so many come and go.
	soakGoroutines = 4
	soakFDs        = 2
	// A row that stays alive costs the desk so much, with its indexes, and the verifier's own with it.
	// A few megabytes are buffers that are used again.
	soakRowBytes = 8 << 10
	soakHeap     = 2 << 20
	// The collector keeps as much again, and argon2 takes and gives 46 MB at a time.
	soakAnon = 96 << 20
	// The log is append-only: a file grows with every change for ever, and by the same amount.
	soakPerChange = 1.1
	// Pages that are free are used again, so that there are never more than a share of the file.
	soakFree      = 0.25
	soakFreePages = 512 << 10
	// Fewer changes than this say nothing of bytes: a page holds dozens of rows.
	soakChanges = 1000
)

// soakTrend is the second quarter of a soak beside the last one.
type soakTrend struct{ second, last []soakSample }

func trend(all []soakSample) (soakTrend, error) {
	const least = 8
	if len(all) < least {
		return soakTrend{}, fmt.Errorf("%d samples are fewer than %d", len(all), least)
	}
	quarter := len(all) / 4
	return soakTrend{all[quarter : 2*quarter], all[len(all)-quarter:]}, nil
}

// both is a figure in both quarters.
func (t soakTrend) both(figure func(soakSample) int64) (second, last int64) {
	return median(t.second, figure), median(t.last, figure)
}

// perChange is by how much a file grew for each change, in both quarters: zeros if there were too few.
func (t soakTrend) perChange(file func(soakSample) soakFile) (second, last float64) {
	grew := func(list []soakSample) float64 {
		from, to := list[0], list[len(list)-1]
		if to.changes-from.changes < soakChanges {
			return 0
		}
		return float64(file(to).live()-file(from).live()) / float64(to.changes-from.changes)
	}
	return grew(t.second), grew(t.last)
}

// soakFigures are what the bench table shows, by their names there.
func soakFigures(t soakTrend) map[string][2]float64 {
	figures := map[string][2]float64{}
	for name, figure := range map[string]func(soakSample) float64{
		"anon-MB":    func(s soakSample) float64 { return mega(s.anon) },
		"heap-MB":    func(s soakSample) float64 { return mega(s.heap) },
		"row-KB":     func(s soakSample) float64 { return s.perRow() / 1024 },
		"goroutines": func(s soakSample) float64 { return float64(s.goroutines) },
		"fds":        func(s soakSample) float64 { return float64(s.fds) },
	} {
		figures[name] = [2]float64{median(t.second, figure), median(t.last, figure)}
	}
	second, last := t.perChange(func(s soakSample) soakFile { return s.desk })
	figures["desk-B/change"] = [2]float64{second, last}
	second, last = t.perChange(func(s soakSample) soakFile { return s.verifier })
	figures["verifier-B/change"] = [2]float64{second, last}
	return figures
}

// broken says which laws a soak broke, in words.
func broken(t soakTrend) (laws []string) {
	say := func(format string, values ...any) { laws = append(laws, fmt.Sprintf(format, values...)) }
	more := func(what string, most int64, figure func(soakSample) int64) {
		if second, last := t.both(figure); last > second+most {
			say("%s grew from %d to %d, by more than %d", what, second, last, most)
		}
	}
	more("goroutines", soakGoroutines, func(s soakSample) int64 { return int64(s.goroutines) })
	more("descriptors", soakFDs, func(s soakSample) int64 { return int64(s.fds) })
	rows, later := t.both(func(s soakSample) int64 { return int64(s.rows) })
	grown := max(0, later-rows) * soakRowBytes
	more("the live heap", soakHeap+grown, func(s soakSample) int64 { return s.heap })
	more("anonymous memory", soakAnon+2*grown, func(s soakSample) int64 { return s.anon })
	for name, file := range map[string]func(soakSample) soakFile{
		"desk's":     func(s soakSample) soakFile { return s.desk },
		"verifier's": func(s soakSample) soakFile { return s.verifier },
	} {
		if second, last := t.perChange(file); last > soakPerChange*second && second > 0 {
			say("the %s file grew by %.0f bytes for each change, and by %.0f at the end", name,
				second, last)
		}
		most := func(s soakSample) int64 { return soakFreePages + int64(soakFree*float64(file(s).used)) }
		if _, free := t.both(func(s soakSample) int64 { return file(s).free - most(s) }); free > 0 {
			say("%d bytes more of the %s file are free than may be", free, name)
		}
	}
	return laws
}

// level is a soak in which nothing grows but the log.
func level() []soakSample {
	all := make([]soakSample, 16)
	for i := range all {
		n := int64(i)
		all[i] = soakSample{at: time.Duration(i) * time.Minute, goroutines: 80 + i%3, fds: 30 + i%2,
			heap: 20<<20 + n*200<<10, anon: 90<<20 + n%2*40<<20, rows: 2000 + 100*i,
			changes: 1000 * n, desk: soakFile{1 << 26, 1<<20 + n*2_100_000, 80 << 10},
			verifier: soakFile{1 << 26, 1<<20 + n*1_300_000, 80 << 10}}
	}
	return all
}

// TestE2ESoakLaws: what grows without a reason breaks its law, and what does not breaks none.
func TestE2ESoakLaws(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(i int, s *soakSample)
		broken int
	}{
		"level":       {func(int, *soakSample) {}, 0},
		"goroutines":  {func(i int, s *soakSample) { s.goroutines += i }, 1},
		"descriptors": {func(i int, s *soakSample) { s.fds += i / 2 }, 1},
		"heap":        {func(i int, s *soakSample) { s.heap += int64(i) * 1 << 20 }, 1},
		"anonymous":   {func(i int, s *soakSample) { s.anon += int64(i) * 20 << 20 }, 1},
		"bytes":       {func(i int, s *soakSample) { s.desk.used += int64(i*i) * 20_000 }, 1},
		"free": {func(i int, s *soakSample) {
			s.desk.used += int64(i) * 4 << 20
			s.desk.free += int64(i) * 4 << 20
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			all := level()
			for i := range all {
				tt.change(i, &all[i])
			}
			quarters, err := trend(all)
			if err != nil {
				t.Fatal(err)
			}
			if laws := broken(quarters); len(laws) != tt.broken {
				t.Errorf("%d laws are broken, want %d: %q", len(laws), tt.broken, laws)
			}
		})
	}
}

// leak plants a leak for each visit: SOAK_LEAK is "goroutine", "descriptor" or "memory". A soak
// that does not find it finds nothing.
func (s *soak) leak() {
	switch os.Getenv("SOAK_LEAK") {
	case "goroutine":
		go func() { <-s.t.Context().Done() }()
	case "descriptor":
		file, err := os.Open(os.DevNull)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = file.Close() })
	case "memory":
		s.kept = append(s.kept, make([]byte, 256<<10))
	}
}
