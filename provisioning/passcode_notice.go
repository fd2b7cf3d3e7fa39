package provisioning

import (
	"strconv"
	"time"
)

// told implements teller. A passcode is news once the verifier has taken it, when its person first
// sees it, and when it ends before its time; one that nobody ever had is nobody's news. Whoever
// recovers by themselves is told of that, and not of each step besides; what came by mail was shown
// on no screen.
func (p Passcode) told(s Snapshot, _ Entry, _ []Row) (told, bool) {
	before, _ := Get[Passcode](s, p.Key())
	t := told{person: p.Person, params: map[string]string{"kind": string(p.Type)}}
	began := p.State == PasscodeLive && before.State != PasscodeLive
	shown := before.Revealed.IsZero() && !p.Revealed.IsZero()
	switch {
	case p.State == PasscodeEnded:
		t.kind = NoticePasscodeRevoked
		if p.EndReason == PasscodeReplaced {
			t.kind = NoticePasscodeReplaced
		}
		return t, before.State == PasscodeLive && p.EndReason.early()
	case p.Channel == ChannelSelf, p.Channel == ChannelMail && !began:
		return t, false
	case began || shown:
		t.kind = NoticePasscodeIssued
		if shown {
			t.kind = NoticePasscodeShown
		}
		t.params["uses"] = strconv.Itoa(p.Uses * max(p.Count, 1))
		t.params["until"] = p.Until.Format(time.RFC3339)
		return t, true
	}
	return t, false
}

// early reports whether a passcode ended before it was used up or its time was over.
func (e PasscodeEnd) early() bool {
	switch e {
	case PasscodeRevoked, PasscodeReplaced, PasscodeVoidEnrolled, PasscodeNotRevealed,
		PasscodeInterrupted, PasscodeRebuilt:
		return true
	}
	return false
}
