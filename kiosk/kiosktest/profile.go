package kiosktest

import (
	"os"
	"testing"
	"time"
)

// Profile is an empty folder for a browser. A browser that was told to end may write to it a moment
// longer than its test lasts, which is no failure.
func Profile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return dir
}
