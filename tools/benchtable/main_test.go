package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parts writes what the parts printed; a name that begins with "!" failed.
func parts(t *testing.T, printed map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range printed {
		name, failed := strings.CutPrefix(name, "!")
		status := "0\n"
		if failed {
			status = "1\n"
		}
		for path, content := range map[string]string{name + ".txt": text, name + ".status": status} {
			if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// rigText is what the kernel rig prints.
var rigText = strings.ReplaceAll(`=== RUN   TestRigBench
token desk: open, write and confirm  47 50 341.6 ms min/median/max of 9 (BOX)
token desk: write and confirm  40.0 41.0 341.6 ms min/median/max of 9 (BOX)
ykpersonalize   900.0  1000.0  3093.5 ms min/median/max of 9 (BOX)
ykman otp hotp 4000.0 5000.0 6000.0 ms min/median/max of 3 (kernel's keyboard driver bound)
--- PASS: TestRigBench (173.97s)
`, "BOX", "as on a box, rule 72, busy 0s")

func TestTable(t *testing.T) {
	for name, tt := range map[string]struct {
		printed  map[string]string
		complete bool
		want     []string
	}{
		"met, with the ratio": {map[string]string{"rig": rigText}, false,
			[]string{"met           Write pressed", "0.05x", "47 / 50 / 342 ms",
				"beside ykpersonalize 900 / 1000", "and ykman 4000 / 5000 / 6000 ms", "0.01x",
				"not measured  node exists"}},
		"met, by the p99": {map[string]string{
			"change": "BenchmarkDo/entries=100000-2  9  7 ns/op  81.05 max-ms  1.58 p50-ms  4.9 p99-ms\n"},
			true, []string{"met  one Change", "p50 1.6, p99 4.9, max 81.0 ms", "1 met, 0 missed, 0 not"}},
		"missed, with the reason": {map[string]string{
			"feed": "BenchmarkServeStore-2   3   11200 records/s\n"},
			true, []string{"MISSED  feed: served", "11200 records/s", "because a record is"}},
		"missed, not by the average": {map[string]string{
			"change": "BenchmarkDo/entries=100000-2   1197   9 max-ms   1.5 p50-ms   5.1 p99-ms\n"},
			true, []string{"MISSED  one Change"}},
		"a part that failed": {map[string]string{
			"!paint": "chromium is missing (Debian package chromium)\nFAIL\nexit status 1\n"},
			false, []string{"not measured  first paint", "chromium is missing", "1 not measured"}},
		"a part over its time": {map[string]string{"!restart": "goos: linux\nwent over its 300 s\n"},
			false, []string{"went over its 300 s"}},
		"a part that printed nothing": {map[string]string{"weight": ""},
			false, []string{"BenchmarkWeight printed no gzip-bytes"}},
		"kills": {map[string]string{"crash": "    crash_test.go:39: 200 kills in 90s: write 40\n"},
			true, []string{"met  kill points", " 200 kills in 90s: write 40"}},
		"kills that lost something": {map[string]string{
			"!crash": "    crash_test.go:71: lost\n    crash_test.go:39: 200 kills in 90s: write 40\n"},
			true, []string{"MISSED  kill points", "crash_test.go:71: lost"}},
		"pages, one kind too slow": {map[string]string{"counter": "BenchmarkCounter/pages-2  9  " +
			"1 held-p50-ms  2 held-p99-ms  3 held-max-ms  " +
			"4 ready-p50-ms  20.1 ready-p99-ms  30 ready-max-ms\n"},
			false, []string{"MISSED        any search", "held: p50 1.0, p99 2.0, max 3.0 ms",
				"ready: p50 4.0, p99 20.1, max 30.0 ms"}},
		"a soak that grows": {map[string]string{"soak": "BenchmarkE2ESoak-2  1  20 minutes  " +
			"4 second-heap-MB  5 last-heap-MB  9 second-row-KB  7 last-row-KB  0 heap-broken  " +
			"80 second-anon-MB  90 last-anon-MB  0 anonymous-broken  " +
			"79 second-goroutines  99 last-goroutines  1 goroutines-broken  " +
			"30 second-fds  31 last-fds  0 descriptors-broken  0 desk-broken  0 desk-free-broken  " +
			"1700 second-desk-B/change  1800 last-desk-B/change\n"},
			false, []string{"met           soak: memory", "heap 4.0 -> 5.0 MB, 9 -> 7 KB",
				"MISSED        soak: goroutines", "79 -> 99 in 20 minutes", "met           soak: file",
				"1700 -> 1800 in 20", "printed no second-verifier-B/change"}},
		"exposure": {map[string]string{
			"units": "→ Overall exposure level for tokendeskd.service: 1.4 OK\n" +
				"→ Overall exposure level for verifierd.service: 1.0 OK\n"},
			true, []string{"met     systemd-analyze security --offline, desk", "MISSED  systemd-analyze"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := read(parts(t, tt.printed))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if complete := print(&out, rows, found); complete != tt.complete {
				t.Errorf("complete is %t", complete)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the table does not say %q:\n%s", want, out.String())
				}
			}
		})
	}
}

func TestNothingWasRun(t *testing.T) {
	if _, err := read(t.TempDir()); err == nil {
		t.Error("an empty folder gives a table")
	}
}
