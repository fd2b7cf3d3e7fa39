package powertest

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tokendesk/tokendesk/daemon/boltfile/disktest"
)

// Recording is what a program did to a folder, from an empty one on.
type Recording struct {
	// Dir is the folder as the program left it.
	Dir string
	// Plain lets a cut lose all that was not synced, or nothing. Of a build that syncs nothing, a
	// disk's whims make pages that lead in circles, and bbolt does not come back from those.
	Plain bool
	steps []disktest.Step
}

const (
	envDir  = "POWERTEST_DIR"
	envTape = "POWERTEST_TAPE"
)

// Recorded says that this process is the one whose operations are recorded, and begins to.
func Recorded(t testing.TB) (dir string, yes bool) {
	t.Helper()
	dir = os.Getenv(envDir)
	if dir == "" {
		return "", false
	}
	tape, err := os.Create(os.Getenv(envTape))
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(tape)
	t.Cleanup(func() {
		if err := errors.Join(out.Flush(), tape.Close()); err != nil {
			t.Error(err)
		}
	})
	disktest.Record(dir, out)
	return dir, true
}

// Record runs one test of a binary that Build made, in an empty folder, with copies of some files
// beside the folder. What the tape comes to must be what is in the folder then: nothing reached it
// past the tape.
func Record(t testing.TB, binary, test string, beside ...string) *Recording {
	t.Helper()
	base := Memory(t)
	r := &Recording{Dir: filepath.Join(base, "disk")}
	if err := os.Mkdir(r.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range beside {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tape := filepath.Join(base, "tape")
	cmd := exec.Command(binary, "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), envDir+"="+r.Dir, envTape+"="+tape)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("record %s: %v\n%s", test, err, said)
	}
	r.read(t, tape)
	r.same(t)
	return r
}

func (r *Recording) read(t testing.TB, tape string) {
	t.Helper()
	f, err := os.Open(tape)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := gob.NewDecoder(bufio.NewReader(f))
	for {
		var s disktest.Step
		if err := in.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		r.steps = append(r.steps, s)
	}
	if len(r.steps) == 0 {
		t.Fatal("nothing was recorded")
	}
}

// same compares the end of the tape with the folder itself.
func (r *Recording) same(t testing.TB) {
	t.Helper()
	d := newDisk()
	for _, s := range r.steps {
		d.step(s)
	}
	end := d.alive(disktest.Step{}, 0)
	err := filepath.WalkDir(r.Dir, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(r.Dir, name)
		if err != nil || rel == "." || e.Type()&fs.ModeSocket != 0 {
			return err
		}
		id, known := end.names[rel]
		if delete(end.names, rel); !known {
			return fmt.Errorf("%s is not on the tape", rel)
		}
		if e.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil && !end.files[id].now.equal(text) {
			err = fmt.Errorf("%s is not what the tape comes to", rel)
		}
		return err
	})
	if err != nil || len(end.names) > 0 {
		t.Fatalf("something went past the tape: %v; missing: %v", err, end.names)
	}
}

// Marks are all that was said, in order.
func (r *Recording) Marks() [][]byte { return marks(r.steps) }

func marks(steps []disktest.Step) (said [][]byte) {
	for _, s := range steps {
		if s.Kind == disktest.Marked {
			said = append(said, s.Data)
		}
	}
	return said
}

// Images is how many images of each kind a test makes: a thousand, ten thousand with SOAK=1, or
// POWER_IMAGES.
func Images(t testing.TB) int {
	t.Helper()
	text := os.Getenv("POWER_IMAGES")
	switch {
	case text == "" && os.Getenv("SOAK") != "":
		return 10_000
	case text == "":
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("POWER_IMAGES is %q, not a number of images", text)
	}
	return n
}

// Image is a folder as it could be found.
type Image struct {
	// Dir is the folder; the judge may change it.
	Dir string
	// Said are the marks before the machine stopped.
	Said [][]byte
	// Synced says that nothing is in it but what was synced.
	Synced bool
}

// Judge says what is wrong with an image. It is called from several goroutines.
type Judge func(Image) error

// Tally is what the judge said of all images.
type Tally struct {
	Kills, Cuts       int
	BadKills, BadCuts int
	Steps             int
	first             [2]error
}

// String is the summary.
func (c *Tally) String() string {
	return fmt.Sprintf("%d steps: %d kill points, %d bad; %d power cuts, %d bad", c.Steps, c.Kills,
		c.BadKills, c.Cuts, c.BadCuts)
}

// Err is the first thing that was wrong, of each kind.
func (c *Tally) Err() error { return errors.Join(c.first[:]...) }

// Run makes so many images of each kind, spread over the whole tape, and has them judged: every
// fifth from before the first mark, when the files were made. A kill point is judged twice: as the
// kernel shows it, and as the disk holds it if the machine stops in the same moment and writes
// nothing more. A control build, which syncs nothing, can fail a kill point in the second way only.
func (r *Recording) Run(t testing.TB, kills, cuts int, judge Judge) *Tally {
	t.Helper()
	made, worked := r.spread()
	c := &Tally{Kills: kills, Cuts: cuts, Steps: len(made) + len(worked)}
	var points []point
	for kind, n := range []int{kills, cuts} {
		for i := range n {
			among := worked
			if i%5 == 0 {
				among = made
			}
			points = append(points, point{at: among[i*len(among)/n], seed: uint64(i), kill: kind == 0})
		}
	}
	slices.SortFunc(points, func(a, b point) int { return a.at - b.at })
	r.share(t, points, c, judge)
	return c
}

// spread are the steps before the first mark, and those after it.
func (r *Recording) spread() (made, worked []int) {
	marked := false
	for i, s := range r.steps {
		switch {
		case s.Kind == disktest.Marked:
			marked = true
		case marked:
			worked = append(worked, i)
		default:
			made = append(made, i)
		}
	}
	return made, worked
}

// point is one image to make: what stood before the step at.
type point struct {
	at   int
	seed uint64
	kill bool
}

func (r *Recording) share(t testing.TB, points []point, c *Tally, judge Judge) {
	base := Memory(t)
	var mu sync.Mutex
	var group sync.WaitGroup
	var next atomic.Int64
	const chunk = 50
	for worker := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			dir := filepath.Join(base, fmt.Sprint(worker))
			for {
				from := int(next.Add(chunk)) - chunk
				if from >= len(points) {
					return
				}
				part := points[from:min(from+chunk, len(points))]
				r.walk(part, dir, judge, func(p point, err error) {
					mu.Lock()
					defer mu.Unlock()
					c.count(p, err)
				})
			}
		})
	}
	group.Wait()
}

func (c *Tally) count(p point, err error) {
	kind, bad := 1, &c.BadCuts
	if p.kill {
		kind, bad = 0, &c.BadKills
	}
	if err == nil {
		return
	}
	*bad++
	if c.first[kind] == nil {
		c.first[kind] = fmt.Errorf("before step %d, seed %d, kill %v: %w", p.at, p.seed, p.kill, err)
	}
}

// walk plays the tape once and stops at its points.
func (r *Recording) walk(points []point, dir string, judge Judge, tell func(point, error)) {
	d, at := newDisk(), 0
	for _, p := range points {
		for ; at < p.at; at++ {
			d.step(r.steps[at])
		}
		said := marks(r.steps[:p.at])
		if !p.kill {
			tell(p, found(d.cut(newWhim(p.seed, r.Plain)), dir, Image{dir, said, false}, judge))
			continue
		}
		part := 0
		if p.seed%2 == 1 {
			part = int(p.seed*7919) % (1 + len(r.steps[at].Data))
		}
		err := found(d.alive(r.steps[at], part), dir, Image{dir, said, false}, judge)
		tell(p, errors.Join(err, found(d.synced(), dir, Image{dir, said, true}, judge)))
	}
}

// found puts what was found into a folder and has it judged.
func found(h holding, dir string, image Image, judge Judge) error {
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	lost := func(name string) bool {
		for up := filepath.Dir(name); up != "."; up = filepath.Dir(up) {
			if _, there := h.names[up]; !there {
				return true
			}
		}
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(h.names)) {
		if lost(name) {
			continue
		}
		path := filepath.Join(dir, name)
		id := h.names[name]
		var err error
		if id == 0 {
			err = os.Mkdir(path, 0o700)
		} else {
			err = h.files[id].write(path)
		}
		if err != nil {
			return err
		}
	}
	return judge(image)
}

// write makes the file, and leaves out what is zero, as a disk would have it.
func (f file) write(path string) error {
	const page = 4096
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if err != nil {
		return err
	}
	err = out.Truncate(int64(f.now.size))
	for at := 0; at < len(f.now.data) && err == nil; at += page {
		part := f.now.data[at:min(len(f.now.data), at+page)]
		if !bytes.Equal(part, zeros[:len(part)]) {
			_, err = out.WriteAt(part, int64(at))
		}
	}
	return errors.Join(err, out.Close())
}

var zeros [4096]byte

// Memory is a new folder, in memory where there is one for it.
func Memory(t testing.TB) string {
	t.Helper()
	base := ""
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, strings.ReplaceAll(t.Name(), "/", "-")+"-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
