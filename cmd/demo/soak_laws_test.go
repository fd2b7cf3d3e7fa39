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
	// What a connection takes, both ends of it. Some are kept for a while, and dropped.
	soakGoroutines = 4
	soakFDs        = 2
	// A row that stays alive costs the desk so much, with its indexes, and the verifier's own with it.
	// A few megabytes are buffers that are used again.
	soakRowBytes = 2 << 10
	soakHeap     = 2 << 20
	// The collector keeps as much again, and argon2 takes and gives 46 MB at a time.
	soakAnon = 96 << 20
	// The log is append-only: a file grows with every change for ever, and by the same amount.
	soakPerChange = 1.1
	// Pages that are free are used again, so that there are never more than a share of the file.
	soakFree      = 0.25
	soakFreePages = 512 << 10
	// A few pages more or less are free at a time.
	soakPages = 64 << 10
	// Of fewer changes than soakChanges that cannot be said so exactly: some visits write more.
	soakChanges = 1000
	soakRoughly = 1.5
)

// soakTrend is the second quarter of a soak beside the last one, each with the sample it began at.
type soakTrend struct {
	second, last []soakSample
	// idle is how many connections may come and go.
	idle int64
}

func trend(all []soakSample, idle int64) (soakTrend, error) {
	const least = 8
	if len(all) < least {
		return soakTrend{}, fmt.Errorf("%d samples are fewer than %d", len(all), least)
	}
	quarter := len(all) / 4
	return soakTrend{all[quarter-1 : 2*quarter], all[len(all)-quarter-1:], idle}, nil
}

// both is a figure in both quarters.
func (t soakTrend) both(figure func(soakSample) int64) (second, last int64) {
	return median(t.second, figure), median(t.last, figure)
}

// perChange is by how much a file grew for each change, in both quarters; most is by how many times
// as much it may at the end.
func (t soakTrend) perChange(file func(soakSample) soakFile) (second, last, most float64) {
	most = soakPerChange
	grew := func(list []soakSample) float64 {
		from, to := list[0], list[len(list)-1]
		changes := to.changes - from.changes
		if changes < soakChanges {
			most = soakRoughly
		}
		return float64(file(to).live()-file(from).live()) / float64(max(1, changes))
	}
	return grew(t.second), grew(t.last), most
}

// changes are those of the last quarter.
func (t soakTrend) changes() int64 { return t.last[len(t.last)-1].changes - t.last[0].changes }

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
	for name, file := range soakFiles {
		second, last, _ := t.perChange(file)
		figures[name+"-B/change"] = [2]float64{second, last}
	}
	return figures
}

// soakFiles are the two files, by whose they are.
var soakFiles = map[string]func(soakSample) soakFile{
	"desk":     func(s soakSample) soakFile { return s.desk },
	"verifier": func(s soakSample) soakFile { return s.verifier },
}

// broken says in words which laws a soak broke, by what they are about.
func broken(t soakTrend) map[string]string {
	laws := map[string]string{}
	more := func(what string, most int64, figure func(soakSample) int64) {
		if second, last := t.both(figure); last > second+most {
			laws[what] = fmt.Sprintf("%s: from %d to %d, by more than %d", what, second, last, most)
		}
	}
	more("goroutines", t.idle*soakGoroutines, func(s soakSample) int64 { return int64(s.goroutines) })
	more("descriptors", t.idle*soakFDs, func(s soakSample) int64 { return int64(s.fds) })
	rows, later := t.both(func(s soakSample) int64 { return int64(s.rows) })
	grown := max(0, later-rows) * soakRowBytes
	more("heap", soakHeap+grown, func(s soakSample) int64 { return s.heap })
	more("anonymous", soakAnon+2*grown, func(s soakSample) int64 { return s.anon })
	for name, file := range soakFiles {
		second, last, most := t.perChange(file)
		if last > most*second+soakPages/float64(max(1, t.changes())) {
			laws[name] = fmt.Sprintf("the file of the %s: %.0f bytes for each change, and %.0f at the end",
				name, second, last)
		}
		share := func(s soakSample) int64 { return soakFreePages + int64(soakFree*float64(file(s).used)) }
		if _, free := t.both(func(s soakSample) int64 { return file(s).free - share(s) }); free > 0 {
			laws[name+" free"] = fmt.Sprintf("the file of the %s: %d bytes more are free than may be",
				name, free)
		}
	}
	return laws
}

// judge fails the test for each law that is broken.
func (t soakTrend) judge(to testing.TB) {
	to.Helper()
	for _, law := range broken(t) {
		to.Error(law)
	}
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
		broken string
	}{
		"level":       {func(int, *soakSample) {}, ""},
		"goroutines":  {func(i int, s *soakSample) { s.goroutines += i }, "goroutines"},
		"descriptors": {func(i int, s *soakSample) { s.fds += i / 2 }, "descriptors"},
		"heap":        {func(i int, s *soakSample) { s.heap += int64(i) * 1 << 20 }, "heap"},
		"anonymous":   {func(i int, s *soakSample) { s.anon += int64(i) * 20 << 20 }, "anonymous"},
		"bytes":       {func(i int, s *soakSample) { s.desk.used += int64(i*i) * 20_000 }, "desk"},
		"free": {func(i int, s *soakSample) {
			s.desk.used += int64(i) * 4 << 20
			s.desk.free += int64(i) * 4 << 20
		}, "desk free"},
	} {
		t.Run(name, func(t *testing.T) {
			all := level()
			for i := range all {
				tt.change(i, &all[i])
			}
			quarters, err := trend(all, 1)
			if err != nil {
				t.Fatal(err)
			}
			laws := broken(quarters)
			if _, found := laws[tt.broken]; found != (tt.broken != "") || len(laws) > 1 {
				t.Errorf("want %q to be broken, and nothing else: %q", tt.broken, laws)
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
