package virtual

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStateOutlivesTheProcess opens the file again, as another process would, after every change.
func TestStateOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	guarded := rfcSetup()
	guarded.access = codeA
	for i, act := range []func(*Key, *host){
		func(*Key, *host) {},
		func(_ *Key, h *host) { h.send(0x03, guarded.payload()) },
		func(k *Key, _ *host) { mustTouch(t, k, 2) },
		func(_ *Key, h *host) { h.send(0x12, azerty()) },
		func(_ *Key, h *host) { h.send(0x01, nil) },
	} {
		k, err := Open(path, Options{Serial: 77, Firmware: Version{5, 2, 7}, Delivered: true})
		if err != nil {
			t.Fatal(err)
		}
		b := NewBus(k)
		b.Plug(k)
		act(k, openFirst(t, b))
		b.Unplug(k)
		again, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(k.memory, again.memory,
			cmp.AllowUnexported(memory{}, slot{}, config{})); diff != "" {
			t.Errorf("step %d (-in memory +on disk):\n%s", i, diff)
		}
		if diff := cmp.Diff(k.opts, again.opts); diff != "" {
			t.Errorf("step %d, options:\n%s", i, diff)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file: %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(path + "*")
	if err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

// TestStateThatCannotBeWritten refuses what it could not keep, like a key with broken flash.
func TestStateThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drawer")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k, err := Open(filepath.Join(dir, "key"), Options{Delivered: true})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBus(k)
	b.Plug(k)
	h := openFirst(t, b)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if h.accepted(0x03, rfcSetup().payload()) || k.Slots()[1].Configured {
		t.Error("a write was accepted that could not be kept")
	}
	if _, err := k.Touch(1); err == nil || k.Slots()[0].Counter != 0 {
		t.Errorf("a touch that could not be kept: %v", err)
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	for _, text := range []string{
		``, `{`, `[]`,
		`{"Options":{"Product":1}}`,
		`{"Slots":[{"Config":"AAAA"},null]}`,
		`{"ScanMap":"AAAA"}`,
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, Options{}); err == nil {
			t.Errorf("%s was opened", text)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "key"), Options{Product: 1}); err == nil {
		t.Error("a key with product id 1 was made")
	}
}

// FuzzState states the law of the state file: what is read is written back so that it reads the
// same.
func FuzzState(f *testing.F) {
	k := New(Options{Delivered: true})
	good, err := formatState(k.opts, k.memory)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"Sequence":9,"Slots":[null,null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := parseState(raw)
		if err != nil {
			return
		}
		written, err := formatState(k.opts, k.memory)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseState(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		rewritten, err := formatState(again.opts, again.memory)
		if err != nil || string(rewritten) != string(written) {
			t.Errorf("written %s, then %s (%v)", written, rewritten, err)
		}
	})
}
