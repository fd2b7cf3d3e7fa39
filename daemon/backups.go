package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/backup"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// The names of the parts of a backup. Credentials have their own names behind partCredential. The
// store is the last part, so that everything else is known before it is read.
const (
	partConfig     = "desk.toml"
	partBundle     = "verifier.json"
	partCredential = "credential/"
	partStore      = "desk.db"
)

// neededCredentials are in every backup; otherCredentials where the desk has them.
var (
	neededCredentials = []string{credDesk, credLog, credFeed, credSite}
	otherCredentials  = []string{credLDAP, credMail, credSMS, credMailbox}
)

// errBackupRuns: one backup at a time is enough.
var errBackupRuns = AdminError{"backup_runs", "another backup is under way; nothing was begun"}

// Backup writes everything this desk needs, sealed to the recovery key, as it is at one moment. The
// config is the text of the configuration file. Nothing is written to before the backup's intent is
// on record.
func (d *Desk) Backup(ctx context.Context, by, config string, to io.Writer) error {
	if !d.backing.TryLock() {
		return errBackupRuns
	}
	defer d.backing.Unlock()
	recovery, err := readRecoveryPublic(d.parts.Config.Backup.Recovery)
	if err != nil {
		return AdminError{"backup_key", err.Error()}
	}
	_, err = d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.BackupBegun(s, d.now(), by, feed.KeyID(recovery)), nil
	})
	if err != nil {
		return err
	}
	return d.writeBackup(recovery, config, to)
}

// part is one small part of a backup.
type part struct {
	name string
	data []byte
}

func (d *Desk) writeBackup(recovery []byte, config string, to io.Writer) error {
	parts, copied, err := d.beginBackup(config)
	defer func() {
		for _, p := range parts {
			clear(p.data)
		}
	}()
	if err != nil {
		return err
	}
	defer copied.Close()
	w, err := backup.NewWriter(to, recovery, backup.Header{Desk: d.parts.Config.Desk,
		Site: d.parts.Site.ID, Feed: d.store.Feed(), Position: copied.Position,
		Checkpoint: string(copied.Checkpoint), Made: d.parts.Clock.Now()})
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := w.Bytes(p.name, p.data); err != nil {
			return err
		}
	}
	if err := writeStore(w, copied); err != nil {
		return err
	}
	return w.Close()
}

// beginBackup reads the small parts and begins the copy. No key is renewed meanwhile, so that they
// fit together; while they are written one may be.
func (d *Desk) beginBackup(config string) ([]part, *store.Copy, error) {
	d.renewing.Lock()
	defer d.renewing.Unlock()
	parts, err := d.smallParts(config)
	if err != nil {
		return parts, nil, AdminError{"backup_part", err.Error()}
	}
	copied, err := d.store.Copy()
	return parts, copied, err
}

// writeStore pipes the copy into its part.
func writeStore(w *backup.Writer, copied *store.Copy) error {
	r, pipe := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := copied.WriteTo(pipe)
		done <- errors.Join(err, pipe.CloseWithError(err))
	}()
	err := w.Part(partStore, copied.Size(), r)
	_ = r.CloseWithError(err)
	if written := <-done; err == nil {
		err = written
	}
	return err
}

// smallParts are everything but the store. They are read before anything is written, so that what is
// missing is refused.
func (d *Desk) smallParts(config string) ([]part, error) {
	var parts []part
	for _, name := range append(slices.Clone(neededCredentials), otherCredentials...) {
		data, err := d.credential(name)
		if errors.Is(err, fs.ErrNotExist) && slices.Contains(otherCredentials, name) {
			continue
		}
		if err != nil {
			return parts, err
		}
		parts = append(parts, part{partCredential + name, data})
	}
	bundle, err := os.ReadFile(d.parts.Config.Verifier)
	if err != nil {
		return parts, fmt.Errorf("read the verifier's bundle: %w", err)
	}
	return append(parts, part{partConfig, []byte(config)}, part{partBundle, bundle}), nil
}

// credential is one of the desk's own as it is now: the key that opens the store, what this run was
// given by a renewal, or what it was started with.
func (d *Desk) credential(name string) ([]byte, error) {
	if name == credDesk {
		return encodeKey(d.keys.now().Desk), nil
	}
	if text, ok := d.renewed[name]; ok {
		return text.Expose(), nil
	}
	return d.parts.Config.credential(name)
}

// BackupEnded records what became of a backup, as whoever wrote the file tells it.
func (d *Desk) BackupEnded(ctx context.Context, by string, o provisioning.BackupOutcome) error {
	if o.Failure != "" {
		d.log.Error("a backup failed", "by", by, "why", o.Failure, systemd.BackupFailed.Attr())
	}
	_, err := d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.BackupEnded(s, d.now(), by, o), nil
	})
	return err
}

// BackupStatus is how backups go, for the operator.
type BackupStatus struct {
	// Possible: there is a recovery key to seal one to.
	Possible bool      `json:"possible"`
	Made     time.Time `json:"made,omitzero"`
	Position int64     `json:"position,omitempty"`
	Size     int64     `json:"size,omitempty"`
	File     string    `json:"file,omitempty"`
	Failed   time.Time `json:"failed,omitzero"`
	// Failure says in words what failed, or that one was never finished.
	Failure string `json:"failure,omitempty"`
}

func (d *Desk) backupStatus() BackupStatus {
	b := provisioning.BackupOf(d.store.Snapshot())
	_, err := readRecoveryPublic(d.parts.Config.Backup.Recovery)
	s := BackupStatus{Possible: err == nil, Made: b.Made, Position: b.Position, Size: b.Size,
		File: b.File, Failed: b.Failed, Failure: b.Failure}
	if s.Failure == "" && b.Trouble(d.parts.Clock.Now()) {
		s.Failed, s.Failure = b.Begun, "it was begun and never finished"
	}
	return s
}

// now is when and where a decision is made.
func (d *Desk) now() provisioning.Now {
	at, synced := d.clock()
	return provisioning.Now{Desk: provisioning.DeskID(d.parts.Config.Desk), At: at, Synced: synced}
}
