package kiosk

import (
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// maxUnderWay bounds how many recoveries are under way at once.
const maxUnderWay = 64

// recovery is what somebody typed into the unattended view and was not judged yet, in memory only;
// then the passcode they got.
type recovery struct {
	role, account, born, document string
	password                      secret.Password
	passcode                      provisioning.PasscodeID
	// shown is until when the digits stand on the page; zero means that they were never asked for.
	shown time.Time
	// until is when all of it is forgotten.
	until time.Time
	// from is the address it began at.
	from string
}

// underWay holds the recoveries of the unattended view, by session.
type underWay struct {
	now    func() time.Time
	forget func(provisioning.PasscodeID)
	mu     sync.Mutex
	byID   map[string]recovery
}

func newUnderWay(now func() time.Time, forget func(provisioning.PasscodeID)) *underWay {
	return &underWay{now: now, forget: forget, byID: map[string]recovery{}}
}

// begin starts afresh. It reports false when too many are under way.
func (u *underWay) begin(id, from string) bool {
	u.end(id)
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.byID) >= maxUnderWay && !u.makeRoom(from) {
		return false
	}
	u.byID[id] = recovery{until: u.now().Add(selfIdle), from: from}
	return true
}

// makeRoom ends one of an address that has more under way than from would have, and no passcode
// yet: one place cannot keep all others out.
func (u *underWay) makeRoom(from string) bool {
	held := map[string]int{}
	for _, f := range u.byID {
		held[f.from]++
	}
	most := ""
	for id, f := range u.byID {
		if f.passcode == "" && held[f.from] > max(held[from]+1, held[u.byID[most].from]) {
			most = id
		}
	}
	if most == "" {
		return false
	}
	f := u.byID[most]
	f.password.Wipe()
	delete(u.byID, most)
	return true
}

// read returns a copy of one that was not let lie.
func (u *underWay) read(id string) (recovery, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, ok := u.byID[id]
	return f, ok && u.now().Before(f.until)
}

// edit changes one; every act of the person moves its end. It reports false when there is none any
// more.
func (u *underWay) edit(id string, change func(*recovery)) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, ok := u.byID[id]
	if !ok || !u.now().Before(f.until) {
		return false
	}
	change(&f)
	f.until = u.now().Add(selfIdle)
	u.byID[id] = f
	return true
}

// end forgets one.
func (u *underWay) end(id string) {
	u.mu.Lock()
	f, ok := u.byID[id]
	delete(u.byID, id)
	u.mu.Unlock()
	if ok {
		u.drop(f)
	}
}

// sweep forgets those that were let lie, or all.
func (u *underWay) sweep(all bool) {
	u.mu.Lock()
	var over []recovery
	for id, f := range u.byID {
		if all || !u.now().Before(f.until) {
			over = append(over, f)
			delete(u.byID, id)
		}
	}
	u.mu.Unlock()
	for _, f := range over {
		u.drop(f)
	}
}

func (u *underWay) drop(f recovery) {
	f.password.Wipe()
	if f.passcode != "" {
		u.forget(f.passcode)
	}
}
