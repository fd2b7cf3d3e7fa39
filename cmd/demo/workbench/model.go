package workbench

import (
	"strconv"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
)

// model is what the page shows.
type model struct {
	op             string
	desk           string
	said           said
	tokens         []tokenModel
	cards          []Card
	switches       []switchModel
	account, typed string
	// self is the address of the unattended view; letters are what was delivered.
	self    string
	letters []Letter
	// slips counts what the printer has printed.
	slips int
}

type tokenModel struct {
	serial, name string
	plugged      bool
	slots        [2]string
}

type switchModel struct {
	name, label, state string
	on                 bool
}

// faults are the misbehaviours a token can be told.
var faults = []struct {
	name, label string
	fault       virtual.Fault
}{
	{"none", "behaves well again", virtual.Fault{}},
	{"pull", "will be pulled out in the middle of the next write", virtual.Fault{UnplugAfterSets: 5}},
	{"busy", "stays busy for 300 ms after a write", virtual.Fault{Busy: 300 * time.Millisecond}},
	{"wrong", "will forget part of its seed, as imitations do", virtual.Fault{Corrupt: true}},
	{"refuse", "refuses every write", virtual.Fault{Refuse: true}},
	{"slow", "types slowly", virtual.Fault{Slow: 150 * time.Millisecond}},
}

func (b *Bench) model() model {
	b.mu.Lock()
	m := model{op: newOp(), desk: b.DeskURL, said: b.said, cards: b.Cards, account: b.account,
		typed: b.typed}
	b.mu.Unlock()
	m.slips, m.letters, m.self = b.Paper.Printed(), b.Post.Letters(), b.SelfURL
	for _, key := range b.Bus.Keys() {
		t := tokenModel{serial: strconv.FormatUint(uint64(key.Serial()), 10), name: b.Names[key.Serial()],
			plugged: key.Plugged()}
		for i, slot := range key.Slots() {
			t.slots[i] = describe(slot)
		}
		m.tokens = append(m.tokens, t)
	}
	for _, s := range b.Switches {
		sm := switchModel{name: s.Name, label: s.Label, on: s.Get(), state: s.Off}
		if sm.on {
			sm.state = s.On
		}
		m.switches = append(m.switches, sm)
	}
	return m
}

func describe(s virtual.SlotState) string {
	switch {
	case !s.Configured:
		return "empty"
	case s.Challenge:
		return "an officer's key, guarded"
	case !s.HOTP:
		return "as from the factory"
	case s.Protected:
		return "HOTP, guarded"
	}
	return "HOTP"
}
