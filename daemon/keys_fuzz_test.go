package daemon

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
)

// FuzzSiteSecret: whatever is read as a site secret is written, generation by generation, and read
// again as the same one.
func FuzzSiteSecret(f *testing.F) {
	f.Add(append([]byte("1 "), randomKey()...))
	f.Add([]byte("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n7 " +
		"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := parseSiteSecret(text)
		if err != nil {
			return
		}
		var out bytes.Buffer
		for generation, key := range first.generations {
			fmt.Fprintf(&out, "%d %s\n", generation, base64.StdEncoding.EncodeToString(key.Expose()))
		}
		again, err := parseSiteSecret(out.Bytes())
		if err != nil || again.newest != first.newest || len(again.generations) != len(first.generations) {
			t.Fatalf("written and read again: newest %d then %d, %v", first.newest, again.newest, err)
		}
		for generation, key := range first.generations {
			if !bytes.Equal(key.Expose(), again.generations[generation].Expose()) {
				t.Errorf("generation %d is another key", generation)
			}
		}
	})
}
