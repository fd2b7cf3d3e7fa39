package virtual

import (
	"crypto/hmac"
	"crypto/sha1"
	"time"
)

// touchTime is how long a challenge waits for its touch (YubiKit: 15 s, the device's default).
const touchTime = 15 * time.Second

// challenged is the command that makes slot i answer a challenge with HMAC-SHA1 (ykdef.h:
// SLOT_CHAL_HMAC1, SLOT_CHAL_HMAC2). A slot of another kind has no answer.
func challenged(i int) func(*Key, [payloadSize]byte) ([]byte, bool) {
	return func(k *Key, payload [payloadSize]byte) ([]byte, bool) {
		s := k.memory.slots[i]
		if s == nil || s.config.kind() != kindChallenge ||
			s.config.cfg&cfgRespHMAC != cfgRespHMAC {
			return nil, false
		}
		return s.config.respond(payload), s.config.needsTouch()
	}
}

// respond is HMAC-SHA1 of the challenge (RFC 2104). A slot for short challenges takes the bytes at
// the end that equal the last one for padding (ykdef.h: CFGFLAG_HMAC_LT64).
func (c config) respond(payload [payloadSize]byte) []byte {
	challenge := payload[:]
	if c.cfg&cfgRespShort != 0 {
		for n := payloadSize; n > 0 && payload[n-1] == payload[payloadSize-1]; n-- {
			challenge = payload[:n-1]
		}
	}
	mac := hmac.New(sha1.New, c.secret())
	mac.Write(challenge)
	return mac.Sum(nil)
}

// hold keeps an answer back until it is touched for, or offers it.
func (k *Key) hold(answer []byte, touch bool) {
	switch {
	case answer == nil:
	case touch:
		k.wire.held, k.wire.heldUntil = answer, k.wire.busyUntil.Add(touchTime)
		k.changed.notify()
	default:
		k.wire.offer(answer, k.wire.busyUntil.Add(k.fault.Late))
	}
}

// holding is whether a challenge waits for a touch. The caller has the lock.
func (k *Key) holding(now time.Time) bool {
	if k.wire.held != nil && !now.Before(k.wire.heldUntil) {
		k.wire.held = nil
	}
	return k.wire.held != nil
}

// letAnswer is the touch. The caller has the lock.
func (k *Key) letAnswer(now time.Time) {
	k.wire.offer(k.wire.held, now.Add(k.fault.Late))
	k.wire.held = nil
	k.changed.notify()
}

// secondsLeft is what the low bits of the report say while a touch is awaited.
func (w *wire) secondsLeft(now time.Time) byte {
	return byte(w.heldUntil.Sub(now)/time.Second) & flagNumber
}

// Waiting is whether a challenge waits for a touch now: the key's light blinks.
func (k *Key) Waiting() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.settle(now)
	return k.holding(now)
}
