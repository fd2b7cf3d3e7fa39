//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// judge is an input client, as a desktop is one: it opens every event node as soon as it appears,
// grabs nothing, and writes down the digits that are typed on any of them.
type judge struct {
	mu    sync.Mutex
	typed strings.Builder
	nodes int // that are open
}

// listen starts a judge that works until the test ends.
func listen(t *testing.T) *judge {
	t.Helper()
	j := &judge{}
	stop := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() { j.watch(stop, &working) })
	t.Cleanup(func() {
		close(stop)
		working.Wait()
	})
	return j
}

// watch opens what appears.
func (j *judge) watch(stop <-chan struct{}, working *sync.WaitGroup) {
	open := map[string]*source{}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		nodes, _ := filepath.Glob("/dev/input/event*")
		for node, s := range open {
			if s.ended.Load() {
				delete(open, node) // its device is gone; another may have its name
			}
		}
		for _, node := range nodes {
			if open[node] != nil {
				continue
			}
			if f, err := os.Open(node); err == nil {
				s := &source{File: f}
				open[node] = s
				working.Go(func() { j.read(s) })
			}
		}
		j.mu.Lock()
		j.nodes = len(open)
		j.mu.Unlock()
		select {
		case <-tick.C:
		case <-stop:
			for _, s := range open {
				s.Close()
			}
			return
		}
	}
}

// source is an open event node.
type source struct {
	*os.File
	ended atomic.Bool
}

// read takes struct input_event off a node (Linux: input/input.rst): two words of time, type, code,
// value.
func (j *judge) read(s *source) {
	defer s.ended.Store(true)
	defer s.Close()
	event := make([]byte, 24)
	for {
		if _, err := io.ReadFull(s, event); err != nil {
			return
		}
		const keyEvent, pressed = 1, 1
		kind, code := binary.LittleEndian.Uint16(event[16:]), binary.LittleEndian.Uint16(event[18:])
		if kind != keyEvent || binary.LittleEndian.Uint32(event[20:]) != pressed {
			continue
		}
		if digit, ok := digits[code]; ok {
			j.mu.Lock()
			j.typed.WriteByte(digit)
			j.mu.Unlock()
		}
	}
}

// digits by key code (Linux: input-event-codes.h), the keypad's too.
var digits = map[uint16]byte{
	2: '1', 3: '2', 4: '3', 5: '4', 6: '5', 7: '6', 8: '7', 9: '8', 10: '9', 11: '0',
	71: '7', 72: '8', 73: '9', 75: '4', 76: '5', 77: '6', 79: '1', 80: '2', 81: '3', 82: '0',
}

// listens says whether there are event nodes, and all of them are open.
func (j *judge) listens() bool {
	nodes, _ := filepath.Glob("/dev/input/event*")
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(nodes) > 0 && j.nodes == len(nodes)
}

// heard is what was typed so far.
func (j *judge) heard() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.typed.String()
}

// A key types a code in a fifth of a second, and offers an untaken keystroke for two.
const (
	typingTime = 700 * time.Millisecond
	offerTime  = 2200 * time.Millisecond
)

// hears says whether exactly that comes after before.
func (j *judge) hears(before, text string) bool {
	return within(10*time.Second, func() bool { return j.heard() == before+text })
}

// silent says whether nothing comes after before while a key types.
func (j *judge) silent(before string) bool {
	return !within(typingTime, func() bool { return j.heard() != before })
}

// silentToTheEnd is silent for as long as a key would still offer what it typed.
func (j *judge) silentToTheEnd(before string) bool {
	return !within(offerTime, func() bool { return j.heard() != before })
}
