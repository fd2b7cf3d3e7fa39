//go:build crash

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// excused are the places in the memory of a running desk where a secret may be found, and why.
var excused = []struct {
	secret, why string
	fits        func(before, after []byte) bool
}{
	{"the PIN", "the body of the form it was posted with: net/http reads that into memory of its own",
		func(before, _ []byte) bool { return bytes.HasSuffix(before, []byte("pin=")) }},
	{"the PIN", "the first block of argon2id (RFC 9106 section 3.2): x/crypto keeps its input " +
		"behind its length, with the length of the salt after it",
		func(before, after []byte) bool {
			return bytes.HasSuffix(before, []byte{byte(len(crashPIN)), 0, 0, 0}) &&
				bytes.HasPrefix(after, []byte{byte(len("crash test salt!")), 0, 0, 0})
		}},
}

// expectedWhy: while the touch is awaited the desk knows the token by the ten codes its seed gives,
// once each. They open nothing until the verifier has the proof, and are wiped with the journal.
const expectedWhy = "an expected code, kept until the touch (design, section 5.3)"

// TestCrashSecrets: with the desk's keys in hand nothing the desk keeps, says, logs or has in
// memory gives a seed, a PIN or an OTP away, but for the places that are named here. Memory and a
// backup are looked at while the touch is awaited, and after the loan.
func TestCrashSecrets(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	l := newCrashLane(t, 0, 1)
	l.desk.kill()
	l.script.Digits = 8 // six digits stand in memory by chance
	key := recoveryKey(t, l.script.Config)
	l.start()
	var answers responses
	l.browser.Inspect = answers.inspect
	w := l.toTouch()
	h := l.hoard()
	awaiting := l.remembers(h)
	if len(awaiting) != 10 {
		t.Errorf("while the touch is awaited the desk has %q, want each of ten codes once: %s",
			awaiting, expectedWhy)
	}
	for _, name := range awaiting {
		if !strings.HasPrefix(name, "an expected code") {
			t.Errorf("while the touch is awaited the desk has %s", name)
		}
	}
	l.backedUp("while the touch is awaited", h, key)
	for !w.step(l.browser.Page) {
	}
	l.settled()
	l.backedUp("after the loan", h, key)
	if !l.press() {
		t.Error("the token does not sign in: these are not its secrets")
	}
	for _, name := range l.remembers(h) {
		t.Errorf("after the loan the desk has %s", name)
	}
	l.desk.kill()
	l.foundNowhere(h, answers.Bytes())
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("the desk leaves temporary files: %v, %v", left, err)
	}
}

// responses keeps every answer of the desk, headers and redirects included.
type responses struct{ bytes.Buffer }

func (r *responses) inspect(answer *http.Response, body []byte) {
	_ = answer.Header.Write(r)
	r.Write(body)
}

// toTouch walks an issue until the screen asks for the touch.
func (l *crashLane) toTouch() *crashWalk {
	w := &crashWalk{l: l, phase: phaseIssue, card: true}
	for until := time.Now().Add(20 * time.Second); !l.browser.Page.Says("Touch the gold disc"); {
		if time.Now().After(until) {
			l.t.Fatalf("nobody asks for the touch: %s\n%s", l.browser.Page.Text, l.log)
		}
		w.step(l.browser.Page)
	}
	return w
}

// hoard is what the token and its person know, in every form it could be written in.
func (l *crashLane) hoard() hoard {
	l.t.Helper()
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
	seed := append(bytes.Clone(config[22:38]), config[16:20]...)
	codes, err := oath.Codes(secret.NewSeed(seed), 0, 20, l.script.Digits)
	if err != nil {
		l.t.Fatal(err)
	}
	h := hoard{}
	h.seed("the seed", seed)
	// As HMAC pads it (RFC 2104 section 2).
	for name, pad := range map[string]byte{"inner": 0x36, "outer": 0x5c} {
		padded := bytes.Clone(seed)
		for i := range padded {
			padded[i] ^= pad
		}
		h["the seed, as the "+name+" key"] = [][]byte{padded}
	}
	h.digits("the PIN", crashPIN)
	for i, code := range codes {
		h.digits(fmt.Sprintf("code %02d", i), string(code.Expose()))
	}
	return h
}

// remembers says what of a hoard is in the memory of the desk, but for what is excused. Each place
// counts.
func (l *crashLane) remembers(h hoard) (found []string) {
	l.t.Helper()
	size := 0
	for _, r := range memoryOf(l.t, l.desk.cmd.Process.Pid) {
		size += len(r.data)
		for name, forms := range h {
			for i, form := range forms {
				for _, at := range places(r.data, form) {
					before, after := r.data[max(0, at-64):at], r.data[at+len(form):]
					if what := judged(name, i, before, after[:min(64, len(after))]); what != "" {
						found = append(found, what+" in "+r.name)
					}
				}
			}
		}
	}
	if size < 10<<20 {
		l.t.Errorf("looked at %d bytes of memory only", size)
	}
	slices.Sort(found)
	return found
}

// places are where a form stands. The officer's six digits count where they stand alone: every id
// is hexadecimal.
func places(data, form []byte) (all []int) {
	for base := 0; ; base++ {
		at := bytes.Index(data[base:], form)
		if at < 0 {
			return all
		}
		base += at
		end := base + len(form)
		alone := (base == 0 || !isHex(data[base-1])) && (end == len(data) || !isHex(data[end]))
		if alone || len(form) != len(crashPIN) {
			all = append(all, base)
		}
	}
}

// judged names what was found, or nothing if it is excused.
func judged(name string, form int, before, after []byte) string {
	for _, e := range excused {
		if e.secret == name && e.fits(before, after) {
			return ""
		}
	}
	if name >= "code 00" && name <= "code 09" && form == 0 {
		return "an expected " + name
	}
	return fmt.Sprintf("%s, form %d, after %q", name, form, before[max(0, len(before)-16):])
}

// foundNowhere searches what a desk that does not run any more has left: with its own key in hand,
// everything in its file; and what it said and logged.
func (l *crashLane) foundNowhere(h hoard, answers []byte) {
	l.t.Helper()
	file := filepath.Join(l.script.Config.State, crashFile)
	values := decrypted(l.t, file, store.Kind, l.keys.Desk.Expose(), nil)
	l.log.mu.Lock()
	logged := bytes.Clone(l.log.text.Bytes())
	l.log.mu.Unlock()
	for where, data := range map[string][]byte{"every value of the store": values,
		"the answers of the desk": answers, "the log": logged} {
		if names := h.found(data); names != nil {
			l.t.Errorf("%s: %q", where, names)
		}
	}
	if !bytes.Contains(values, []byte(l.person.Name)) || len(answers) < 10_000 {
		l.t.Error("the values of the store are not open, or nobody kept the answers")
	}
	if n, names := h.searchFolder(l.t, l.script.Config.State); n < 8 || names != nil {
		l.t.Errorf("%d files; the desk's folder has %q", n, names)
	}
}

// region is a part of a process's memory, copied.
type region struct {
	name string
	data []byte
}

// memoryOf copies all that a process can read of its own memory, but for what it was built with.
func memoryOf(t *testing.T, pid int) (all []region) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if errors.Is(err, fs.ErrPermission) && os.Getenv("CI") != "true" {
		t.Skip("this kernel lets nobody read the memory of another process")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		name, file := "memory of its own", ""
		if fields := strings.Fields(line); len(fields) > 5 {
			name, file = filepath.Base(fields[5]), fields[5]
		}
		built := file == program && mode[1] != 'w'
		if mode[0] == 'r' && !built && !strings.HasPrefix(name, "[v") {
			all = append(all, pieces(mem, name, int64(from), int64(to))...)
		}
	}
	return all
}

// pieces reads one map. The end of a file's has nothing behind it.
func pieces(mem *os.File, name string, from, to int64) (all []region) {
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
