package provisioning

import (
	"strconv"
	"time"
)

// KindBackup is the table of the one Backup.
const KindBackup Kind = "backup"

// Backup is how the desk's backups go. There is one row.
type Backup struct {
	// Made is when the newest good one was made, By whom, where its log ended, how large it is, and
	// what it was called.
	Made     time.Time
	By       string
	Position int64
	Size     int64
	File     string
	// Begun is when one was begun whose outcome is not on record yet.
	Begun time.Time
	// Failed is when the newest one failed; Failure says in words what did. Zero after a good one.
	Failed  time.Time
	Failure string
}

// Kind implements Row.
func (Backup) Kind() Kind { return KindBackup }

// Key implements Row: there is one.
func (Backup) Key() string { return "backup" }

// Subject implements Row.
func (Backup) Subject() PersonID { return "" }

// Tags implements Row.
func (Backup) Tags() []Tag { return nil }

// Live implements Row.
func (Backup) Live() bool { return true }

// BackupOf reads the row.
func BackupOf(s Snapshot) Backup {
	row, _ := Get[Backup](s, Backup{}.Key())
	return row
}

// Trouble says whether somebody has to look after the backups: one failed, or was never finished.
func (b Backup) Trouble(now time.Time) bool {
	return !b.Failed.IsZero() || !b.Begun.IsZero() && now.Sub(b.Begun) > backupPatience
}

// backupPatience is how long a backup may be under way.
const backupPatience = time.Hour

// BackupBegun is the intent of an operator's backup. It is in the backup itself.
func BackupBegun(s Snapshot, now Now, by, recovery string) Change {
	d := newDraft(s, now, by, "backup.begin")
	d.entry.Outcome = OutcomeIntended
	b := BackupOf(s)
	b.Begun = now.At
	d.detail("recovery", recovery)
	d.put(b)
	return d.change()
}

// BackupOutcome is what became of a backup. Failure is empty for a good one. A good file that was
// not carried off the box is both: made, and failed.
type BackupOutcome struct {
	File     string
	Position int64
	Size     int64
	Written  bool
	Failure  string
}

// BackupEnded records the outcome.
func BackupEnded(s Snapshot, now Now, by string, o BackupOutcome) Change {
	d := newDraft(s, now, by, "backup.end")
	b := BackupOf(s)
	b.Begun = time.Time{}
	if o.Written {
		b.Made, b.By, b.Position, b.Size, b.File = now.At, by, o.Position, o.Size, o.File
		d.detail("file", o.File)
		d.detail("position", strconv.FormatInt(o.Position, 10))
		d.detail("size", strconv.FormatInt(o.Size, 10))
	}
	b.Failed, b.Failure = time.Time{}, o.Failure
	if o.Failure != "" {
		b.Failed, d.entry.Outcome = now.At, OutcomeRefused
		d.detail("failure", o.Failure)
	}
	d.put(b)
	return d.change()
}
