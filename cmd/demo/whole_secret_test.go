package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// hoard is what must never be found, by name, in every form it could be written in.
type hoard map[string][][]byte

// add puts a secret of bytes into the hoard.
func (h hoard) add(name string, raw []byte) {
	forms := [][]byte{bytes.Clone(raw)}
	for _, text := range []string{hex.EncodeToString(raw),
		base32.StdEncoding.EncodeToString(raw), base32.HexEncoding.EncodeToString(raw)} {
		// Without padding it is found with padding, too.
		text = strings.TrimRight(text, "=")
		forms = append(forms, []byte(strings.ToLower(text)), []byte(strings.ToUpper(text)))
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		forms = append(forms, []byte(alphabet.EncodeToString(raw)))
		for before := range 3 {
			forms = append(forms, within(alphabet, raw, before))
		}
	}
	h[name] = append(h[name], forms...)
}

// within is how the secret reads in base64 when so many other bytes stand before it, and any after.
func within(alphabet *base64.Encoding, raw []byte, before int) []byte {
	text := alphabet.EncodeToString(append(make([]byte, before), raw...))
	whole := (before + len(raw)) * 8 / 6
	return []byte(text[(before*8+5)/6 : whole])
}

// digits are a secret that people type. Six digits may stand in a longer number by chance.
func (h hoard) digits(name, typed string) { h.add(name, []byte(typed)) }

// seed is a secret that a slot's configuration keeps in two pieces.
func (h hoard) seed(name string, raw []byte) {
	h.add(name, raw)
	h.add(name, raw[:16])
}

// found says which secrets are somewhere in the data.
func (h hoard) found(data []byte) []string {
	var names []string
	for name, forms := range h {
		if slices.ContainsFunc(forms, func(form []byte) bool { return has(data, form) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

var number = regexp.MustCompile(`^[0-9]{6,9}$`)

// has looks for a form. Digits count only where they stand alone: every id is hexadecimal.
func has(data, form []byte) bool {
	if !number.Match(form) {
		return bytes.Contains(data, form)
	}
	for rest, at := data, 0; ; rest = rest[at+1:] {
		if at = bytes.Index(rest, form); at < 0 {
			return false
		}
		before := at == 0 || !isHex(rest[at-1])
		end := at + len(form)
		if before && (end == len(rest) || !isHex(rest[end])) {
			return true
		}
	}
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// searchFolder looks through every file under a folder.
func (h hoard) searchFolder(t testing.TB, dir string) (files int, names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, name := range h.found(data) {
			names = append(names, name+" in "+filepath.Base(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, names
}

// TestWholeHoard: the search finds each form of a secret it is shown, so that finding nothing means
// something.
func TestWholeHoard(t *testing.T) {
	seed, h := []byte("\xfb\xef\xbe0123456789abcdef\xff"), hoard{}
	h.add("seed", seed)
	h.digits("pin", "270418")
	for name, planted := range map[string]string{
		"raw": "x" + string(seed) + "y", "hex": hex.EncodeToString(seed),
		"HEX":        strings.ToUpper(hex.EncodeToString(seed)),
		"base32":     base32.StdEncoding.EncodeToString(seed),
		"base32 low": strings.ToLower(base32.StdEncoding.EncodeToString(seed)),
		"base64":     base64.StdEncoding.EncodeToString(seed),
		"raw base64": base64.RawStdEncoding.EncodeToString(seed),
		"base64url":  base64.URLEncoding.EncodeToString(seed),
		"raw url":    base64.RawURLEncoding.EncodeToString(seed),
		"1 before":   base64.StdEncoding.EncodeToString(append([]byte("-"), seed...)),
		"2 before":   base64.StdEncoding.EncodeToString(append([]byte("--"), seed...)),
	} {
		if got := h.found([]byte("before " + planted + " after")); !slices.Equal(got, []string{"seed"}) {
			t.Errorf("%s: found %q", name, got)
		}
	}
	for _, planted := range []string{"270418", "pin=270418", "270418\n", "pin:270418,", "MjcwNDE4"} {
		if got := h.found([]byte(planted)); !slices.Equal(got, []string{"pin"}) {
			t.Errorf("%q: found %q", planted, got)
		}
	}
	if got := h.found([]byte("12704180 a270418 270419")); got != nil {
		t.Errorf("found %q", got)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), seed, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, got := h.searchFolder(t, dir); n != 1 || !slices.Equal(got, []string{"seed in a"}) {
		t.Errorf("%d files, found %q", n, got)
	}
}

// TestWholeSecrets: what people type, what tokens hold, and what opens a record, are in no log
// line, no answer and no file of the desk.
func TestWholeSecrets(t *testing.T) {
	t.Parallel()
	w := begin(t, settings{site: "um"}, nil)
	answers := w.inspect()
	h := hoard{}
	h.digits("the officers' PIN", w.pin)
	w.unlock()
	first, second := w.person("CHAN"), w.person("WONG")
	key, other := w.key(17390102), w.key(17390103)

	w.toTouch(first, key)
	h.seed("the first seed", w.seed(key))
	h.add("the access code", w.accessCode(key))
	h.digits("the OTP of the proof", w.touch(key))
	w.sees("works now")
	w.handOver(key)
	otp := w.typed(key)
	h.digits("an OTP typed at home", otp)
	w.signIn(first, otp, true)
	w.takeBack(first, key)

	other.Misbehave(virtual.Fault{Corrupt: true})
	w.pull(key)
	w.toTouch(second, other)
	h.digits("a wrong OTP", w.press(other))
	w.sooner("once more")
	w.pull(other)
	w.sees(saysUnproven)
	w.b.Press("End this visit")
	for _, path := range []string{"/ready", "/held", "/parked", "/doubtful", "/display", "/nowhere"} {
		w.b.Open(path)
	}
	w.lend(second, key)
	h.seed("the second seed", w.seed(key))
	w.lose(second)
	w.settled()
	w.opens(h)

	if seen := answers(); len(seen) < 50_000 {
		t.Errorf("looked at %d bytes of answers only", len(seen))
	} else if names := h.found(seen); names != nil {
		t.Errorf("the desk answered with %q", names)
	}
	if names := h.found([]byte(w.log.String())); names != nil || w.log.String() == "" {
		t.Errorf("the log has %q", names)
	}
	desk := filepath.Join(w.settings.state, "desk")
	if n, names := h.searchFolder(t, desk); n < 8 || names != nil {
		t.Errorf("%d files; the desk's folder has %q", n, names)
	}
	w.stop()
	if _, names := h.searchFolder(t, desk); names != nil {
		t.Errorf("after it stopped, the desk's folder has %q", names)
	}
	if _, names := h.searchFolder(t, w.settings.state); len(names) < 4 {
		t.Errorf("tokens and verifier hold their secrets, and only %q was found", names)
	}
}

// inspect keeps every answer the desk gives from now on, headers and redirects included.
func (w *whole) inspect() (answers func() []byte) {
	var mu sync.Mutex
	var all bytes.Buffer
	w.b.Inspect = func(r *http.Response, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.Header.Write(&all)
		all.Write(body)
	}
	return func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(all.Bytes())
	}
}

// opens adds the keys that open records, as the verifier and the escrow keep them.
func (w *whole) opens(h hoard) {
	w.t.Helper()
	for name, path := range map[string]string{
		"the verifier's key": filepath.Join(w.settings.state, "verifier", "feed.key"),
		"the escrow key":     filepath.Join(w.settings.state, "escrow.key"),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		h[name] = append(h[name], bytes.TrimSpace(text))
		raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil || len(raw) < 32 {
			w.t.Fatalf("%s is not a key in hex", name)
		}
		h.add(name, raw)
	}
}

// accessCode reads the code that guards our slot out of the token's memory.
func (w *whole) accessCode(key *virtual.Key) []byte {
	w.t.Helper()
	code := bytes.Clone(w.config(key)[38:44])
	if !key.Slots()[w.site.Slot-1].Protected {
		w.t.Fatal("the slot is not guarded")
	}
	return code
}

// config is the configuration of our slot in the token's own memory, as nobody can read it out of a
// real one. It is nil when the slot is empty.
func (w *whole) config(key *virtual.Key) []byte {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.settings.state, "tokens", spelt(key)+".json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var memory struct {
		Slots [2]*struct{ Config []byte }
	}
	if err := json.Unmarshal(raw, &memory); err != nil {
		w.t.Fatal(err)
	}
	if slot := memory.Slots[w.site.Slot-1]; slot != nil {
		return slot.Config
	}
	return nil
}

// seed is the secret in a configuration: sixteen bytes at 22 and the last four at 16.
func (w *whole) seed(key *virtual.Key) []byte {
	w.t.Helper()
	config := w.config(key)
	if config == nil {
		return nil
	}
	return append(bytes.Clone(config[22:38]), config[16:20]...)
}
