// Command benchtable prints the table of targets from what the parts of tools/bench printed: what,
// target, measured, ratio, and whether it was met. Every figure is read from that run. It knows how
// benchmarks print and nothing of what they measure.
package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: benchtable <folder of what the parts printed>")
		os.Exit(2)
	}
	found, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(2)
	}
	if !print(os.Stdout, rows, found) {
		os.Exit(1)
	}
}

// print writes a line for each row, with what else there is to say below it, and reports whether
// each was measured. Rows of parts that were not run are left out.
func print(w io.Writer, rows []row, found run) (complete bool) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tWHAT\tTARGET\tRATIO\tMEASURED")
	count := map[string]int{}
	for _, r := range rows {
		why, ran := found.parts[r.part]
		if !ran {
			continue
		}
		verdict, l := judge(r, found, why)
		count[verdict]++
		for i, text := range l.text {
			if i == 0 {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", verdict, r.what, r.target, l.ratio, text)
			} else {
				fmt.Fprintf(table, "\t\t\t\t%s\n", text)
			}
		}
	}
	_ = table.Flush() // nobody is left to tell
	fmt.Fprintf(w, "\n%d met, %d missed, %d not measured\n", count[met], count[missed], count[unknown])
	return count[unknown] == 0
}

// The verdicts on a row. One without a target has none.
const (
	met     = "met"
	missed  = "MISSED"
	unknown = "not measured"
	none    = ""
)

func judge(r row, found run, why string) (verdict string, l line) {
	l, err := r.measure(found)
	switch {
	case err != nil && why != "":
		return unknown, line{text: []string{why}}
	case err != nil:
		return unknown, line{text: []string{err.Error()}}
	case r.target == "":
		return none, l
	case l.met:
		return met, l
	}
	if r.missed != "" {
		l.text = append(l.text, "because "+r.missed)
	}
	return missed, l
}
