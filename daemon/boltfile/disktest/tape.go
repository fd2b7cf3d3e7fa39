// Package disktest stands in for package os in a build that records: the power rig compiles bbolt
// and the packages that make files against it instead. Every call goes on to the kernel and is put
// on a tape in the order in which the kernel took it, with the bytes it took.
//
// It knows nothing of what the files mean, and no build of the product imports it.
package disktest

import (
	"encoding/gob"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Kind is what a step on the tape did.
type Kind string

// The kinds of steps. All but Marked change what a disk holds, or make a change lasting.
const (
	Created   Kind = "create"
	Folder    Kind = "mkdir"
	Written   Kind = "write"
	Resized   Kind = "truncate"
	Synced    Kind = "sync"
	DirSynced Kind = "sync directory"
	Linked    Kind = "link"
	Renamed   Kind = "rename"
	Removed   Kind = "remove"
	Marked    Kind = "mark"
)

// Step is one entry of a tape.
type Step struct {
	Kind Kind
	// File is the number of the file, from 1.
	File int
	// Path is relative to the folder that is recorded; To is the new name.
	Path, To string
	Offset   int64
	// Data are the bytes the kernel took, or what a mark says.
	Data []byte
	Mode os.FileMode
}

// Syncs is "no" in the control build, which the linker is told (-X): every sync is then left out,
// as if it stood nowhere in the source.
var Syncs = "yes"

// tape is the one recording of a process.
var tape struct {
	mu    sync.Mutex
	root  string
	out   *gob.Encoder
	names map[string]int
	files int
	fault func(Step) error
}

// Record begins to record what happens below a folder, which is empty.
func Record(root string, to io.Writer) {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	tape.root, tape.out, tape.names = root, gob.NewEncoder(to), map[string]int{}
}

// Say puts a mark on the tape: what the program was told, or told others, at this moment.
func Say(mark []byte) {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	put(Step{Kind: Marked, Data: mark})
}

// Fail lets fault decide before each step whether it fails instead; nil ends that.
func Fail(fault func(Step) error) {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	tape.fault = fault
}

// do takes one step, alone, and records it if it came about. A write may come about in part.
func do(s Step, step func(*Step) error) error {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	inside := s.Path != ""
	if inside && tape.fault != nil {
		if err := tape.fault(s); err != nil {
			return err
		}
	}
	err := step(&s)
	if inside && (err == nil || len(s.Data) > 0) {
		put(s)
	}
	return err
}

func put(s Step) {
	if tape.out == nil {
		return
	}
	if err := tape.out.Encode(s); err != nil {
		panic("record a step: " + err.Error())
	}
}

// within gives a path as it is below the recorded folder, or "" for one that is elsewhere.
func within(path string) string {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	if tape.root == "" {
		return ""
	}
	rel, err := filepath.Rel(tape.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return ""
	}
	return rel
}

// number finds the file of a name, or counts a new one.
func number(rel string, fresh bool) int {
	if rel == "" {
		return 0
	}
	if fresh {
		tape.files++
		tape.names[rel] = tape.files
	}
	return tape.names[rel]
}
