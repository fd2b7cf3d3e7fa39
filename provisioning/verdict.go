package provisioning

import (
	"strconv"
	"strings"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Acked takes an acknowledgement of the verifier in one change. It returns false when the ack
// brings no news: the position covers nothing that was published since, and every verdict was
// taken before. So the change, which puts nothing in the feed itself, is not acknowledged for
// ever.
func Acked(s Snapshot, site Site, now Now, ack feed.Ack) (Change, bool) {
	d := newDraft(s, now, ActorVerifier, "verifier.ack")
	known, _ := Get[Verifier](s, Verifier{}.Key())
	news := ack.Position > known.Acked && known.Acked < known.Published
	var taken []string
	for _, verdict := range ack.Verdicts {
		if d.judge(site, verdict) || d.judgePasscode(verdict) || d.judgeOrder(verdict) ||
			d.judgeErasure(verdict) {
			news = true
			taken = append(taken, verdict.Credential+":"+string(verdict.Outcome))
		}
	}
	if !news {
		return Change{}, false
	}
	d.detail("position", strconv.FormatInt(ack.Position, 10))
	d.detail("verdicts", strings.Join(taken, " "))
	if len(taken) != 1 {
		// The line is about several people, or none: it names credentials only.
		d.entry.Visit, d.entry.Person, d.entry.Evidence = "", "", ""
		d.entry.Token, d.entry.Credential, d.entry.Loan = "", "", ""
	}
	v, _ := read[Verifier](d, known.Key())
	v.Acked, v.LastSeen = max(v.Acked, ack.Position), now.At
	d.put(v)
	return d.change(), true
}

// judge takes one verdict, once.
func (d *draft) judge(site Site, verdict feed.Verdict) bool {
	c, ok := read[Credential](d, verdict.Credential)
	if !ok || !c.unfinished() {
		return false
	}
	proof := c.State == CredentialProven && c.Proof == verdict.Record
	if verdict.Outcome == feed.InStep && !proof {
		return false
	}
	v, live := read[Visit](d, string(c.Visit))
	if live && v.Credential == c.ID {
		d.about(v)
	} else {
		live = false
	}
	switch {
	case verdict.Outcome != feed.InStep:
		d.rejected(c, v, live, verdict)
	case live && NoLoan(d.s, c.Person, c.Visit) == nil:
		d.activate(site, c, v)
	default:
		// Nobody is left to lend it to, and the verifier has just let it in: it goes out again.
		d.entry.Outcome = OutcomeDoubtful
		d.doubt(c, CodeAbandoned)
	}
	return true
}

// rejected: the verifier never let this credential in, so there is nothing to tell it.
// What there is to do about it is a task, whether or not anybody is at the counter.
func (d *draft) rejected(c Credential, v Visit, live bool, verdict feed.Verdict) {
	code := verdictCode(verdict)
	d.entry.Outcome = OutcomeDoubtful
	d.addTask(Task{ID: TaskID(verdict.Record), Why: code, Token: c.Token, Person: c.Person,
		Credential: c.ID, Officer: v.Officer, Elsewhere: DeskID(verdict.Desk)})
	c.State, c.Reason, c.Since = CredentialDoubtful, string(code), d.now.At
	d.put(c)
	d.doubtToken(c.Token, code)
	if live {
		d.failAt(v, code, c.Token, verdict.Desk)
	}
}

// activate is where a verdict makes a credential active and a loan begins. Beside it only a
// restored desk has either, when it learns what it had issued.
func (d *draft) activate(site Site, c Credential, v Visit) {
	c.State, c.Since, c.Reason = CredentialActive, d.now.At, ""
	d.put(c)
	d.voidPasscodes(c)
	d.put(Loan{
		ID: c.Loan, Person: c.Person, Token: c.Token, Credential: c.ID, Officer: v.Officer,
		Visit: v.ID, State: LoanOpen, Reason: v.Reason, Evidence: v.Evidence,
		PhoneSeen: v.PhoneSeen, Terms: v.Terms, Fee: Fee{Amount: site.Fee}, At: d.now.At,
		Due: site.Due(d.now.At, d.now.Synced),
	})
	if t, ok := read[Token](d, string(c.Token)); ok {
		t.State, t.Note, t.Since = TokenLoaned, "", d.now.At
		d.put(t)
	}
	v.Step = StepDone
	if v.State == VisitParked {
		d.touch(v)
		return
	}
	d.keep(v)
}

// verdictCode is the problem a verdict makes. One this version does not know is as good as none.
func verdictCode(v feed.Verdict) Code {
	switch v.Outcome {
	case feed.OffBy:
		return CodeVerdictOffBy
	case feed.NoMatch:
		return CodeVerdictNoMatch
	case feed.Refused:
		return refusedCode(v)
	}
	return CodeVerdictUnreadable
}
