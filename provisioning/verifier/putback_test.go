package verifier_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// asides put a verifier's state aside. The first function they return is the verifier that goes on,
// the second loses that one and puts the state back.
var asides = map[string]func(*testing.T, *rig) (*rig, func() *rig){
	"a backup": func(t *testing.T, old *rig) (*rig, func() *rig) {
		var backup bytes.Buffer
		if err := old.Backup(&backup); err != nil {
			t.Fatal(err)
		}
		return old, func() *rig {
			escrow := escrowKey(t, lose(t, old))
			dir := vacant(t, old.Bundle)
			if err := restore(dir, backup.Bytes(), escrow, false); err != nil {
				t.Fatal(err)
			}
			return start(t, dir)
		}
	},
	"a copy": func(t *testing.T, old *rig) (*rig, func() *rig) {
		old.stop()
		dir := copyOf(t, old)
		old = start(t, old.dir)
		return old, func() *rig {
			old.stop()
			back := idle(t, dir)
			if err := back.Doubt(); err != nil {
				t.Fatal(err)
			}
			back.stop()
			return start(t, dir)
		}
	},
}

// followed waits until all that a desk has is followed.
func (r *rig) followed(t *testing.T, c *counter) {
	t.Helper()
	ctx := soon(t)
	for {
		for _, d := range r.status(t).Desks {
			if d.Desk == c.ID && d.Position == c.Head() {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("desk %s is not followed", c.ID)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestNothingSinceTheBackupIsSure: what was issued after the state was put aside may have been used
// at the verifier that was lost, also at a desk that it does not know.
func TestNothingSinceTheBackupIsSure(t *testing.T) {
	for name, aside := range asides {
		t.Run(name, func(t *testing.T) {
			old := newRig(t)
			desk := old.trusted(t, "desk1")
			half := feedtest.NewToken("half")
			desk.Commit(desk.SealSeed(half, desk.Body(half)))
			desk.settled(t)
			old, back := aside(t, old)
			desk.expect(t, commitProof(desk, half), feed.InStep)
			ana, twice := registered(t, old, desk, "ana"), registered(t, old, desk, "twice")
			proof := desk.SealProof(twice, twice.Press(), twice.Press())
			desk.Commit(proof)
			desk.expect(t, proof.ID, feed.InStep)
			late := old.trusted(t, "desk2")
			far := registered(t, old, late, "far")
			used := map[*feedtest.Token]secret.OTP{}
			for _, token := range []*feedtest.Token{half, ana, twice, far} {
				used[token] = token.Press()
				if !old.verify(t, token.User, used[token]) {
					t.Fatalf("%s does not sign in", token.User)
				}
			}
			codes := passcodesOf(t, old, desk, late)

			r := back()
			r.followed(t, desk)
			r.trust(t, late, verifier.Bounds{})
			r.followed(t, late)
			far.Skip(3000)
			for token, otp := range used {
				token.Skip(1)
				if r.verify(t, token.User, otp) || r.verify(t, token.User, token.Press()) {
					t.Errorf("%s: one OTP is accepted", token.User)
				}
				if !r.comesBack(t, token) || !r.verify(t, token.User, token.Press()) {
					t.Errorf("%s: two OTPs in a row do not bring it back", token.User)
				}
			}
			for c, code := range codes {
				end, err := c.End(soon(t), code)
				if err != nil || end.Outcome != feed.Rebuilt ||
					r.verify(t, code.User, secret.NewOTP("123456789")) {
					t.Errorf("the passcode of %s ended as %v, %v", c.ID, end, err)
				}
			}
			for c, code := range passcodesOf(t, r, desk, late) {
				token := feedtest.NewToken("fresh " + c.ID)
				c.expect(t, c.Issue(token), feed.InStep)
				if !r.verify(t, token.User, token.Press()) {
					t.Errorf("what desk %s issues now wants two OTPs (%s)", c.ID, code.ID)
				}
			}
		})
	}
}

// comesBack says that the next OTP of a token is accepted, or one right after: far ahead an OTP may
// happen to be that of a counter before it, too.
func (r *rig) comesBack(t *testing.T, token *feedtest.Token) bool {
	for range 3 {
		if r.verify(t, token.User, token.Press()) {
			return true
		}
	}
	return false
}

// passcodesOf issues a passcode at each desk, and uses it.
func passcodesOf(t *testing.T, r *rig, desks ...*counter) map[*counter]*feedtest.Passcode {
	t.Helper()
	codes := map[*counter]*feedtest.Passcode{}
	for _, c := range desks {
		codes[c] = c.NewPasscode("guest of "+c.ID, "123456789")
		c.expect(t, c.IssuePasscode(codes[c]), feed.InStep)
		if !r.verify(t, codes[c].User, secret.NewOTP("123456789")) {
			t.Errorf("a passcode of desk %s is refused", c.ID)
		}
	}
	return codes
}

// TestPutBackAndFollowedInAnotherOrder: revisions that a desk was told by the verifier that was
// lost are not those of the same number now, and an order counts that comes before the loan.
func TestPutBackAndFollowedInAnotherOrder(t *testing.T) {
	for name, aside := range asides {
		t.Run(name, func(t *testing.T) {
			old := newRig(t)
			home, away := old.trusted(t, "desk1", hears), old.trusted(t, "desk2", hears)
			third := old.trusted(t, "desk3", hears)
			registered(t, old, home, "ana")
			old, back := aside(t, old)
			before := registered(t, old, home, "bea")
			away.knows(t, before, "a loan", state(feed.SiteActive))
			for act, lost := range map[feed.OrderAct]*feedtest.Token{
				feed.OrderRevoke:  registered(t, old, home, "dee"),
				feed.OrderSuspend: registered(t, old, home, "eve")} {
				order := third.Order(lost, act)
				third.Commit(order)
				third.expect(t, order.ID, feed.InStep)
			}
			home.stop()
			away.stop()
			r := back()
			r.followed(t, third)
			missed := registered(t, r, third, "cid")
			for _, c := range []*counter{home, away} {
				again := r.serve(t, c.Desk, hears)
				r.trust(t, again, verifier.Bounds{})
				r.followed(t, again)
			}
			away.knows(t, missed, "a loan while it was away", state(feed.SiteActive))
			away.knows(t, before, "the loan it knew", state(feed.SiteActive))
			if got := fmt.Sprint(r.status(t).Credentials); got !=
				"map[active:3 revoked:1 suspended:1]" {
				t.Errorf("there are %s", got)
			}
		})
	}
}
