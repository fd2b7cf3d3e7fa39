package main

import "fmt"

// row is one line of the table of targets.
type row struct {
	what, target string // an empty target is none
	// part of tools/bench that measures it.
	part    string
	measure func(run) (line, error)
	// missed says in words why a target is known to be missed. It is shown only if it is.
	missed string
}

// line is what was measured.
type line struct {
	// text has what was measured in its first line.
	text []string
	// ratio is set where the target is one.
	ratio string
	met   bool
}

// Where the kernel rig measures.
const (
	onABox     = "as on a box, rule 72"
	onADesktop = "kernel's keyboard driver bound"
)

// rows are the design's table of targets, in its order.
var rows = []row{
	{"Write pressed -> slot written and confirmed, kernel rig", "<= 0.1x ykpersonalize", "rig",
		beside("open, write and confirm", onABox+", busy 0s", 0.1, true),
		""},
	{"  the same, a device that stays busy 300 ms", "<= 0.1x ykpersonalize", "rig",
		beside("open, write and confirm", onABox+", busy 300ms", 0.1, false),
		"300 ms of it are the device's own, which no driver can save"},
	{"open, write, close, beside open, write, close", "<= 1x ykpersonalize", "rig",
		beside("open, write and confirm, close", onADesktop+", busy 0s", 1, true), ""},
	{"  the same, a device that stays busy 300 ms", "<= 1x ykpersonalize", "rig",
		beside("open, write and confirm, close", onADesktop+", busy 300ms", 1, false), ""},
	{"node exists -> identified -> written -> OTP read", "<= 1x ykpersonalize", "rig", plugged, ""},
	{"one Change, this disk, 100,000 in the file", "p99 <= 5 ms", "change",
		atMost("BenchmarkDo/entries=100000", "", 5), ""},
	{"card on the reader -> person's page, the driver included", "p99 <= 300 ms", "counter",
		atMost("BenchmarkCounter/card", "card-", 300), ""},
	{"Write pressed -> the screen asks for the touch", "", "counter",
		atMost("BenchmarkCounter/loan", "write-", 0), ""},
	{"proven -> verdict back on screen, loopback", "p99 <= 150 ms", "counter",
		atMost("BenchmarkCounter/loan", "verdict-", 150), ""},
	{"restart: 100,000 tokens and loans, 1,000,000 entries",
		"<= 2 s, <= 500 MB", "restart", restart,
		"every live value is opened, decoded and indexed before the first page"},
	{"any search or list at 100,000 tokens, served", "p99 <= 20 ms", "counter", served, ""},
	{"feed: served, from the file, over mutual TLS", ">= 20,000/s", "feed",
		atLeast("BenchmarkServeStore", "records/s", 20_000),
		"a record is decoded, hashed and encoded anew for each reader"},
	{"feed: verified, opened, durable at the verifier", ">= 3,000/s", "verifier",
		atLeast("BenchmarkFollow", "records/s", 3_000), ""},
	{"OTP verifications, durable, embedded store", ">= 2,000/s, p99 <= 10 ms", "verifier", verify, ""},
	{"one OTP given to fifty callers at once", "0 double accepts", "verifier", doubles, ""},
	{"page weight, the heaviest with all it loads", "<= 60 KB compressed", "weight",
		weight, ""},
	{"first paint, the stylesheet at hand", "median <= 100 ms", "paint", paint, ""},
	{"a whole loan, by who knows the screen", "<= 6 taps", "counter", taps,
		"the loan asks more than the sketch it was counted on"},
	{"kill points", "0 lost, 0 doubled", "crash", kills, ""},
	{"soak: memory in use, and of the process", "levels off", "soak", soakMemory, ""},
	{"soak: goroutines", "level", "soak", soakLevel("goroutines", "goroutines"), ""},
	{"soak: file descriptors", "level", "soak", soakLevel("fds", "descriptors"), ""},
	{"soak: bytes of the file for each change, desk", "constant", "soak", soakBytes("desk"), ""},
	{"soak: the same, verifier", "constant", "soak", soakBytes("verifier"), ""},
	{"systemd-analyze security --offline, desk", "< 1.5", "units",
		exposed("tokendeskd.service", 1.5), "full hardening comes later"},
	{"systemd-analyze security --offline, verifier", "< 1.0", "units",
		exposed("verifierd.service", 1.0), "full hardening comes later"},
}

// metric finds one figure of one benchmark.
func (r run) metric(bench, unit string) (float64, error) {
	value, ok := r.metrics[bench][unit]
	if !ok {
		return 0, fmt.Errorf("%s printed no %s", bench, unit)
	}
	return value, nil
}

func (r run) figure(what, where string) (figure, error) {
	f, ok := r.figures[[2]string{what, where}]
	if !ok || f.median == 0 {
		return f, fmt.Errorf("the rig printed no %q (%s)", what, where)
	}
	return f, nil
}

// metrics finds several figures of one benchmark.
func (r run) all(bench string, units ...string) ([]any, error) {
	values := make([]any, len(units))
	for i, unit := range units {
		value, err := r.metric(bench, unit)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}
