//go:build crash

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/provisioning"
)

// crashLanes is how many desks are killed side by side.
const crashLanes = 2

// TestCrash kills the desk with SIGKILL at points spread over issue, return and loss, starts it
// again on what it left, and asks the token itself: what it types is accepted if and only if desk
// and verifier both say that it is active; otherwise it is listed as doubtful, or its loan says
// why. The tokens are in another process and survive; CRASH_POINTS is the number of points, and
// SOAK=1 asks for many.
func TestCrash(t *testing.T) {
	defer goleak.VerifyNone(t)
	points := crashPoints(t)
	tally := crashTally{stages: map[crashStage]int{}, phases: map[crashPhase]int{},
		facts: map[string]int{}}
	began := time.Now()
	t.Run("desks", func(t *testing.T) {
		for i := range crashLanes {
			share := (points + i) / crashLanes
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				newCrashLane(t, i, share).run(share, &tally)
			})
		}
	})
	t.Logf("%d kills in %v: %s", tally.all, time.Since(began).Round(time.Second), &tally)
	if !t.Failed() {
		tally.spread(t, points)
	}
}

func crashPoints(t *testing.T) int {
	text := os.Getenv("CRASH_POINTS")
	if text == "" && os.Getenv("SOAK") != "" {
		text = "2000"
	}
	if text == "" {
		text = "200"
	}
	points, err := strconv.Atoi(text)
	if err != nil || points < 1 {
		t.Fatalf("CRASH_POINTS is %q, not a number of points", text)
	}
	return points
}

// run kills the desk of a lane so many times.
func (l *crashLane) run(points int, tally *crashTally) {
	l.learn()
	for kill := range points {
		if l.t.Failed() {
			return
		}
		l.round(tally)
		if kill%20 == 0 {
			l.audit()
		}
	}
	l.desk.kill()
	l.audit()
}

// learn walks every errand once without a crash: what they come to says where to aim.
func (l *crashLane) learn() {
	for _, phase := range []crashPhase{phaseIssue, phaseReturn, phaseIssue, phaseLost} {
		l.whole(phase, true)
	}
	l.replace()
	l.last = l.facts(l.settled())
}

// whole walks an errand without a crash.
func (l *crashLane) whole(phase crashPhase, card bool) {
	l.aimAt(nil)
	if _, ended := l.walk(phase, card); !ended {
		l.t.Fatalf("%s: the desk died by itself\n%s", phase, l.log)
	}
	l.browser.Open("/")
	l.last = l.facts(l.settled())
}

// round brings the desk to where an errand can begin, kills it during that, and judges.
func (l *crashLane) round(tally *crashTally) {
	before := l.settled()
	if loan := before.loan(l.id()); loan.State == provisioning.LoanLost {
		l.replace()
		l.last = crashFacts{}
	}
	phase := l.plan.next(func(phase crashPhase) bool { return l.possible(before, phase) })
	if phase != phaseIssue && l.last.loan == "" {
		l.whole(phaseIssue, true)
		before = l.settled()
	}
	writes := l.sequence()
	// A loss is reported with a document, or without one, which only suspends.
	card := l.plan.done[phaseLost]%2 == 0 || l.last.loan == provisioning.LoanSuspended
	l.aimAt(l.plan.point(phase))
	w, _ := l.walk(phase, card)
	l.desk.kill()
	found := l.find()
	stage := l.stage(w, before, writes, found)
	l.start()
	l.judge(w, stage, before, found)
	l.plan.count(phase)
	tally.count(phase, stage, l.last)
}

// possible: a token is lent when none is on loan. One in doubt is put right first: written anew, or
// wiped.
func (l *crashLane) possible(now crashView, phase crashPhase) bool {
	if phase == phaseLost && l.last.listed {
		return false
	}
	open := now.loan(l.id()).Open()
	if phase == phaseIssue {
		return !open
	}
	return open || !l.last.listed
}

// crashTally counts what happened in all lanes.
type crashTally struct {
	mu     sync.Mutex
	all    int
	phases map[crashPhase]int
	stages map[crashStage]int
	facts  map[string]int
}

func (c *crashTally) count(phase crashPhase, stage crashStage, facts crashFacts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	c.phases[phase]++
	c.stages[stage]++
	switch {
	case facts.accepted:
		c.facts["accepted"]++
	case facts.listed:
		c.facts["listed doubtful"]++
	case facts.loan != "":
		c.facts["loan "+string(facts.loan)]++
	default:
		c.facts["not lent"]++
	}
}

// String is the summary.
func (c *crashTally) String() string {
	var text strings.Builder
	for _, p := range crashPhases {
		fmt.Fprintf(&text, "%s %d, ", p.phase, c.phases[p.phase])
	}
	text.WriteString("at ")
	for _, s := range crashStages {
		fmt.Fprintf(&text, "%s %d, ", s, c.stages[s])
	}
	fmt.Fprintf(&text, "outcomes %v", c.facts)
	return text.String()
}

// spread fails the test if the points were not spread over all there is.
func (c *crashTally) spread(t *testing.T, points int) {
	for _, p := range crashPhases {
		if c.phases[p.phase] < min(10, points/10) {
			t.Errorf("only %d kills in %s", c.phases[p.phase], p.phase)
		}
	}
	for _, s := range crashStages {
		if c.stages[s] < min(5, points/60) {
			t.Errorf("only %d kills at %s", c.stages[s], s)
		}
	}
}
