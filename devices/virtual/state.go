package virtual

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// state is the file of a key. It holds the secrets of the slots, as the key itself does.
type state struct {
	Options  Options
	Sequence byte
	Slots    [2]*slotFile
	ScanMap  []byte `json:",omitempty"`
}

type slotFile struct {
	Config  []byte
	Counter uint64
}

// Open returns the key whose memory is the file at path, or makes it as the options say. From then
// on every change is on the disk before anybody is told of it, so that a process may be killed at
// any moment and the key is as it was, like a real one.
func Open(path string, o Options) (*Key, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open virtual key: %w", err)
	}
	k, err := parseState(raw)
	if err != nil {
		return nil, fmt.Errorf("open virtual key %s: %w", path, err)
	}
	k.file = path
	return k, nil
}

func create(path string, o Options) (*Key, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("create virtual key: %w", err)
	}
	k := New(o)
	if err := writeState(path, k.opts, k.memory); err != nil {
		return nil, fmt.Errorf("create virtual key: %w", err)
	}
	k.file = path
	return k, nil
}

// parseState reads what formatState wrote and refuses everything else.
func parseState(raw []byte) (*Key, error) {
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, errors.New("the state file is not readable")
	}
	if err := s.Options.check(); err != nil {
		return nil, err
	}
	if n := len(s.ScanMap); n != 0 && n != len(scanAlphabet) {
		return nil, errors.New("the scan map has a wrong length")
	}
	k := &Key{opts: s.Options.withDefaults()}
	k.memory = memory{sequence: s.Sequence, scanMap: s.ScanMap}
	for i, f := range s.Slots {
		if f == nil {
			continue
		}
		if len(f.Config) != configSize {
			return nil, fmt.Errorf("slot %d has a wrong length", i+1)
		}
		c, ok := parseConfig([configSize]byte(f.Config))
		if !ok {
			return nil, fmt.Errorf("slot %d is damaged", i+1)
		}
		k.memory.slots[i] = &slot{config: c, counter: f.Counter}
	}
	return k, nil
}

func formatState(o Options, m memory) ([]byte, error) {
	s := state{Options: o, Sequence: m.sequence, ScanMap: m.scanMap}
	for i, programmed := range m.slots {
		if programmed != nil {
			raw := programmed.config.bytes()
			s.Slots[i] = &slotFile{Config: raw[:], Counter: programmed.counter}
		}
	}
	return json.MarshalIndent(s, "", "  ")
}

// writeState replaces the file: write beside it, sync, rename, sync the folder.
func writeState(path string, o Options, m memory) error {
	raw, err := formatState(o, m)
	if err != nil {
		return fmt.Errorf("write state of the key: %w", err)
	}
	next := path + ".next"
	if err := writeSynced(next, raw); err != nil {
		return fmt.Errorf("write state of the key: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write state of the key: %w", err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write state of the key: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func writeSynced(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Sync(), f.Close())
}
