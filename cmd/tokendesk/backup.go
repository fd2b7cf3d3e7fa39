package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/backup"
	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

type backupCmd struct {
	Make   makeBackupCmd   `cmd:"" default:"withargs" help:"Make a backup."`
	Verify verifyBackupCmd `cmd:"" help:"Open a backup fully, with the recovery key, and say what is in it."`
}

type makeBackupCmd struct {
	File string `arg:"" optional:"" type:"path" help:"The file to write. Without it the backup goes where the configuration says, old ones are dropped, and its command carries it off the box."`
}

// Run implements the command. Whatever fails is told to the desk, so that its screen says it.
func (m makeBackupCmd) Run(ctx context.Context, c *cli, t terminal) error {
	config, err := daemon.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	b := nightly{config: config, client: daemon.NewClient(config.Admin), path: m.File, out: t.out}
	if b.text, err = os.ReadFile(c.Config); err != nil {
		return err
	}
	report, err := b.run(ctx)
	if err != nil {
		report.Failure = err.Error()
	}
	return errors.Join(err, b.client.BackupEnded(context.WithoutCancel(ctx), report))
}

// nightly is one backup being made.
type nightly struct {
	config daemon.Config
	client *daemon.Client
	text   []byte
	path   string
	out    io.Writer
}

// extension is how the files of backups end.
const extension = ".backup"

func (b *nightly) run(ctx context.Context) (daemon.BackupReport, error) {
	kept := b.path == ""
	if kept {
		if err := boltfile.MakeDir(b.config.Backup.Directory); err != nil {
			return daemon.BackupReport{}, err
		}
		stamp := time.Now().UTC().Format("20060102T150405Z")
		b.path = filepath.Join(b.config.Backup.Directory, b.config.Desk+"-"+stamp+extension)
	}
	report, err := b.write(ctx)
	if err != nil || !kept {
		return report, err
	}
	if err := b.prune(); err != nil {
		return report, err
	}
	return report, b.carryOff(ctx)
}

// write makes the file: whole under another name first, and never in the place of one that is
// there.
func (b *nightly) write(ctx context.Context) (report daemon.BackupReport, err error) {
	began := time.Now()
	if boltfile.Exists(b.path) {
		return report, fmt.Errorf("%s is there already; nothing was written", b.path)
	}
	var head backup.Header
	var size int64
	err = boltfile.StreamNew(b.path, func(draft io.ReadWriteSeeker) error {
		err := b.client.Backup(ctx, daemon.BackupOrder{Config: string(b.text)}, draft)
		if err == nil {
			head, size, err = headOf(draft)
		}
		return err
	})
	if err != nil {
		return report, err
	}
	fmt.Fprintf(b.out, "%s: %d bytes, %d leaves of the log, in %s; recovery key %s opens it\n", b.path,
		size, head.Position, time.Since(began).Round(time.Millisecond), head.Recovery)
	return daemon.BackupReport{File: filepath.Base(b.path), Position: head.Position, Size: size,
		Written: true}, nil
}

// headOf reads the head of a backup that was just written, and how long it is.
func headOf(written io.ReadSeeker) (head backup.Header, size int64, err error) {
	if size, err = written.Seek(0, io.SeekEnd); err != nil {
		return head, 0, err
	}
	if _, err = written.Seek(0, io.SeekStart); err != nil {
		return head, 0, err
	}
	head, err = backup.ReadHeader(written)
	return head, size, err
}

// prune drops the oldest of this desk's backups in the folder. Their names are their order.
func (b *nightly) prune() error {
	if b.config.Backup.Keep == 0 {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(b.config.Backup.Directory,
		b.config.Desk+"-????????T??????Z"+extension))
	if err != nil {
		return err
	}
	slices.Sort(files)
	for len(files) > b.config.Backup.Keep {
		if err := boltfile.Remove(files[0]); err != nil {
			return fmt.Errorf("drop an old backup: %w", err)
		}
		fmt.Fprintln(b.out, "dropped", files[0])
		files = files[1:]
	}
	return nil
}

// carryPatience is how long the command may take that carries a backup off the box.
const carryPatience = 30 * time.Minute

// carryOff runs the configured command, without a shell. What it says is in the journal.
func (b *nightly) carryOff(ctx context.Context) error {
	words := b.config.Backup.Command(b.path)
	if len(words) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, carryPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = b.out, b.out
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the backup was written, and the command that carries it off the box "+
			"failed: %s: %w", words[0], err)
	}
	fmt.Fprintln(b.out, "carried off the box by", words[0])
	return nil
}

type verifyBackupCmd struct {
	File        string `arg:"" type:"existingfile" help:"The backup."`
	RecoveryKey string `required:"" type:"existingfile" help:"The private half of the recovery key."`
}

// Run implements the command.
func (v verifyBackupCmd) Run(ctx context.Context, t terminal) error {
	key, err := daemon.ReadRecoveryKey(v.RecoveryKey)
	if err != nil {
		return err
	}
	defer key.Wipe()
	facts, err := daemon.VerifyBackup(ctx, v.File, key)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s is whole: desk %s of %s, made %s\n", v.File, facts.Desk, facts.Site,
		facts.Made.UTC().Format(time.RFC3339))
	fmt.Fprintf(t.out, "  %d values opened, %d entries of the log checked\n", facts.Values,
		facts.Entries)
	fmt.Fprintf(t.out, "  log key %s\n  compare it with the one the verifier has pinned: a backup "+
		"does not say by itself who made it\n", facts.LogKey)
	return nil
}

type restoreCmd struct {
	File        string `arg:"" type:"existingfile" help:"The backup."`
	RecoveryKey string `required:"" type:"existingfile" help:"The private half of the recovery key."`
	Card        string `required:"" type:"path" help:"Where to write the restore card for the verifier."`
	FeedURL     string `help:"Where the verifier reaches this machine, if not where it reached the old one."`
}

// Run implements the command.
func (r restoreCmd) Run(ctx context.Context, c *cli, t terminal) error {
	key, err := daemon.ReadRecoveryKey(r.RecoveryKey)
	if err != nil {
		return err
	}
	defer key.Wipe()
	made, err := daemon.Restore(ctx, daemon.RestorePlan{Config: c.Config, FeedURL: r.FeedURL,
		File: r.File, Key: key, Card: r.Card, By: "operator:" + whoami()})
	if err != nil {
		return err
	}
	for _, line := range made {
		fmt.Fprintln(t.out, line)
	}
	return nil
}

func whoami() string {
	u, err := user.Current()
	if err != nil {
		return fmt.Sprint(os.Getuid())
	}
	return u.Username
}

type recoveryCmd struct {
	File   string `arg:"" type:"path" help:"The file for the private half. It leaves this machine."`
	Public string `type:"path" help:"The file for the public half." default:"/etc/tokendesk/recovery.pub"`
}

// Run implements the command.
func (r recoveryCmd) Run(t terminal) error {
	id, err := daemon.MakeRecoveryKey(r.File, r.Public)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, `made recovery key %s
  public half   %s (backups are sealed to it)
  private half  %s (secret)
next: take %s off this machine and lock it away: it opens every
      backup, and without it none can be opened.
`, id, r.Public, r.File, r.File)
	return err
}

// backupLine says how backups go.
func backupLine(b daemon.BackupStatus) string {
	var line string
	switch {
	case !b.Made.IsZero():
		line = fmt.Sprintf("%s, %s, %d bytes", b.Made.UTC().Format(time.RFC3339), b.File, b.Size)
	case b.Possible:
		line = "none yet"
	default:
		line = "none: there is no recovery key (tokendesk recovery-key)"
	}
	if b.Failure != "" {
		line += fmt.Sprintf("; FAILED %s: %s", b.Failed.UTC().Format(time.RFC3339),
			strings.ReplaceAll(b.Failure, "\n", "; "))
	}
	return line
}
