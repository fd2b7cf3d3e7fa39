//go:build crash

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/daemon/boltfile/powertest"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
)

// powerPackage makes the files: the rest of the desk does so through it.
const powerPackage = "github.com/tokendesk/tokendesk/daemon/boltfile"

// TestCrashPowerDesk kills the desk, and cuts its power, between any two operations on its files:
// from init on, through loans, passcodes, messages and failing disks. No acknowledged change may be
// lost, none doubled, none seen in half, and every token in between is listed. The control build,
// which syncs nothing, must be found out, or the rig proves nothing.
func TestCrashPowerDesk(t *testing.T) {
	images := powertest.Images(t)
	binary, control := powertest.Build(t, "github.com/tokendesk/tokendesk/daemon", powerPackage)
	t.Run("synced", func(t *testing.T) {
		tally, j := powerRun(t, binary, images, false)
		if tally.Err() != nil {
			t.Error(tally.Err())
		}
		if j.doubts.Load() == 0 {
			t.Error("no image left a token in between: the rig proves nothing")
		}
	})
	t.Run("control", func(t *testing.T) {
		if tally, _ := powerRun(t, control, 50, true); tally.BadKills == 0 || tally.BadCuts == 0 {
			t.Error("a build that syncs nothing loses nothing: the rig sees nothing")
		}
	})
}

func powerRun(t *testing.T, binary string, images int, plain bool) (*powertest.Tally, *powerJudge) {
	t.Helper()
	began := time.Now()
	bundle := filepath.Join(t.TempDir(), "bundle.json")
	writeBundle(t, bundle)
	tape := powertest.Record(t, binary, "TestPowerDeskRecorded", bundle)
	tape.Plain = plain
	j := newPowerJudge(t, tape, bundle)
	tally := tape.Run(t, images, images, j.judge)
	t.Logf("%v in %v; %d changes acknowledged; %d times a token in between was found listed", tally,
		time.Since(began).Round(time.Millisecond), j.changes, j.doubts.Load())
	return tally, j
}

// powerJudge knows what the desk said on its tape.
type powerJudge struct {
	bundle  string
	changes int64
	// rows are what the rows came to at each position. After a commit whose outcome nobody knew, a
	// position can have been given twice.
	rows   map[int64][]string
	doubts atomic.Int64
}

func newPowerJudge(t *testing.T, tape *powertest.Recording, bundle string) *powerJudge {
	t.Helper()
	j := &powerJudge{bundle: bundle, rows: map[int64][]string{}}
	for _, line := range tape.Marks() {
		m := powerHeard(line)
		if m.Rows != "" && !slices.Contains(j.rows[m.Shown], m.Rows) {
			j.rows[m.Shown] = append(j.rows[m.Shown], m.Rows)
		}
		if m.Kept {
			j.changes = max(j.changes, m.Shown)
		}
	}
	return j
}

func powerHeard(line []byte) (m powerMark) {
	if err := json.Unmarshal(line, &m); err != nil {
		panic(err)
	}
	return m
}

// judge opens an image with the real code.
func (j *powerJudge) judge(image powertest.Image) error {
	var kept powerMark
	ready, meant := false, int64(0)
	for _, line := range image.Said {
		m := powerHeard(line)
		ready = ready || m.Init
		if m.Kept {
			kept = m
		}
		if m.Meant {
			meant = max(meant, m.Shown+1)
		}
	}
	c, _, card := powerConfig(image.Dir)
	if !ready {
		// Whatever there is, init makes a desk of it.
		if _, err := os.Stat(c.unfinished()); err == nil || !boltfile.Exists(c.file()) {
			if _, err := Init(c, j.bundle, card); err != nil {
				return fmt.Errorf("init again: %w", err)
			}
		}
	}
	if boltfile.Exists(c.unfinished()) {
		return errors.New("init never ends")
	}
	keys, err := ReadKeys(c)
	if err != nil {
		return err
	}
	s, err := store.Open(context.Background(), storeOptions(c, keys, powerClock{}, func(error) {}))
	if err != nil {
		return err
	}
	return errors.Join(j.content(s, kept, meant), s.Close())
}

// content compares what is found with what was acknowledged.
func (j *powerJudge) content(s *store.Store, kept powerMark, meant int64) error {
	head := s.Head()
	if head < kept.Shown || head > max(meant, kept.Shown) {
		return fmt.Errorf("found %d changes; %d were acknowledged, %d begun", head, kept.Shown, meant)
	}
	if root, err := powerRoot(s, kept.Shown); err != nil || kept.Kept && root != kept.Root {
		return errors.Join(err, fmt.Errorf("the first %d changes are others", kept.Shown))
	}
	if got := powerRows(s.Snapshot()); !slices.Contains(j.rows[head], got) && head > 0 {
		return fmt.Errorf("at %d the rows are not those of %d whole changes", head, head)
	}
	a, err := s.Audit(context.Background())
	if err != nil || a.Leaves != head {
		return errors.Join(err, fmt.Errorf("the audit saw %d leaves of %d", a.Leaves, head))
	}
	return j.settled(s)
}

// settled lets the start-up rules run and looks for what they must have listed.
func (j *powerJudge) settled(s *store.Store) error {
	between := map[provisioning.TokenID]bool{}
	for c := range provisioning.All[provisioning.Credential](s.Snapshot()) {
		switch c.State {
		case provisioning.CredentialPrepared, provisioning.CredentialWritten:
			between[c.Token] = true
		}
	}
	for t := range provisioning.All[provisioning.Token](s.Snapshot()) {
		if t.Pending != provisioning.ActNone {
			between[t.ID] = true
		}
	}
	err := powerSettle(s, func(decide func(provisioning.Snapshot) (provisioning.Change, error)) error {
		_, err := s.Do(context.Background(), decide)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	for _, listed := range provisioning.Doubtful(s.Snapshot()) {
		if between[listed.Token.ID] {
			j.doubts.Add(1)
		}
		delete(between, listed.Token.ID)
	}
	if len(between) > 0 {
		return fmt.Errorf("tokens between two states that nobody lists: %v", between)
	}
	return nil
}
