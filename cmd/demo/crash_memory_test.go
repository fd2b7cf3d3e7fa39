//go:build crash

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// region is a part of a process's memory, copied.
type region struct {
	name string
	data []byte
}

// memoryOf copies all that a process can read of its own memory.
func memoryOf(t *testing.T, pid int) (all []region) {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		if mode[0] != 'r' || strings.Contains(lines.Text(), "[v") {
			continue
		}
		name := "anonymous"
		if fields := strings.Fields(lines.Text()); len(fields) > 5 {
			name = filepath.Base(fields[5])
		}
		all = append(all, copied(mem, name, int64(from), int64(to))...)
	}
	return all
}

// copied reads in pieces: the end of a file's map has no memory behind it.
func copied(mem *os.File, name string, from, to int64) (all []region) {
	const piece = 16 << 20
	for at := from; at < to; at += piece {
		data := make([]byte, min(piece, to-at))
		n, _ := mem.ReadAt(data, at)
		if bytes.Count(data[:n], []byte{0}) < n {
			all = append(all, region{name, data[:n]})
		}
	}
	return all
}

func TestCrashMemory(t *testing.T) {
	l := newCrashLane(t, 0, 1)
	l.desk.kill()
	l.script.Digits = 8
	l.start()
	w := &crashWalk{l: l, phase: phaseIssue, card: true}
	for until := time.Now().Add(20 * time.Second); !l.browser.Page.Says("Touch the gold disc"); {
		if time.Now().After(until) {
			t.Fatal(l.browser.Page.Text)
		}
		w.step(l.browser.Page)
	}
	seed := l.seed()
	codes, err := oath.Codes(secret.NewSeed(seed), 0, 20, 8)
	if err != nil {
		t.Fatal(err)
	}
	h := hoard{}
	h.seed("the seed", seed)
	h.digits("the PIN", crashPIN)
	for i, code := range codes {
		h.digits(fmt.Sprintf("OTP %02d", i), string(code.Expose()))
	}
	total := 0
	for _, r := range memoryOf(t, l.desk.cmd.Process.Pid) {
		total += len(r.data)
		for name, forms := range h {
			for i, form := range forms {
				for rest, base := r.data, 0; ; {
					at := bytes.Index(rest, form)
					if at < 0 {
						break
					}
					lo, hi := max(0, at-48), min(len(rest), at+len(form)+32)
					t.Logf("%s form %d in %s+%x: %q", name, i, r.name, base+at, rest[lo:hi])
					rest, base = rest[at+1:], base+at+1
				}
			}
		}
	}
	t.Logf("%d MB", total>>20)
}

func (l *crashLane) seed() []byte {
	raw, err := os.ReadFile(filepath.Join(l.dir, "tokens", fmt.Sprintf("%d.json", l.serial)))
	if err != nil {
		l.t.Fatal(err)
	}
	var memory struct {
		Slots [2]*struct{ Config []byte }
	}
	if err := json.Unmarshal(raw, &memory); err != nil {
		l.t.Fatal(err)
	}
	config := memory.Slots[crashSlot-1].Config
	return append(bytes.Clone(config[22:38]), config[16:20]...)
}
