package store

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// The size the desk is built for (design, "Targets").
const (
	benchTokens  = 100_000
	benchEntries = 1_000_000
)

// benchChange is one handing-over: a token, its credential, its loan.
func benchChange(i int) provisioning.Change {
	person := provisioning.PersonID(fmt.Sprintf("B%08d", i%benchTokens))
	id := provisioning.TokenID(fmt.Sprintf("yubikey/%08d", 10_000_000+i%benchTokens))
	c := provisioning.CredentialID(fmt.Sprintf("%032x", i%benchTokens))
	l := provisioning.LoanID(fmt.Sprintf("%031xf", i%benchTokens))
	v := provisioning.VisitID(fmt.Sprintf("%031xe", i%benchTokens))
	entry := provisioning.Entry{At: testTime, Synced: true, Desk: testDesk, Actor: "olga",
		Act: "loan.write", Rule: "loan.reason.S43", Visit: v, Person: person, Token: id,
		Credential: c, Loan: l, Evidence: provisioning.EvidenceUniversityCard, Outcome: "done"}
	change := provisioning.NewChange(entry)
	if i >= benchTokens {
		return change
	}
	return change.Put(
		provisioning.Token{ID: id, Model: "YubiKey 5 NFC", Serial: provisioning.SerialOf(id),
			Firmware: "5.4.3", State: provisioning.TokenLoaned, Generation: 1, Slot: 2,
			Credential: c, Since: testTime},
		provisioning.Credential{ID: c, Token: id, Slot: 2, Digits: 6, Person: person, Visit: v,
			Loan: l, State: provisioning.CredentialActive, Next: 1,
			Proof: fmt.Sprintf("%031xd", i), Position: int64(i), Since: testTime},
		provisioning.Loan{ID: l, Person: person, Token: id, Credential: c, Officer: "olga",
			Visit: v, State: provisioning.LoanOpen, Reason: "reason.no_phone",
			Evidence: provisioning.EvidenceUniversityCard, PhoneSeen: true, Terms: "2026-01",
			Fee: provisioning.Fee{Amount: provisioning.Money{Minor: 23500, Label: "MOP$"}},
			At:  testTime, Due: testTime.AddDate(1, 0, 0)},
	).Publish(feed.Record{ID: fmt.Sprintf("%031xc", i), Desk: testDesk, Kind: feed.KindState,
		Credential: string(c), State: feed.StateResumed, At: testTime})
}

// buildLarge writes the file in commits of many changes each.
func buildLarge(b *testing.B, o Options, entries int) {
	b.Helper()
	const perCommit = 500 // large commits leave a long list of free pages behind, as no desk has
	s := create(b, o)
	for at := 0; at < entries; at += perCommit {
		batch := make([]*request, 0, perCommit)
		for i := at; i < min(at+perCommit, entries); i++ {
			batch = append(batch, &request{decide: always(benchChange(i))})
		}
		s.writer.Lock()
		err := s.commit(batch)
		s.writer.Unlock()
		if err != nil {
			b.Fatal(err)
		}
	}
	closeStore(b, s)
}

// BenchmarkOpen opens a full-grown file in a process of its own, and reports what that took: the
// time of Open, the anonymous memory after it, and the greatest resident size on the way, which
// includes the pages of the file the kernel keeps mapped.
func BenchmarkOpen(b *testing.B) {
	o := options(b)
	start := time.Now()
	buildLarge(b, o, benchEntries)
	info, err := os.Stat(o.Path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("built %d MB in %v", info.Size()>>20, time.Since(start).Round(time.Second))
	sums := map[string]float64{}
	b.ResetTimer()
	for range b.N {
		child := exec.Command(os.Args[0], "-test.run=^TestOpenChild$", "-test.count=1", "-test.v")
		child.Env = append(os.Environ(), "STORE_OPEN_CHILD="+o.Path)
		out, err := child.CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			if len(f) == 3 && f[0] == "measured" {
				v, err := strconv.ParseFloat(f[2], 64)
				if err != nil {
					b.Fatal(err)
				}
				sums[f[1]] += v
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, sum := range sums {
		b.ReportMetric(sum/float64(b.N), name)
	}
}

// TestOpenChild is the other process of BenchmarkOpen.
func TestOpenChild(t *testing.T) {
	path := os.Getenv("STORE_OPEN_CHILD")
	if path == "" {
		t.Skip("runs as the child of BenchmarkOpen")
	}
	o := options(t)
	o.Path = path
	start := time.Now()
	s := open(t, o)
	took := time.Since(start)
	peak := procStatus(t, "VmHWM:")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println("\nmeasured open-ms", took.Milliseconds())
	fmt.Println("measured peak-MB", peak>>10)
	fmt.Println("measured anon-MB", procStatus(t, "RssAnon:")>>10)
	runtime.GC()
	runtime.ReadMemStats(&m)
	fmt.Println("measured live-heap-MB", m.HeapAlloc>>20)
	if s.Head() != benchEntries {
		t.Errorf("head %d", s.Head())
	}
}

func procStatus(t *testing.T, name string) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(status), name)
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// BenchmarkDo commits handing-overs one after the other and reports the p99 of one.
func BenchmarkDo(b *testing.B) {
	for _, size := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("entries=%d", size), func(b *testing.B) {
			o := options(b)
			buildLarge(b, o, size)
			s := open(b, o)
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				do(b, s, benchChange(i))
				took = append(took, time.Since(start))
			}
			reportP99(b, took)
		})
	}
}

// BenchmarkDoParallel is 50 posts at a time.
func BenchmarkDoParallel(b *testing.B) {
	s := create(b, options(b))
	var mu sync.Mutex
	var took []time.Duration
	b.SetParallelism(50 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			start := time.Now()
			do(b, s, benchChange(i))
			d := time.Since(start)
			mu.Lock()
			took = append(took, d)
			mu.Unlock()
		}
	})
	reportP99(b, took)
}

func reportP99(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(part float64) float64 {
		return float64(took[int(part*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
}
