package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/tokendesk/tokendesk/daemon/backup"
	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// RestorePlan says what a desk is restored from.
type RestorePlan struct {
	// Config is the path of the configuration; if there is none, the backup's is written there.
	Config string
	// FeedURL, if given, is where the verifier reaches this machine; the backup says where it reached
	// the old one.
	FeedURL string
	// File is the backup, Key the private half of its recovery key.
	File string
	Key  secret.Key
	// Card is where the restore card for the verifier is written.
	Card string
	// By is the operator.
	By string
	// step is told before each durable step; tests stop there.
	step func(name string) error
	// commit, if there is one, stands around each commit of the store; tests fail there.
	commit func(commit func() error) error
}

// restore is one under way. Until it is finished a mark lies beside the store: no daemon starts
// there, and doing it again clears away what the last try left.
type restore struct {
	RestorePlan
	config  Config
	content *content
	// configText is written if there was no configuration.
	configText []byte
	keys       Keys
	reborn     store.Reborn
}

// Restore makes the desk of a backup anew on an empty machine: its store with a new feed, its
// credentials with new keys, and a card by which the verifier can accept that. It refuses a machine
// that has a desk. It returns lines that say what was made and what to do next.
func Restore(ctx context.Context, p RestorePlan) ([]string, error) {
	if p.step == nil {
		p.step = func(string) error { return nil }
	}
	r := &restore{RestorePlan: p}
	for _, do := range []func(context.Context) error{r.read, r.empty, r.mark, r.unpack, r.makeKeys,
		r.rebirth, r.settle, r.writeCard, r.finish} {
		if err := do(ctx); err != nil {
			return nil, fmt.Errorf("restore the desk: %w", err)
		}
	}
	return r.say(), nil
}

// read opens the backup as far as the store, and finds the configuration.
func (r *restore) read(context.Context) (err error) {
	if r.content, err = openContent(r.File, r.Key); err != nil {
		return err
	}
	if err := r.content.close(); err != nil {
		return err
	}
	r.config, err = ReadConfig(r.Config)
	if errors.Is(err, fs.ErrNotExist) {
		r.configText = r.content.config
		if r.FeedURL != "" {
			r.configText = feedURLLine.ReplaceAll(r.configText,
				[]byte("feed_url = "+strconv.Quote(r.FeedURL)))
		}
		r.config, err = ParseConfig(string(r.configText))
	}
	switch h := r.content.header; {
	case err != nil:
		return err
	case r.config.Desk != h.Desk || r.config.Site != h.Site:
		return fmt.Errorf("the backup is of desk %s of %s, and %s names desk %s of %s", h.Desk, h.Site,
			r.Config, r.config.Desk, r.config.Site)
	case r.config.FeedURL == "":
		return errors.New(`"feed_url" is missing in the configuration`)
	case r.FeedURL != "" && r.FeedURL != r.config.FeedURL:
		return fmt.Errorf("%s says another feed_url; correct it there", r.Config)
	}
	return nil
}

// feedURLLine is the line of the configuration that names the old machine.
var feedURLLine = regexp.MustCompile(`(?m)^\s*feed_url\s*=.*$`)

// restoreMark lies beside the store while a restore is not finished.
func (c Config) restoreMark() string { return filepath.Join(c.State, "restore.unfinished") }

// draft is the store before it is in its place.
func (r *restore) draft() string { return r.config.file() + ".restore" }

// empty refuses a machine that has a desk, and clears away what an unfinished restore left.
func (r *restore) empty(context.Context) error {
	if err := r.config.noneSealed(); err != nil {
		return err
	}
	left, err := readMark(r.config.restoreMark())
	if err != nil {
		return err
	}
	if left != nil {
		return left.clear(r.config)
	}
	if boltfile.Exists(r.config.file()) {
		return fmt.Errorf("%s is there already: a restore needs an empty machine; nothing was changed",
			r.config.file())
	}
	for _, name := range []string{credDesk, credLog, credFeed} {
		if boltfile.Exists(r.path(name)) {
			return fmt.Errorf("the credential %s is there already; nothing was changed", name)
		}
	}
	if boltfile.Exists(r.Card) {
		return fmt.Errorf("%s is there already; nothing was changed", r.Card)
	}
	return r.sameSecret()
}

// sameSecret: the slots the backup knows of are guarded by its site secret. Another one here would
// leave them closed. One from the recovery kit that has newer generations besides opens them, and
// those written after the backup.
func (r *restore) sameSecret() error {
	here, err := os.ReadFile(r.path(credSite))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	defer clear(here)
	if err == nil && !r.content.has(credSite, here) && !r.content.before(here) {
		err = fmt.Errorf("the site secret in %s is not the backup's; nothing was changed",
			r.config.Credentials)
	}
	return err
}

func (r *restore) path(credential string) string {
	return filepath.Join(r.config.Credentials, credential)
}

// mark makes the folders and the mark, which names what may be cleared away again.
func (r *restore) mark(context.Context) error {
	if r.configText != nil { // first: the credentials may lie below it, and the daemon enters it
		if err := boltfile.MakeOpenDir(filepath.Dir(r.Config)); err != nil {
			return fmt.Errorf("make the folders: %w", err)
		}
	}
	for _, dir := range []string{r.config.State, r.config.Credentials} {
		if err := boltfile.MakeDir(dir); err != nil {
			return fmt.Errorf("make the folders: %w", err)
		}
	}
	m := mark{Card: r.Card}
	for _, name := range append(r.content.others(), credDesk, credLog, credFeed) {
		if !boltfile.Exists(r.path(name)) {
			m.Credentials = append(m.Credentials, name)
		}
	}
	// The configuration is not among them: the next try goes on with it.
	if !boltfile.Exists(r.config.Verifier) {
		m.Files = append(m.Files, r.config.Verifier)
	}
	if err := r.step("mark"); err != nil {
		return err
	}
	return m.write(r.config.restoreMark())
}

// unpack writes the store and whatever else there is none of yet.
func (r *restore) unpack(context.Context) error {
	if err := r.step("store"); err != nil {
		return err
	}
	c, err := openContent(r.File, r.Key)
	if err != nil {
		return err
	}
	if err := errors.Join(c.writeStore(r.draft()), c.close()); err != nil {
		return err
	}
	for _, name := range c.others() {
		if err := r.step(name); err != nil {
			return err
		}
		if err := writeMissing(r.path(name), 0o600, c.credentials[name]); err != nil {
			return err
		}
	}
	if err := writeMissing(r.config.Verifier, 0o644, c.bundle); err != nil {
		return err
	}
	if r.configText == nil {
		return nil
	}
	return writeMissing(r.Config, 0o644, r.configText)
}

// makeKeys makes new keys: whoever has the old ones may be running.
func (r *restore) makeKeys(context.Context) (err error) {
	if err := r.step("keys"); err != nil {
		return err
	}
	if err := makeKeys(r.config); err != nil {
		return err
	}
	r.keys, err = ReadKeys(r.config)
	return err
}

// rebirth begins the new feed, and puts the store into its place.
func (r *restore) rebirth(ctx context.Context) error {
	if err := r.step("rebirth"); err != nil {
		return err
	}
	old, err := r.content.oldKeys()
	if err != nil {
		return err
	}
	options := r.options(old)
	options.Path = r.draft()
	r.reborn, err = options.Reborn(ctx, store.Rebirth{Key: r.keys.Desk, Signer: r.keys.Log})
	if err != nil {
		return err
	}
	if err := r.step("link"); err != nil {
		return err
	}
	if err := os.Link(r.draft(), r.config.file()); err != nil {
		return fmt.Errorf("put the store into its place: %w", err)
	}
	return boltfile.Remove(r.draft())
}

// options are those of the store. Who restores is told of a disk that fails, and nobody else.
func (r *restore) options(keys Keys) store.Options {
	o := storeOptions(r.config, keys, SystemClock{}, func(error) {})
	o.Commit = r.commit
	return o
}

// settle writes the first entry of the new life: who restored the desk, and that it waits.
func (r *restore) settle(ctx context.Context) error {
	if err := r.step("settle"); err != nil {
		return err
	}
	s, err := store.Open(ctx, r.options(r.keys))
	if err != nil {
		return err
	}
	now := provisioning.Now{Desk: provisioning.DeskID(r.config.Desk), At: SystemClock{}.Now(),
		Synced: SystemClock{}.Synced()}
	_, err = s.Do(ctx, func(snap provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.Restored(snap, now, r.By, r.reborn.From, r.reborn.Last.Size), nil
	})
	return errors.Join(err, s.Close())
}

// writeCard makes the card, proven with the log key of the backup.
func (r *restore) writeCard(context.Context) error {
	if err := r.step("card"); err != nil {
		return err
	}
	card, err := deskCard(r.config, r.keys)
	if err != nil {
		return err
	}
	old, err := r.content.oldKeys()
	if err != nil {
		return err
	}
	rc := feed.RestoreCard{Version: feed.Version, Card: card, Feed: r.reborn.Feed,
		Epoch: r.reborn.Epoch, From: r.reborn.From, Size: r.reborn.Last.Size,
		Root: r.reborn.Last.Root.String()}
	if err := rc.Sign(old.Log); err != nil {
		return err
	}
	data, err := rc.Encode()
	if err != nil {
		return err
	}
	return writeNew(r.Card, 0o644, data)
}

// finish gives the store to the daemon and takes the mark away: from now on this is a desk.
func (r *restore) finish(context.Context) error {
	if err := r.step("finish"); err != nil {
		return err
	}
	r.content.wipe()
	if err := handOver(r.config); err != nil {
		return err
	}
	return boltfile.Remove(r.config.restoreMark())
}

func (r *restore) say() []string {
	return []string{
		fmt.Sprintf("restored desk %s from the backup of %s: %d leaves of its log",
			r.config.Desk, r.content.header.Made.UTC().Format("2006-01-02 15:04 UTC"), r.reborn.Last.Size),
		"its new feed is " + r.reborn.Feed + ", in the place of " + r.reborn.From,
		"its feed, log and desk keys are new; its site secret is the backup's",
		"next: give " + r.Card + " to the verifier (verifierd desk accept-restore), and start the " +
			"daemon.",
		"      until the verifier has accepted it, the desk issues nothing; then it learns what was",
		"      issued after the backup, and the old copy is refused",
	}
}

// checkRestored refuses to start what a restore left half done.
func checkRestored(c Config) error {
	if boltfile.Exists(c.restoreMark()) {
		return errors.New("a restore was begun here and not finished: run tokendesk restore again")
	}
	file, err := os.Open(c.file())
	if err != nil {
		return nil // the store says what is wrong with it.
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, 32)
	n, _ := io.ReadFull(file, head)
	if backup.Is(head[:n]) {
		return fmt.Errorf("%s is a backup and does not start: tokendesk restore makes a desk of it",
			c.file())
	}
	return nil
}

// VerifyBackup opens a backup fully, and returns what it holds. It unpacks it into a temporary
// folder that is removed, and not beside it: that may be a memory stick, or not to be written.
func VerifyBackup(ctx context.Context, path string, key secret.Key) (BackupFacts, error) {
	dir, err := os.MkdirTemp("", "tokendesk-verify-*")
	if err != nil {
		return BackupFacts{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, err := openContent(path, key)
	if err != nil {
		return BackupFacts{}, err
	}
	defer c.wipe()
	file := filepath.Join(dir, "desk.db")
	if err := errors.Join(c.writeStore(file), c.close()); err != nil {
		return BackupFacts{}, err
	}
	return c.check(ctx, file)
}

// BackupFacts are what a backup holds.
type BackupFacts struct {
	backup.Header
	// Values were opened in its store; Entries are in its log.
	Values  int
	Entries int64
	LogKey  string
}
