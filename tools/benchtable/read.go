package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// run is what one run of all parts printed.
type run struct {
	// parts holds every part that ran, with the reason if it failed.
	parts map[string]string
	// metrics by benchmark and unit: "BenchmarkDo/entries=0", "p99-ms".
	metrics map[string]map[string]float64
	// figures of the kernel rig by what was timed and where.
	figures map[[2]string]figure
	// exposure by unit file.
	exposure map[string]float64
	// kills is what the crash test said of its points.
	kills string
}

// figure is one timing of the kernel rig, in milliseconds.
type figure struct{ least, median, most float64 }

func (f figure) String() string {
	return fmt.Sprintf("%.0f / %.0f / %.0f ms", f.least, f.median, f.most)
}

// read takes the folder where each part left NAME.txt and NAME.status.
func read(dir string) (run, error) {
	found := run{parts: map[string]string{}, metrics: map[string]map[string]float64{},
		figures: map[[2]string]figure{}, exposure: map[string]float64{}}
	statuses, err := filepath.Glob(filepath.Join(dir, "*.status"))
	if err != nil {
		return found, err
	}
	if len(statuses) == 0 {
		return found, errors.New("no part was run")
	}
	for _, path := range statuses {
		status, err := os.ReadFile(path)
		if err != nil {
			return found, err
		}
		text, err := os.ReadFile(strings.TrimSuffix(path, ".status") + ".txt")
		if err != nil {
			return found, err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".status")
		found.parts[name] = ""
		if strings.TrimSpace(string(status)) != "0" {
			found.parts[name] = complaint(string(text))
		}
		for line := range strings.Lines(string(text)) {
			found.take(strings.TrimSpace(line))
		}
	}
	return found, nil
}

// The lines that carry figures: a benchmark's (golang.org/design/14313-benchmark-format), the
// kernel rig's, systemd-analyze's and the crash test's.
var (
	benchLine    = regexp.MustCompile(`^(Benchmark\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	figureLine   = regexp.MustCompile(`^(.+?)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+) ms min/.* \((.*)\)$`)
	exposureLine = regexp.MustCompile(`Overall exposure level for (\S+): ([\d.]+)`)
	killLine     = regexp.MustCompile(`^(?:\S+\.go:\d+: )?(\d+ kills in .*)$`)
)

func (r *run) take(line string) {
	if m := benchLine.FindStringSubmatch(line); m != nil {
		r.bench(m[1], strings.Fields(m[2]))
	} else if m := figureLine.FindStringSubmatch(line); m != nil {
		r.figures[[2]string{m[1], m[5]}] = figure{number(m[2]), number(m[3]), number(m[4])}
	} else if m := exposureLine.FindStringSubmatch(line); m != nil {
		r.exposure[m[1]] = number(m[2])
	} else if m := killLine.FindStringSubmatch(line); m != nil {
		r.kills = m[1]
	}
}

func (r *run) bench(name string, fields []string) {
	units := map[string]float64{}
	for i := 0; i+1 < len(fields); i += 2 {
		units[fields[i+1]] = number(fields[i])
	}
	r.metrics[name] = units
}

// number parses what an expression above has found to be one; "1.2.3" is none and counts as 0.
func number(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// complaint is the line of a failed part that says most.
func complaint(text string) string {
	last := "it printed nothing"
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.Contains(line, ".go:"), strings.Contains(line, "missing"):
			return line
		case strings.HasPrefix(line, "FAIL"), strings.HasPrefix(line, "exit status"), line == "":
		default:
			last = line
		}
	}
	return last
}
