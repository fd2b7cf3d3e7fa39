//go:build crash

package verifier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile/powertest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// TestCrashPowerVerifier kills the verifier, and cuts its power, between any two operations on its
// files, from init on. What the desk and the callers were told must last: no position, no counter
// and no count of failures is lower, no page is there in half, and no OTP or passcode is accepted
// once more. The control build, which syncs nothing, must be found out.
func TestCrashPowerVerifier(t *testing.T) {
	images := powertest.Images(t)
	binary, control := powertest.Build(t,
		"github.com/tokendesk/tokendesk/provisioning/verifier",
		"github.com/tokendesk/tokendesk/daemon/boltfile")
	t.Run("synced", func(t *testing.T) {
		if tally := powerRun(t, binary, images, false); tally.Err() != nil {
			t.Error(tally.Err())
		}
	})
	t.Run("control", func(t *testing.T) {
		if tally := powerRun(t, control, 50, true); tally.BadKills == 0 || tally.BadCuts == 0 {
			t.Error("a build that syncs nothing loses nothing: the rig sees nothing")
		}
	})
}

func powerRun(t *testing.T, binary string, images int, plain bool) *powertest.Tally {
	t.Helper()
	began := time.Now()
	tape := powertest.Record(t, binary, "TestPowerVerifierRecorded")
	tape.Plain = plain
	j := newPowerJudge(tape)
	tally := tape.Run(t, images, images, j.judge)
	t.Logf("%v in %v; %d records", tally, time.Since(began).Round(time.Millisecond),
		j.records[j.last])
	return tally
}

// powerJudge knows what was said on the tape.
type powerJudge struct {
	// root is where the recorded verifier lay.
	root string
	// records are how many there are up to a position.
	records map[int64]int
	last    int64
}

func newPowerJudge(tape *powertest.Recording) *powerJudge {
	j := &powerJudge{root: tape.Dir, records: map[int64]int{}}
	for _, line := range tape.Marks() {
		if m := powerHeard(line); m.Meant && m.Position > 0 {
			j.records[m.Position], j.last = m.Records, m.Position
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

// powerTold is what was said before the machine stopped: what it must hold at least, and may at
// most.
type powerTold struct {
	init, trusted   bool
	position, meant int64
	credentials     map[string]*powerBounds
	// otps are what was accepted, the newest last, and how often it is still good after that.
	otps []powerMark
}

type powerBounds struct{ least, most powerMark }

func powerHear(said [][]byte) powerTold {
	told := powerTold{credentials: map[string]*powerBounds{}}
	for _, line := range said {
		m := powerHeard(line)
		told.init, told.trusted = told.init || m.Init, told.trusted || m.Trusted
		switch {
		case m.Position > 0 && m.Meant:
			told.meant = max(told.meant, m.Position)
		case m.Position > 0:
			told.position = max(told.position, m.Position)
		case m.Credential != "":
			told.credential(m)
		case m.OTP != "":
			told.otps = append(told.otps, m)
		}
	}
	return told
}

func (t powerTold) credential(m powerMark) {
	b := t.credentials[m.Credential]
	if b == nil && !m.Meant {
		return // the verdict on a passcode
	}
	if b == nil {
		b = &powerBounds{}
		t.credentials[m.Credential] = b
	}
	sides := []*powerMark{&b.most}
	if !m.Meant {
		sides = append(sides, &b.least)
	}
	for _, side := range sides {
		side.Stage = max(side.Stage, m.Stage)
		if further(m, *side) {
			side.Next, side.Failures = m.Next, m.Failures
		}
	}
}

// further compares counters, and failures at one counter: a sign-in forgets them.
func further(a, b powerMark) bool {
	return a.Next > b.Next || a.Next == b.Next && a.Failures > b.Failures
}

// judge opens an image with the real code.
func (j *powerJudge) judge(image powertest.Image) error {
	told := powerHear(image.Said)
	plan := powerPlan(image.Dir)
	if !told.init {
		if err := j.initAgain(plan); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(plan.Dir, verifier.Unfinished)); err == nil {
		return errors.New("init never ends")
	}
	state, err := verifier.Open(plan.Dir)
	if err != nil {
		return err
	}
	return errors.Join(j.content(state, told), state.Close())
}

// initAgain: whatever is there, init makes a verifier of it, unless it is one.
func (j *powerJudge) initAgain(plan verifier.Plan) error {
	mark := filepath.Join(plan.Dir, verifier.Unfinished)
	text, err := os.ReadFile(mark)
	if err == nil {
		// The image lies elsewhere than the folder that was recorded.
		moved := bytes.ReplaceAll(text, []byte(j.root), []byte(filepath.Dir(plan.Dir)))
		if err := os.WriteFile(mark, moved, 0o600); err != nil {
			return err
		}
	} else if _, err := os.Stat(filepath.Join(plan.Dir, verifier.StateFile)); err == nil {
		return nil
	}
	if _, err := verifier.Init(plan); err != nil {
		return fmt.Errorf("init again: %w", err)
	}
	return nil
}

func (j *powerJudge) content(state *verifier.State, told powerTold) error {
	held, err := state.Held(context.Background())
	if err != nil {
		return err
	}
	position, trusted := held.Positions["desk1"]
	switch {
	case told.trusted && !trusted:
		return errors.New("the desk is not trusted any more")
	case position < told.position || position > told.meant:
		return fmt.Errorf("at %d; %d was acknowledged, %d published", position, told.position,
			told.meant)
	case held.Records != j.records[position]:
		return fmt.Errorf("at %d there are %d records, not %d", position, held.Records,
			j.records[position])
	}
	for id, c := range held.Credentials {
		if told.credentials[id] == nil {
			return fmt.Errorf("credential %s (%s) was never published", id, c.State)
		}
	}
	for id, b := range told.credentials {
		c := held.Credentials[id]
		now := powerMark{Stage: powerStages[c.State], Next: c.Next, Failures: c.Failures}
		if now.Stage < b.least.Stage || now.Stage > b.most.Stage {
			return fmt.Errorf("a credential is %q; stage %d was told, %d meant", c.State,
				b.least.Stage, b.most.Stage)
		}
		if further(b.least, now) || c.Next > 1 && further(now, b.most) {
			return fmt.Errorf("a credential is at %d with %d failures; told %d, %d, meant %d, %d",
				c.Next, c.Failures, b.least.Next, b.least.Failures, b.most.Next, b.most.Failures)
		}
	}
	return j.replay(state, told)
}

// replay types the newest that was accepted once more.
func (j *powerJudge) replay(state *verifier.State, told powerTold) error {
	config := verifier.Config{State: state}
	verifier.CheapPasscodes(&config)
	v, err := verifier.New(config)
	if err != nil {
		return err
	}
	for _, m := range told.otps[max(0, len(told.otps)-3):] {
		for left := m.Left; left >= 0; left-- {
			ok, err := v.VerifyAlone(m.User, secret.NewOTP(m.OTP))
			if err != nil {
				return err
			}
			if ok && left == 0 {
				return fmt.Errorf("what %s signed in with is accepted once more", m.User)
			}
		}
	}
	return nil
}
