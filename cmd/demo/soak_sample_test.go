//go:build e2e

package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// soakSample is what a desk and its verifier use at one moment.
type soakSample struct {
	at              time.Duration
	goroutines, fds int
	// heap is what is alive after a collection, anon the memory of the process that no file backs.
	heap, anon int64
	// rows are live at the desk; changes is the length of its log.
	rows    int
	changes int64
	// desk and verifier are the two files.
	desk, verifier soakFile
}

// soakFile is a file of bbolt, in bytes: what it is long, what of it was ever used, and what of that
// is free again.
type soakFile struct{ size, used, free int64 }

func (f soakFile) live() int64 { return f.used - f.free }

// perRow is the live heap divided by the live rows, in bytes.
func (s soakSample) perRow() float64 { return float64(s.heap) / float64(max(1, s.rows)) }

func (s soakSample) String() string {
	return fmt.Sprintf("%8s  %3d goroutines, %3d descriptors, heap %5.1f MB, anonymous %6.1f MB, "+
		"%5d rows, %6d changes, desk %6.2f MB (%4.2f free), verifier %6.2f MB (%4.2f free)",
		s.at.Round(time.Second), s.goroutines, s.fds, mega(s.heap), mega(s.anon), s.rows, s.changes,
		mega(s.desk.used), mega(s.desk.free), mega(s.verifier.used), mega(s.verifier.free))
}

func mega(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// sample looks at everything once. What is garbage is not counted.
func (s *soak) sample(at time.Duration) soakSample {
	s.t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	snapshot := s.desk.Snapshot()
	found := soakSample{at: at, goroutines: runtime.NumGoroutine(), heap: int64(m.HeapAlloc),
		changes: snapshot.Position()}
	for _, kind := range provisioning.Rows() {
		for range snapshot.Find(kind.Kind(), "", "") {
			found.rows++
		}
	}
	var err error
	if found.fds, err = descriptors(); err != nil {
		s.t.Fatal(err)
	}
	if found.anon, err = anonymous(); err != nil {
		s.t.Fatal(err)
	}
	for path, into := range map[string]*soakFile{s.deskFile: &found.desk,
		s.verifierFile: &found.verifier} {
		if *into, err = readSoakFile(path); err != nil {
			s.t.Fatal(err)
		}
	}
	return found
}

// descriptors are the open ones of this process, less the one that lists them.
func descriptors() (int, error) {
	list, err := os.ReadDir("/proc/self/fd")
	return len(list) - 1, err
}

// anonymous is RssAnon of this process (proc_pid_status(5)).
func anonymous() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "RssAnon:" {
			kilo, err := strconv.ParseInt(fields[1], 10, 64)
			return kilo << 10, err
		}
	}
	return 0, errors.New("the kernel does not tell RssAnon")
}

// readSoakFile reads a file of bbolt from its two meta pages and the list of free pages, beside the
// process that writes it. A list that was replaced meanwhile is read again.
func readSoakFile(path string) (soakFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return soakFile{}, err
	}
	defer file.Close()
	for range 100 {
		found, txid, err := readSoakMeta(file)
		if err != nil {
			return soakFile{}, err
		}
		if _, again, err := readSoakMeta(file); err != nil || again == txid {
			return found, err
		}
	}
	return soakFile{}, errors.New("the file is never at rest")
}

// The layout of bbolt's version 2 (go.etcd.io/bbolt internal/common: Page and Meta): a page begins
// with its id, flags, count and overflow; the meta behind that has the page size at 8, the page of the
// free list at 32, the first page never used at 40, and the transaction at 48.
const (
	soakPageHead = 16
	soakManyFree = 0xFFFF
)

func readSoakMeta(file *os.File) (found soakFile, txid uint64, err error) {
	info, err := file.Stat()
	if err != nil {
		return found, 0, err
	}
	size, little := int64(os.Getpagesize()), binary.LittleEndian
	page := make([]byte, 2*size)
	if _, err := file.ReadAt(page, 0); err != nil {
		return found, 0, err
	}
	var meta []byte
	for _, at := range []int64{0, size} {
		this := page[at+soakPageHead:]
		if meta == nil || little.Uint64(this[48:]) > little.Uint64(meta[48:]) {
			meta = this
		}
	}
	head := make([]byte, soakPageHead+8)
	if _, err := file.ReadAt(head, int64(little.Uint64(meta[32:]))*size); err != nil {
		return found, 0, err
	}
	free := int64(little.Uint16(head[10:]))
	if free == soakManyFree {
		free = int64(little.Uint64(head[soakPageHead:]))
	}
	return soakFile{info.Size(), int64(little.Uint64(meta[40:])) * size, free * size},
		little.Uint64(meta[48:]), nil
}

// median of one figure of some samples.
func median[N cmp.Ordered](list []soakSample, figure func(soakSample) N) N {
	all := make([]N, len(list))
	for i, s := range list {
		all[i] = figure(s)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
