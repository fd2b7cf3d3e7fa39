package powertest

import (
	"bytes"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/tokendesk/tokendesk/daemon/boltfile/disktest"
)

// sector is what a disk writes at once; even that can be torn by a cut.
const sector = 512

// disk plays a tape. It holds what the kernel shows, what was synced, and what is in between.
type disk struct {
	files map[int]*file
	// names are those the kernel shows; a folder is file 0.
	names, lasting map[string]int
	// pending are the changes of names that no directory sync covers yet.
	pending []disktest.Step
}

// file is one file with its changes since it was synced.
type file struct {
	mode         fs.FileMode
	now, lasting content
	pending      []disktest.Step
}

// content is what a file holds: data, and then zeros up to its size.
type content struct {
	data []byte
	size int
}

func (c content) clone() content { return content{slices.Clone(c.data), c.size} }

// equal compares a content with a whole file.
func (c content) equal(whole []byte) bool {
	return len(whole) == c.size && bytes.Equal(whole[:len(c.data)], c.data) &&
		len(bytes.Trim(whole[len(c.data):], "\x00")) == 0
}

func newDisk() *disk {
	return &disk{files: map[int]*file{}, names: map[string]int{}, lasting: map[string]int{}}
}

// step takes the next step of the tape.
func (d *disk) step(s disktest.Step) {
	switch s.Kind {
	case disktest.Created:
		d.files[s.File] = &file{mode: s.Mode}
		d.rename(s)
	case disktest.Folder, disktest.Linked, disktest.Renamed, disktest.Removed:
		d.rename(s)
	case disktest.Written, disktest.Resized:
		f := d.files[s.File]
		f.now = apply(f.now, s)
		f.pending = append(f.pending, s)
	case disktest.Synced:
		f := d.files[s.File]
		for _, change := range f.pending {
			f.lasting = apply(f.lasting, change)
		}
		f.pending = nil
	case disktest.DirSynced:
		d.syncNames(s.Path)
	}
}

func (d *disk) rename(s disktest.Step) {
	setName(d.names, s)
	d.pending = append(d.pending, s)
}

// syncNames makes the names of one folder lasting.
func (d *disk) syncNames(folder string) {
	d.pending = slices.DeleteFunc(d.pending, func(s disktest.Step) bool {
		name := s.Path
		if s.Kind == disktest.Linked || s.Kind == disktest.Renamed {
			name = s.To
		}
		if path.Dir(name) != folder {
			return false
		}
		setName(d.lasting, s)
		return true
	})
}

func setName(names map[string]int, s disktest.Step) {
	switch s.Kind {
	case disktest.Created, disktest.Folder:
		names[s.Path] = s.File
	case disktest.Linked:
		names[s.To] = s.File
	case disktest.Renamed:
		names[s.To] = s.File
		delete(names, s.Path)
	case disktest.Removed:
		delete(names, s.Path)
	}
}

// apply is one change of what a file holds. Bytes between the old end and a write are zeros.
func apply(to content, s disktest.Step) content {
	end := int(s.Offset) + len(s.Data)
	if s.Kind == disktest.Resized {
		to.size, to.data = end, to.data[:min(len(to.data), end)]
		return to
	}
	if end > len(to.data) {
		to.data = append(to.data, make([]byte, end-len(to.data))...)
	}
	to.size = max(to.size, end)
	copy(to.data[s.Offset:], s.Data)
	return to
}

// holding is what a machine finds on a disk: names, and what each file holds.
type holding struct {
	names map[string]int
	files map[int]file
}

// alive is what is found when the process was killed and the kernel goes on. The next step may have
// come about in part, if it is a write: so many of its bytes.
func (d *disk) alive(next disktest.Step, part int) holding {
	h := holding{maps.Clone(d.names), map[int]file{}}
	for id, f := range d.files {
		h.files[id] = file{mode: f.mode, now: f.now}
	}
	if f := d.files[next.File]; next.Kind == disktest.Written && f != nil && part > 0 {
		next.Data = next.Data[:min(part, len(next.Data))]
		h.files[next.File] = file{mode: f.mode, now: apply(f.now.clone(), next)}
	}
	return h
}

// synced is what is found when nothing was written that did not have to be.
func (d *disk) synced() holding {
	h := holding{maps.Clone(d.lasting), map[int]file{}}
	for id, f := range d.files {
		h.files[id] = file{mode: f.mode, now: f.lasting}
	}
	return h
}
