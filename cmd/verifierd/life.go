package main

import (
	"fmt"
	"io"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// printLife says what became of the verifier itself, if anything did.
func printLife(out io.Writer, s verifier.Status) {
	if !s.Moved.At.IsZero() {
		fmt.Fprintf(out, "MOVED %s to %s (key %s): this one accepts nothing any more\n",
			day(s.Moved.At), s.Moved.Name, s.Moved.Key)
	}
	if !s.Arrived.At.IsZero() {
		fmt.Fprintf(out, "moved here %s from %s (key %s)\n", day(s.Arrived.At), s.Arrived.Name,
			s.Arrived.Key)
	}
	if !s.Rebuilding.At.IsZero() {
		fmt.Fprintf(out, "BEING REBUILT since %s in the place of %s (key %s): finish with verifierd "+
			"rebuild pull\n", day(s.Rebuilding.At), s.Rebuilding.Name, s.Rebuilding.Key)
	}
	if !s.Rebuilt.At.IsZero() {
		fmt.Fprintf(out, "rebuilt %s in the place of %s (key %s)\n", day(s.Rebuilt.At),
			s.Rebuilt.Name, s.Rebuilt.Key)
	}
	if s.Unsure > 0 {
		fmt.Fprintf(out, "%d tokens have not signed in since: each wants two codes in a row first\n",
			s.Unsure)
	}
}

func day(at time.Time) string { return at.UTC().Format(time.RFC3339) }
