//go:build crash

package main

import (
	"math"
	"time"
)

// crashPhase is what the desk is doing when it is killed.
type crashPhase string

const (
	phaseIssue  crashPhase = "issue"
	phaseReturn crashPhase = "return"
	phaseLost   crashPhase = "lost"
)

// crashPhases are shared out in these parts of all points.
var crashPhases = []struct {
	phase crashPhase
	part  float64
}{{phaseIssue, 0.5}, {phaseReturn, 0.25}, {phaseLost, 0.25}}

// crashLeg is a part of a phase, between two things the person or the officer does or sees.
type crashLeg string

const (
	// legAsk: from the card to the last press before anything is meant.
	legAsk crashLeg = "ask"
	// legWrite: from the press of "Write" until a touch is asked for.
	legWrite crashLeg = "write"
	// legHold: a touch is asked for, and nobody touches.
	legHold crashLeg = "hold"
	// legTouch: from the touch until the token is registered.
	legTouch crashLeg = "touch"
	// legWipe: from the press of "Wipe" until the loan is closed.
	legWipe crashLeg = "wipe"
	// legReport: from the press of "Report lost" until the verifier has it.
	legReport crashLeg = "report"
	// legAfter: the screen says that it is done.
	legAfter crashLeg = "after"
)

// crashCable is what the desk hangs on: its tokens and its verifier.
type crashCable int

const (
	crashUSB crashCable = iota
	crashFeed
	crashCables
	// crashClock is no cable.
	crashClock
)

// crashPoint is one point to kill at: at a message on a cable, or at a time, of a leg.
type crashPoint struct {
	leg crashLeg
	// by is a cable, or crashClock.
	by crashCable
	// from and to bound it within the leg: 0 is where it begins, 1 where it ends.
	from, to float64
	// number and after are what it comes to.
	number int
	after  time.Duration
}

// crashMenu is the order in which the points of a phase are taken, over and over. Where more stages
// lie close together, more points do.
var crashMenu = map[crashPhase][]crashPoint{
	phaseIssue: {
		{leg: legWrite, by: crashUSB, from: 0.35, to: 0.95},
		{leg: legTouch, by: crashFeed, to: 0.5},
		{leg: legWrite, by: crashUSB, from: 0.9, to: 1},
		{leg: legTouch, by: crashUSB, to: 1},
		{leg: legAfter},
		{leg: legWrite, by: crashClock, to: 1},
		{leg: legTouch, by: crashFeed, to: 0.1},
		{leg: legHold},
		{leg: legWrite, by: crashUSB, from: 0.35, to: 0.95},
		{leg: legTouch, by: crashFeed, to: 0.5},
		{leg: legAsk, by: crashClock, to: 1},
		{leg: legWrite, by: crashUSB, from: 0.9, to: 1},
		{leg: legTouch, by: crashUSB, to: 1},
		{leg: legWrite, by: crashFeed, to: 1},
		{leg: legTouch, by: crashFeed, to: 0.1},
		{leg: legHold},
		{leg: legWrite, by: crashUSB, from: 0.9, to: 1},
		{leg: legTouch, by: crashClock, to: 1},
		{leg: legWrite, by: crashUSB, from: 0.9, to: 1},
		{leg: legAfter},
		{leg: legTouch, by: crashFeed, to: 0.5},
	},
	phaseReturn: {
		{leg: legWipe, by: crashUSB, from: 0.3, to: 1},
		{leg: legWipe, by: crashFeed, to: 1},
		{leg: legWipe, by: crashUSB, from: 0.3, to: 1},
		{leg: legWipe, by: crashClock, to: 1},
		{leg: legAfter},
		{leg: legWipe, by: crashUSB, to: 1},
		{leg: legAsk, by: crashClock, to: 1},
	},
	phaseLost: {
		{leg: legReport, by: crashFeed, to: 1},
		{leg: legReport, by: crashClock, to: 1},
		{leg: legAfter},
		{leg: legReport, by: crashFeed, to: 1},
		{leg: legReport, by: crashClock, to: 1},
		{leg: legAsk, by: crashClock, to: 1},
	},
}

// crashLesson is what a leg without a crash came to.
type crashLesson struct {
	messages [crashCables]int
	took     time.Duration
}

// crashPlan chooses the points of one lane.
type crashPlan struct {
	lane    int
	done    map[crashPhase]int
	all     int
	learned map[crashLeg]crashLesson
	turns   map[crashPhase]int
	// draws counts the points of a leg and cable, to spread them.
	draws map[crashPoint]int
}

func newCrashPlan(lane int) *crashPlan {
	return &crashPlan{lane: lane, done: map[crashPhase]int{}, learned: map[crashLeg]crashLesson{},
		turns: map[crashPhase]int{}, draws: map[crashPoint]int{}}
}

// next is the phase that is furthest behind its part, of those that are possible.
func (p *crashPlan) next(possible func(crashPhase) bool) (best crashPhase) {
	most := math.Inf(-1)
	for _, c := range crashPhases {
		if behind := c.part*float64(p.all+1) - float64(p.done[c.phase]); behind > most &&
			possible(c.phase) {
			best, most = c.phase, behind
		}
	}
	return best
}

// point is where to kill in the next round of a phase.
func (p *crashPlan) point(phase crashPhase) *crashPoint {
	menu := crashMenu[phase]
	point := menu[(p.turns[phase]+5*p.lane)%len(menu)]
	p.turns[phase]++
	p.draws[point]++
	// Multiples of the golden ratio, less their whole part, are spread evenly however many there
	// are.
	_, far := math.Modf(float64(p.draws[point])*math.Phi + float64(p.lane)/7)
	far = point.from + (point.to-point.from)*far
	lesson := p.learned[point.leg]
	if point.by < crashCables {
		point.number = 1 + int(far*float64(lesson.messages[point.by]))
	}
	point.after = time.Duration(far * float64(lesson.took))
	return &point
}

// count books a kill.
func (p *crashPlan) count(phase crashPhase) {
	p.done[phase]++
	p.all++
}

// passes is told of every message on a cable. The one that is aimed at kills the desk while it is
// still on its way; every second such message is lost with the desk, the others arrive.
func (l *crashLane) passes(on crashCable) bool {
	l.mu.Lock()
	l.seen[on]++
	hit := l.armed && l.aim.by == on && l.seen[on]-l.mark[on] == l.aim.number
	var desk *crashProcess
	var arrives bool
	if hit {
		desk, arrives = l.desk, l.aim.number%2 == 0
		l.armed = false
	}
	l.mu.Unlock()
	if !hit {
		return true
	}
	desk.kill()
	return arrives
}

// begin ends the leg under way, remembers what it came to, and begins another. It is where the kill
// of this round is armed, if it belongs to the new leg.
func (l *crashLane) begin(leg crashLeg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leg == leg {
		return // the form was refused, and posted again
	}
	if l.aim == nil && l.leg != "" {
		lesson := crashLesson{took: time.Since(l.began)}
		for i := range lesson.messages {
			lesson.messages[i] = l.seen[i] - l.mark[i]
		}
		l.plan.learned[l.leg] = lesson
	}
	l.leg, l.began, l.mark = leg, time.Now(), l.seen
	if l.aim == nil || l.aim.leg != leg {
		l.armed = false
		return
	}
	l.armed = true
	if l.aim.by == crashClock {
		time.AfterFunc(l.aim.after, l.desk.kill)
	}
}

// aimAt sets the point of a round, or none, before its first leg.
func (l *crashLane) aimAt(point *crashPoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.aim, l.armed, l.leg = point, false, ""
}
