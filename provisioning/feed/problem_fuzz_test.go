package feed

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzProblem: whatever is read as a problem is written and read again as the same one, and what is
// no problem document is still an error with its status.
func FuzzProblem(f *testing.F) {
	line, err := json.Marshal(ProblemRequest.With("which member"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line, 400)
	f.Add([]byte("<html>"), 502)
	f.Fuzz(func(t *testing.T, data []byte, status int) {
		first := DecodeProblem(data, status)
		if first.Status != status || first.Type == "" {
			t.Fatalf("status %d and type %q", first.Status, first.Type)
		}
		line, err := json.Marshal(first)
		if err != nil || len(line) > MaxMeta {
			return
		}
		if diff := cmp.Diff(first, DecodeProblem(line, status)); diff != "" {
			t.Error(diff)
		}
	})
}
