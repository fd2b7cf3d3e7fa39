package verifier

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// isPasscode: nine digits are a passcode, right or wrong. A token types six to eight.
func isPasscode(typed secret.OTP) bool {
	digits := typed.Expose()
	defer clear(digits)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return false
		}
	}
	return len(digits) == feed.PasscodeDigits
}

// lookPasscode hashes what was typed. It costs the same for every user, and for no user.
func (v *Verifier) lookPasscode(ctx context.Context, user string, typed secret.OTP,
	purpose string) (*attempt, error) {
	digits := typed.Expose()
	defer clear(digits)
	salt, _, err := v.saltOf(user)
	if err != nil {
		return nil, err
	}
	hash, err := v.hashPasscode(ctx, v.passcodes.attempts, salt, user, digits)
	if err != nil {
		return nil, err
	}
	return &attempt{user: v.userKey(user), hash: hash, purpose: purpose,
		done: make(chan struct{})}, nil
}

// decidePasscode decides on the row as it is now: of many attempts with a last use the first takes
// it away from the others.
func decidePasscode(tx *boltfile.Tx, a *attempt, now time.Time) (bool, error) {
	row, ok, err := loadPasscodes(tx, a.user)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, countGhost(tx, a.user, now)
	}
	if !row.Limit.open(now) {
		return false, savePasscodes(tx, a.user, row)
	}
	if !row.use(a.hash, a.purpose, now) {
		row.Limit = row.Limit.fail(now)
		return false, savePasscodes(tx, a.user, row)
	}
	row.Limit = limit{}
	_, err = row.endSets(tx, feed.UsedUp, func(p passcodeSet) bool { return len(p.Codes) == 0 })
	if err != nil {
		return false, err
	}
	return true, savePasscodes(tx, a.user, row)
}

// use looks at every code the user has, and takes one use off the one that fits.
func (row *passcodeRow) use(hash []byte, purpose string, now time.Time) bool {
	used := false
	for s := range row.Sets {
		set := &row.Sets[s]
		good := now.Before(set.Until) && (set.Purpose == "" || set.Purpose == purpose)
		var left []passcodeCode
		for _, code := range set.Codes {
			same := subtle.ConstantTimeCompare(code.Hash, hash) == 1
			if same && good && !used {
				used = true
				code.Left--
				if !set.Unlimited && code.Left < 1 {
					continue
				}
			}
			left = append(left, code)
		}
		set.Codes = left
	}
	return used
}
