package verifier

import (
	"sync"
	"time"
)

// The limits of guessing. A look-ahead of ten and five free tries give a guess a chance of
// 11 x 5 / 10^6 before the first wait (RFC 4226 section 7.3). A hundred failures in a row end the
// credential (NIST SP 800-63B-4 section 3.2.2): the desk proves the token anew, or replaces it.
const (
	// freeFailures is how many wrong OTPs in a row cost no wait.
	freeFailures = 5
	// firstWait follows the next one, and doubles with each up to longestWait.
	firstWait   = 10 * time.Second
	longestWait = 15 * time.Minute
	// hardStop ends a credential.
	hardStop = 100

	// callerBurst failures may come from one caller at once, and callerRate more each second.
	callerBurst = 1000
	callerRate  = 10
)

// limit counts the failures in a row at one credential. It is stored before the answer is given.
type limit struct {
	Failures int       `json:"failures"`
	Until    time.Time `json:"until,omitzero"`
}

// open says whether an attempt may be looked at now. One that may not is neither looked at nor
// counted: guessing goes no faster for trying while it must wait.
func (l limit) open(now time.Time) bool { return l.Failures < hardStop && !now.Before(l.Until) }

// fail is the limit after one more failure.
func (l limit) fail(now time.Time) limit {
	l.Failures++
	if over := l.Failures - freeFailures; over >= 0 {
		wait := longestWait
		if over < 10 {
			wait = min(firstWait<<over, longestWait)
		}
		l.Until = now.Add(wait)
	}
	return l
}

// far remembers an OTP that was right beyond the look-ahead: the next one in order, soon after,
// proves that the token was only touched idly in between (RFC 4226 section 7.4).
type far struct {
	Counter uint64    `json:"counter"`
	At      time.Time `json:"at,omitzero"`
}

// farLife is how long the second OTP of a resynchronisation is waited for.
const farLife = 5 * time.Minute

func (f far) continues(counter uint64, now time.Time) bool {
	return !f.At.IsZero() && now.Sub(f.At) <= farLife && counter == f.Counter+1
}

// callerLimits bound the failures of each caller, so that one stolen caller certificate cannot try
// every user a few times. They are in memory: a restart forgives, the users' own limits do not.
type callerLimits struct {
	mu   sync.Mutex
	seen map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newCallerLimits() *callerLimits { return &callerLimits{seen: map[string]*bucket{}} }

// open says whether a caller may try.
func (c *callerLimits) open(caller string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.filled(caller, now).left >= 1
}

// fail takes one failure off what a caller has left.
func (c *callerLimits) fail(caller string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filled(caller, now).left--
}

func (c *callerLimits) filled(caller string, now time.Time) *bucket {
	b := c.seen[caller]
	if b == nil {
		b = &bucket{left: callerBurst, at: now}
		c.seen[caller] = b
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.left, b.at = min(b.left+passed.Seconds()*callerRate, callerBurst), now
	}
	return b
}
