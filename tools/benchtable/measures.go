package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// beside compares one of our figures with ykpersonalize on the same device in the same kernel, and
// with ykman, which was measured on a token that is never busy and with the kernel's driver bound.
func beside(ours, where string, most float64, withYkman bool) func(run) (line, error) {
	return func(r run) (line, error) {
		we, err := r.figure("token desk: "+ours, where)
		if err != nil {
			return line{}, err
		}
		they, err := r.figure("ykpersonalize", where)
		if err != nil {
			return line{}, err
		}
		ratio := we.median / they.median
		write := r.figures[[2]string{"token desk: write and confirm", where}]
		text := []string{
			fmt.Sprintf("%v min/median/max, %s", we, where),
			fmt.Sprintf("of which to write and confirm %v", write),
			fmt.Sprintf("beside ykpersonalize %v", they),
		}
		if ykman, err := r.figure("ykman otp hotp", onADesktop); err == nil && withYkman {
			text = append(text, fmt.Sprintf("and ykman %v, %s: %.2fx", ykman, onADesktop,
				we.median/ykman.median))
		}
		return line{text, times(ratio), ratio <= most}, nil
	}
}

func plugged(r run) (line, error) {
	read, err := r.figure("token desk: node exists to OTP read", onABox)
	if err != nil {
		return line{}, err
	}
	identified, err := r.figure("token desk: node exists to identified", onABox)
	if err != nil {
		return line{}, err
	}
	they, err := r.figure("ykpersonalize", onABox+", busy 0s")
	if err != nil {
		return line{}, err
	}
	ratio := read.median / they.median
	return line{[]string{
		fmt.Sprintf("%v min/median/max, of which to identified %v", read, identified),
		fmt.Sprintf("beside ykpersonalize's bare write %v; the finger comes at once", they),
	}, times(ratio), ratio <= 1}, nil
}

// times is a ratio of two medians.
func times(ratio float64) string { return fmt.Sprintf("%.2fx", ratio) }

// atMost wants the 99th percentile of a benchmark's waiting times within a limit in milliseconds.
func atMost(bench, prefix string, limit float64) func(run) (line, error) {
	return func(r run) (line, error) {
		v, err := r.all(bench, prefix+"p50-ms", prefix+"p99-ms", prefix+"max-ms")
		if err != nil {
			return line{}, err
		}
		text := fmt.Sprintf("p50 %.1f, p99 %.1f, max %.1f ms", v...)
		return line{text: []string{text}, met: v[1].(float64) <= limit}, nil
	}
}

// atLeast wants a rate.
func atLeast(bench, unit string, limit float64) func(run) (line, error) {
	return func(r run) (line, error) {
		rate, err := r.metric(bench, unit)
		return said(rate >= limit, "%.0f %s", rate, unit), err
	}
}

// said is a line of one sentence.
func said(met bool, format string, values ...any) line {
	return line{text: []string{fmt.Sprintf(format, values...)}, met: met}
}

func restart(r run) (line, error) {
	v, err := r.all("BenchmarkOpen", "open-ms", "anon-MB", "live-heap-MB", "peak-MB")
	if err != nil {
		return line{}, err
	}
	return said(v[0].(float64) <= 2000 && v[1].(float64) <= 500, "%.0f ms; %.0f MB, %.0f MB alive; "+
		"at most %.0f MB with pages of the file that the kernel can drop", v...), nil
}

// served wants each kind of page within the limit, not only all of them together.
func served(r run) (line, error) {
	const bench, most, p99 = "BenchmarkCounter/pages", 20, "-p99-ms"
	var l line
	l.met = true
	for _, unit := range slices.Sorted(maps.Keys(r.metrics[bench])) {
		kind, ok := strings.CutSuffix(unit, p99)
		if !ok {
			continue
		}
		v, err := r.all(bench, kind+"-p50-ms", unit, kind+"-max-ms")
		if err != nil {
			return line{}, err
		}
		l.text = append(l.text, fmt.Sprintf("%s: p50 %.1f, p99 %.1f, max %.1f ms",
			append([]any{kind}, v...)...))
		l.met = l.met && v[1].(float64) <= most
	}
	if len(l.text) == 0 {
		return line{}, errors.New("no page was served")
	}
	return l, nil
}

func verify(r run) (line, error) {
	v, err := r.all("BenchmarkVerify", "verifications/s", "p99-ms")
	if err != nil {
		return line{}, err
	}
	return said(v[0].(float64) >= 2000 && v[1].(float64) <= 10, "%.0f/s, p99 %.1f ms, sixteen callers",
		v...), nil
}

func doubles(r run) (line, error) {
	v, err := r.all("BenchmarkOneOTP", "double-accepts", "OTPs")
	if err != nil {
		return line{}, err
	}
	return said(v[0].(float64) == 0, "%.0f double accepts of %.0f OTPs", v...), nil
}

func weight(r run) (line, error) {
	v, err := r.all("BenchmarkWeight", "gzip-bytes", "shared-gzip-bytes", "pages")
	if err != nil {
		return line{}, err
	}
	return said(v[0].(float64) <= 60<<10,
		"%.0f bytes without the photo, %.0f shared by all %.0f pages", v...), nil
}

func paint(r run) (line, error) {
	v, err := r.all("BenchmarkPaint", "warm-p50-ms", "warm-p99-ms", "cold-p50-ms", "cold-p99-ms",
		"word-p50-ms", "word-p99-ms")
	if err != nil {
		return line{}, err
	}
	l := said(v[0].(float64) <= 100, "p50 %.0f, p99 %.0f ms", v[:2]...)
	l.text = append(l.text, fmt.Sprintf("with nothing at hand p50 %.0f, p99 %.0f ms", v[2:4]...),
		fmt.Sprintf("a page of one word in this browser p50 %.0f, p99 %.0f ms", v[4:]...))
	return l, nil
}

func taps(r run) (line, error) {
	v, err := r.all("BenchmarkCounter/loan", "officer-taps", "person-taps", "pin-keys")
	if err != nil {
		return line{}, err
	}
	return said(v[0].(float64)+v[1].(float64) <= 6,
		"%.0f of the officer and %.0f of the person; the %.0f keys of one PIN aside", v...), nil
}

func kills(r run) (line, error) {
	if r.kills == "" {
		return line{}, errors.New("the crash test did not say how many points there were")
	}
	l := said(r.parts["crash"] == "", "%s", r.kills)
	if !l.met {
		l.text = append(l.text, r.parts["crash"])
	}
	return l, nil
}

func exposed(unit string, limit float64) func(run) (line, error) {
	return func(r run) (line, error) {
		level, ok := r.exposure[unit]
		if !ok {
			return line{}, fmt.Errorf("no exposure level of %s", unit)
		}
		return said(level < limit, "%.1f", level), nil
	}
}
