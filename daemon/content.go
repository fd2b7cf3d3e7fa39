package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/daemon/backup"
	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// content is a backup taken apart: everything but the store is in memory, the store is next.
type content struct {
	header      backup.Header
	config      []byte
	bundle      []byte
	credentials map[string][]byte
	reader      *backup.Reader
	file        *os.File
}

// maxPart bounds a part that is taken into memory.
const maxPart = 1 << 20

// openContent opens a backup and reads it as far as the store.
func openContent(path string, key secret.Key) (*content, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	c := &content{credentials: map[string][]byte{}, file: file}
	if c.reader, err = backup.Open(file, key); err == nil {
		c.header = c.reader.Header
		err = c.read()
	}
	if err != nil {
		c.wipe()
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

func (c *content) read() error {
	for {
		name, size, err := c.reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return backup.ErrDamaged
		case err != nil:
			return err
		case name == partStore:
			return c.complete()
		case size > maxPart:
			return backup.ErrDamaged
		}
		data, err := io.ReadAll(c.reader)
		if err != nil {
			return err
		}
		credential, isCredential := strings.CutPrefix(name, partCredential)
		switch {
		case isCredential && credential == filepath.Base(credential):
			c.credentials[credential] = data
		case name == partConfig:
			c.config = data
		case name == partBundle:
			c.bundle = data
		}
	}
}

// complete says whether everything a desk needs was there.
func (c *content) complete() error {
	for _, name := range neededCredentials {
		if len(c.credentials[name]) == 0 {
			return fmt.Errorf("%w: the credential %s is not in it", backup.ErrDamaged, name)
		}
	}
	if _, err := feed.DecodeBundle(c.bundle); err != nil {
		return err
	}
	return nil
}

// others are the credentials that a restored desk keeps.
func (c *content) others() []string {
	var names []string
	for name := range c.credentials {
		if name == credSite || slices.Contains(otherCredentials, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (c *content) has(name string, data []byte) bool {
	return bytes.Equal(bytes.TrimSpace(c.credentials[name]), bytes.TrimSpace(data))
}

// before says whether a site secret goes on from the one of the backup.
func (c *content) before(secret []byte) bool {
	newer, err := parseSiteSecret(secret)
	if err != nil {
		return false
	}
	old, err := parseSiteSecret(c.credentials[credSite])
	return err == nil && newer.extends(old)
}

// writeStore writes the store to a new file, and reads the backup to its end.
func (c *content) writeStore(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("unpack the store: %w", err)
	}
	_, err = io.Copy(f, c.reader)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("unpack the store: %w", err)
	}
	if _, _, err := c.reader.Next(); !errors.Is(err, io.EOF) {
		return backup.ErrDamaged
	}
	return nil
}

func (c *content) close() error { return c.file.Close() }

func (c *content) wipe() {
	for _, data := range c.credentials {
		clear(data)
	}
}

// oldKeys are what the copy opens with.
func (c *content) oldKeys() (k Keys, err error) {
	if k.Desk, _, err = deskKeys(c.credentials[credDesk]); err != nil {
		return k, err
	}
	use, _, err := logKeys(c.credentials[credLog])
	k.Log, k.LogKey = use.signer, use.public
	return k, err
}

// check opens every value and every entry of an unpacked store, and holds its log against the
// checkpoint the backup names.
func (c *content) check(ctx context.Context, path string) (BackupFacts, error) {
	keys, err := c.oldKeys()
	if err != nil {
		return BackupFacts{}, err
	}
	facts := BackupFacts{Header: c.header, LogKey: keys.LogKey}
	s, err := store.Open(ctx, store.Options{Path: path, Key: keys.Desk,
		Desk: provisioning.DeskID(c.header.Desk), Signer: keys.Log, Clock: SystemClock{}.Now})
	if err != nil {
		return facts, err
	}
	report, err := s.Check(ctx)
	facts.Values = report.Values
	if err == nil {
		var audit store.Audit
		audit, err = s.Audit(ctx)
		facts.Entries = audit.Leaves
		err = errors.Join(err, c.sameCheckpoint(keys.LogKey, audit.Checkpoint))
	}
	return facts, errors.Join(err, s.Close())
}

// sameCheckpoint: the log in the store is the one whose checkpoint stands in the head.
func (c *content) sameCheckpoint(logKey string, audited []byte) error {
	key, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	said, err := feed.OpenCheckpoint([]byte(c.header.Checkpoint), key)
	if err != nil {
		return fmt.Errorf("the checkpoint of the backup: %w", err)
	}
	found, err := feed.OpenCheckpoint(audited, key)
	if err != nil {
		return err
	}
	if said != found || said.Size != c.header.Position {
		return fmt.Errorf("%w: its store is not the one it says", backup.ErrDamaged)
	}
	return nil
}

// mark names what an unfinished restore may have written.
type mark struct {
	Card        string   `json:"card"`
	Credentials []string `json:"credentials"`
	Files       []string `json:"files"`
}

func (m mark) write(path string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := boltfile.RemoveDrafts(path); err != nil {
		return err
	}
	return boltfile.Replace(path, 0o600, data)
}

// readMark returns nil when no restore was left unfinished.
func readMark(path string) (*mark, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for an unfinished restore: %w", err)
	}
	var m mark
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("the mark of an unfinished restore %s is damaged: %w", path, err)
	}
	return &m, nil
}

// clear removes what the unfinished restore wrote. The store goes last and the mark stays, so that
// this can break off, too.
func (m mark) clear(c Config) error {
	paths := append([]string{m.Card}, m.Files...)
	for _, name := range m.Credentials {
		paths = append(paths, filepath.Join(c.Credentials, filepath.Base(name)))
	}
	for _, path := range append(paths, c.file()+".restore", c.file()) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear away an unfinished restore: %w", err)
		}
	}
	return nil
}

// writeMissing writes a file unless there is one.
func writeMissing(path string, mode fs.FileMode, data []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return writeNew(path, mode, data)
}
