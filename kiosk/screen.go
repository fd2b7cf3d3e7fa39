package kiosk

import (
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Bounds of what is remembered between two requests.
const (
	maxScreens = 256
	maxOps     = 256
	maxPIN     = 12
)

// screen is what one session left half done: forms rendered and not posted, a half-typed PIN
// (where scripts are off), and the refusal its next page shows.
type screen struct {
	// used is when it was used last, counted in uses of any.
	used int64
	// ops are the op ids of rendered forms, by page and form.
	ops map[form]provisioning.OpID
	// officer picked on the PIN page at pinPath, and the digits typed so far.
	pinPath string
	officer provisioning.OfficerID
	digits  secret.PIN
	// mail is the request by mail that is being filled in, in memory only.
	mail mailForm
	// lang is what the person chose on the turned screen.
	lang string
	// number is what was typed into the field of the page at numberPath, kept when it was refused.
	number, numberPath string
	// shown is until when this screen shows the digits of a passcode: it was asked to, here.
	shown time.Time
	// printed: a slip of it came out.
	printed bool
	// bye is the goodbye this screen shows.
	bye bye
	// said is the refusal to show on the page at path, until the next post.
	path string
	said *provisioning.Refusal
}

// form names a form on a page.
type form struct{ path, name string }

// screens holds them by session id.
type screens struct {
	mu   sync.Mutex
	byID map[string]*screen
	uses int64
}

func newScreens() *screens { return &screens{byID: map[string]*screen{}} }

// of returns one screen; the caller holds mu.
func (s *screens) of(id string) *screen {
	sc, ok := s.byID[id]
	if !ok {
		if len(s.byID) >= maxScreens {
			s.forgetOldest()
		}
		sc = &screen{ops: map[form]provisioning.OpID{}}
		s.byID[id] = sc
	}
	s.uses++
	sc.used = s.uses
	return sc
}

// forgetOldest makes room for one, where nobody has stood for longest. It loses half-typed fields
// and a goodbye: every page can be rendered again.
func (s *screens) forgetOldest() {
	var oldest string
	for id, sc := range s.byID {
		if oldest == "" || sc.used < s.byID[oldest].used {
			oldest = id
		}
	}
	s.byID[oldest].digits.Wipe()
	delete(s.byID, oldest)
}

// read gives a copy of what a page shows.
func (s *screens) read(id string) screen {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := *s.of(id)
	sc.ops = nil
	return sc
}

// edit changes a screen.
func (s *screens) edit(id string, change func(*screen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.of(id))
}

// op returns the op id of a form: the same one for every rendering until it was posted, so that a
// live region can be rendered again under a finger that is already on its way.
func (s *screens) op(id, path, name string) provisioning.OpID {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := s.of(id)
	key := form{path, name}
	op, ok := sc.ops[key]
	if !ok {
		if len(sc.ops) >= maxOps {
			clear(sc.ops)
		}
		op = provisioning.OpID(newID())
		sc.ops[key] = op
	}
	return op
}

// spend forgets an op that was posted: the next rendering of its form is a new act.
func (s *screens) spend(id string, op provisioning.OpID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := s.of(id)
	for key, have := range sc.ops {
		if have == op {
			delete(sc.ops, key)
		}
	}
}

// forget drops a screen whose session has ended.
func (s *screens) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sc, ok := s.byID[id]; ok {
		sc.digits.Wipe()
		delete(s.byID, id)
	}
}

// at starts afresh when the PIN page is another one than before.
func (sc *screen) at(path string) {
	if sc.pinPath != path {
		sc.put(nil)
		sc.pinPath, sc.officer = path, ""
	}
}

// typed appends one key to the PIN. It wipes the digits it replaces.
func (sc *screen) typed(digit byte) {
	if sc.digits.Len() >= maxPIN || digit < '0' || digit > '9' {
		return
	}
	digits := append(sc.digits.Expose(), digit)
	sc.put(digits)
}

// rubbed takes the last digit away.
func (sc *screen) rubbed() {
	digits := sc.digits.Expose()
	if len(digits) > 0 {
		sc.put(digits[:len(digits)-1])
	}
}

func (sc *screen) put(digits []byte) {
	sc.digits.Wipe()
	sc.digits = secret.NewPIN(string(digits))
	clear(digits)
}
