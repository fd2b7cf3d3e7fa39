package provisioning

import "time"

// KeyState is how far an officer's token got as a key of this desk.
type KeyState string

// The states of an officer's key. One that stays intended is one whose enrolment was cut short: the
// officer has no key, and enrols again.
const (
	KeyIntended KeyState = "intended"
	KeyReady    KeyState = "ready"
	KeyDropped  KeyState = "dropped"
)

// OfficerKey is what the desk keeps of an officer's own token: challenges it can ask, and of each
// answer a digest to know it by. The secret in the token is not here, and no answer is: who copies
// this row cannot answer the next challenge.
type OfficerKey struct {
	Officer OfficerID
	Token   TokenID
	Slot    int
	State   KeyState
	// Generation of the access code that guards the slot; 0 is none.
	Generation int
	// Nonce is 32 random bytes that the challenges, and the salts of the digests, derive from.
	Nonce string
	// Answers are the digests of the answers not yet asked for, packed; Next is the number of the
	// challenge that is asked next, Made how many numbers were ever used.
	Answers    string
	Next, Made uint32
	Since      time.Time
	// Reason says in words why it was dropped.
	Reason string
}

// AnswerSize is how many bytes of Answers one takes: the number of its challenge, and a digest.
const AnswerSize = 4 + 16

// Reserve is how many unlockings one touch is enough for.
func (k OfficerKey) Reserve() int { return len(k.Answers) / AnswerSize }

// MostTries is how many tries of an officer may fail, of a PIN or of a token, until somebody has to
// unlock them.
const MostTries = 10

// LockedOut says that no more tries of the officer are taken until a supervisor or an operator
// unlocks them.
func (o Officer) LockedOut() bool { return o.Failures >= MostTries }

// KeyWait says what an officer's token is waited for.
type KeyWait string

// What is waited for, in this order. WaitAgain is a second touch, where no challenge is in reserve.
const (
	WaitPlug  KeyWait = "plug"
	WaitTouch KeyWait = "touch"
	WaitAgain KeyWait = "again"
)

// Whose says whose token may be touched: the officer's, or that of any officer but this.
type Whose struct {
	ID    OfficerID
	Other bool
}

// KindOfficerKey is the table of officers' keys.
const KindOfficerKey Kind = "officerkey"

// Kind implements Row.
func (OfficerKey) Kind() Kind { return KindOfficerKey }

// Key implements Row.
func (k OfficerKey) Key() string { return string(k.Officer) }

// Subject implements Row.
func (OfficerKey) Subject() PersonID { return "" }

// Tags implements Row.
func (k OfficerKey) Tags() []Tag { return []Tag{{ByToken, string(k.Token)}} }

// Live implements Row.
func (k OfficerKey) Live() bool { return k.State != KeyDropped }

// KeyOf is the key of an officer that counts now: enrolled to the end, and in a token that is on
// loan to the officer. A token that was returned or reported lost opens nothing.
func KeyOf(s Snapshot, id OfficerID) (OfficerKey, bool) {
	k, ok := Get[OfficerKey](s, string(id))
	if !ok || k.State != KeyReady {
		return OfficerKey{}, false
	}
	officer, ok := Get[Officer](s, string(id))
	if !ok || officer.Person == "" {
		return OfficerKey{}, false
	}
	loan, ok := OpenLoan(s, officer.Person)
	if !ok || loan.State != LoanOpen || loan.Token != k.Token {
		return OfficerKey{}, false
	}
	return k, true
}

// KeyHolder is the officer whose key a token is now.
func KeyHolder(s Snapshot, id TokenID) (OfficerID, bool) {
	for k := range Find[OfficerKey](s, ByToken, string(id)) {
		if _, counts := KeyOf(s, k.Officer); counts {
			return k.Officer, true
		}
	}
	return "", false
}

// TouchNeeded says whether an officer touches their token again for what cannot be undone: where
// the site asks it of everybody, and of whoever has one.
func TouchNeeded(s Snapshot, site Site, id OfficerID) bool {
	_, has := KeyOf(s, id)
	return site.Touch || has
}

// touched: the acting officer's own token was touched for this order. The kiosk names whose it was.
func (d *decision) touched(by OfficerID) rule {
	if by != "" {
		d.detail("touched", string(by))
	}
	needed := TouchNeeded(d.s, d.site, d.o.By)
	return rule{"officer.touch", refuseUnless(!needed || by == d.o.By, CodeTouchMissing)}
}

// dropKeys ends every key in a token that is no longer an officer's.
func (d *draft) dropKeys(id TokenID, why string) {
	for k := range Find[OfficerKey](d.s, ByToken, string(id)) {
		k.State, k.Answers, k.Nonce = KeyDropped, "", ""
		k.Reason, k.Since = why, d.now.At
		d.put(k)
	}
}
