package virtual

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// rfc2202 are the test cases 1 to 3 of RFC 2202 section 3, whose keys fit a slot.
var rfc2202 = []struct{ key, challenge, answer string }{
	{string(bytes.Repeat([]byte{0x0b}, 20)), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
	{"Jefe" + string(make([]byte, 16)), "what do ya want for nothing?",
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{string(bytes.Repeat([]byte{0xaa}, 20)), string(bytes.Repeat([]byte{0xdd}, 50)),
		"125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
}

// challengeSetup is a slot as ykpersonalize -ochal-resp -ochal-hmac -ohmac-lt64 writes it.
func challengeSetup(key string, cfg byte) setup {
	return setup{secret: key, ext: 0x04, tkt: 0x40, cfg: 0x26 | cfg}
}

func TestAnswersChallenges(t *testing.T) {
	for _, c := range rfc2202 {
		synctest.Test(t, func(t *testing.T) {
			_, k, h := plugged(t, Options{})
			if !h.accepted(0x03, challengeSetup(c.key, 0).payload()) {
				t.Fatal("the slot was not written")
			}
			got := h.answer(0x38, []byte(c.challenge))
			if len(got) != 28 || hex.EncodeToString(got[:20]) != c.answer ||
				crc16(got[:22]) != crcResidual {
				t.Errorf("%q is answered by %x", c.challenge, got)
			}
			if s := k.Slots()[1]; !s.Challenge || s.NeedsTouch || s.HOTP {
				t.Errorf("the slot is %+v", s)
			}
			if h.send(0x30, []byte(c.challenge))[partSize] != 0 {
				t.Error("the empty slot answers")
			}
		})
	}
}

func TestWaitsForATouchBeforeItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, k, h := plugged(t, Options{})
		c := rfc2202[0]
		h.send(0x01, challengeSetup(c.key, cfgRespNeedsT).payload())
		if _, err := k.Touch(1); !errors.Is(err, ErrSilent) {
			t.Errorf("a touch that nothing waits for: %v", err)
		}
		ask := func() byte { return h.send(0x30, []byte(c.challenge))[partSize] }
		if flags := ask(); flags&flagTouchWait == 0 || flags&flagNumber < 14 || !k.Waiting() {
			t.Errorf("it does not wait: %02x", flags)
		}
		if typed, err := k.Touch(2); typed != "" || err != nil {
			t.Errorf("the touch types %q, %v", typed, err)
		}
		first := h.get()
		if first[partSize] != flagRespPending || hex.EncodeToString(first[:7]) != c.answer[:14] {
			t.Errorf("after the touch: %x", first)
		}
		if ask(); !k.Waiting() {
			t.Error("it does not wait again")
		}
		time.Sleep(touchTime + time.Second)
		if report := h.get(); report[partSize] != 0 || k.Waiting() {
			t.Errorf("it waits for ever: %x", report)
		}
		ask()
		reset := [reportSize]byte{7: 0x8F}
		if err := h.hid.SetFeature(t.Context(), reset[:]); err != nil || k.Waiting() {
			t.Errorf("a reset does not end the wait: %v", err)
		}
	})
}
