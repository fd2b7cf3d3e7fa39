package kiosk_test

import (
	"testing"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
)

// mishap is one thing that goes wrong at the counter. The page must say what happened and what was
// and was not done: the sentence of code, and words where the page has its own.
type mishap struct {
	name   string
	code   provisioning.Code
	params []string
	words  []string
	walk   func(*counter, *kiosktest.Browser)
}

// TestWhatWasNotDoneIsSaid makes each thing go wrong, and reads the page.
func TestWhatWasNotDoneIsSaid(t *testing.T) {
	for _, list := range [][]mishap{mishapsAtThePort(), mishapsOfAWrite(), mishapsOfPeople(),
		mishapsAround(), mishapsOfPasscodes()} {
		for _, m := range list {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				c := serve(t)
				b := c.unlocked(alice, alicePIN)
				m.walk(c, b)
				if m.code != "" {
					p := sentence(t, m.code, m.params...)
					if p.Done == "" {
						t.Fatalf("%s does not say what was not done", m.code)
					}
					want(t, b, p.Happened, p.Done)
				}
				want(t, b, m.words...)
			})
		}
	}
}

// atThePort leads to the page that waits for a token, with these plugs on the bench.
func atThePort(plugs ...provisioning.Plug) func(*counter, *kiosktest.Browser) {
	return func(c *counter, b *kiosktest.Browser) {
		c.found(b)
		b.Press("No phone", "match", "yes", "evidence", "passport")
		c.mu.Lock()
		c.plugs = plugs
		c.mu.Unlock()
		b.Reload()
	}
}

func mishapsAtThePort() []mishap {
	return []mishap{
		{name: "a key without codes", code: provisioning.CodeTokenNotOTP, walk: atThePort(
			provisioning.Plug{ID: "1", Name: "Security Key", Why: provisioning.CodeTokenNotOTP,
				Err: provisioning.ErrNotOTP})},
		{name: "a key that is left alone", code: provisioning.CodeTokenLeftAlone, walk: atThePort(
			provisioning.Plug{ID: "1", Why: provisioning.CodeTokenLeftAlone})},
		{name: "a silent key", code: provisioning.CodeTokenSilent, walk: atThePort(
			provisioning.Plug{ID: "1", Why: provisioning.CodeTokenSilent})},
		{name: "a key of many serials", code: provisioning.CodeTokenUnsteady, walk: atThePort(
			provisioning.Plug{ID: "1", Why: provisioning.CodeTokenUnsteady})},
		{name: "a key somebody else holds", words: []string{"Another program holds this token",
			"Nothing was written to it."}, walk: atThePort(
			provisioning.Plug{ID: "1", Why: provisioning.CodeTokenHeld})},
		{name: "two tokens", words: []string{"Leave just one",
			"Nothing is written until only one is left."}, walk: atThePort(
			provisioning.Plug{ID: "1", Usable: true}, provisioning.Plug{ID: "2", Usable: true})},
		{name: "a token on loan to somebody else", code: provisioning.CodeTokenLoaned,
			params: []string{"serial", serial}, walk: func(c *counter, b *kiosktest.Browser) {
				c.put(provisioning.Token{ID: "yubikey/" + serial, Serial: serial,
					State: provisioning.TokenLoaned})
				atThePort()(c, b)
				c.plug(serial)
				b.Reload()
			}},
		{name: "a slot that holds something", words: []string{"Nothing is written yet",
			"Writing erases it for good."}, walk: func(c *counter, b *kiosktest.Browser) {
			c.checking(b)
			v := c.visit()
			v.Overwrites = true
			c.put(v)
			b.Reload()
		}},
	}
}

// inTrouble leads to the page of a problem the runner found.
func inTrouble(code provisioning.Code) mishap {
	return mishap{name: string(code), code: code, words: []string{"What was and was not done"},
		walk: func(c *counter, b *kiosktest.Browser) {
			c.writing(b)
			v := c.visit()
			v.Step, v.Problem, v.Progress = provisioning.StepProblem, code, ""
			c.put(v)
			b.Reload()
		}}
}

func mishapsOfAWrite() []mishap {
	list := []mishap{
		{name: "a wrong code, and another try", words: []string{"Touch the gold disc once more",
			"Nothing is lost"}, walk: func(c *counter, b *kiosktest.Browser) {
			c.writing(b)
			c.written()
			v := c.visit()
			v.Problem = provisioning.CodeOTPUnknown
			c.put(v)
			b.Reload()
		}},
		{name: "the sign-in service is silent", words: []string{
			"The token is proven and not registered yet: it cannot be used."},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.writing(b)
				c.written()
				c.proven()
				c.verifierDown()
				b.Reload()
			}},
		{name: "pulled out just before", code: provisioning.CodeTokenAbsent,
			walk: func(c *counter, b *kiosktest.Browser) {
				c.checking(b)
				b.Press("Turn the screen")
				b.Press("I agree")
				c.mu.Lock()
				c.plugs = nil
				c.mu.Unlock()
				b.Press("Write and loan", "pin", alicePIN)
			}},
	}
	for _, code := range []provisioning.Code{
		provisioning.CodePulledBeforeWrite, provisioning.CodeWriteRefused,
		provisioning.CodeSlotProtected, provisioning.CodePulledWriting, provisioning.CodeWriteUnknown,
		provisioning.CodeNoTouch, provisioning.CodePulledTouch, provisioning.CodeTouchUnread,
		provisioning.CodeOTPUnknown, provisioning.CodeInterrupted, provisioning.CodeVerdictOffBy,
		provisioning.CodeVerdictNoMatch, provisioning.CodeVerdictUnreadable,
		provisioning.CodeVerdictRefused, provisioning.CodePulledBeforeWipe,
		provisioning.CodeWipeRefused, provisioning.CodeWipeProtected, provisioning.CodePulledWiping,
		provisioning.CodeWipeUnknown,
	} {
		list = append(list, inTrouble(code))
	}
	return list
}

func (c *counter) verifierDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health.VerifierUp = false
}

// looked types a number the directory answers so.
func looked(code provisioning.Code) mishap {
	return mishap{name: string(code), code: code, walk: func(c *counter, b *kiosktest.Browser) {
		c.refuse = map[string]*provisioning.Refusal{"777": provisioning.Refuse(code)}
		b.Open("/number")
		b.Press("Find", "number", "777")
	}}
}

func mishapsOfPeople() []mishap {
	return []mishap{
		looked(kiosk.CodePersonUnknown), looked(provisioning.CodeCardExpired),
		looked(provisioning.CodeCardReplaced), looked(kiosk.CodeDirectoryDown),
		{name: "an officer's own card", code: provisioning.CodeOfficerIsPerson,
			walk: func(c *counter, b *kiosktest.Browser) {
				c.people["1"] = provisioning.Person{ID: "staff-alice", Account: "alice"}
				b.Open("/number")
				b.Press("Find", "number", "1")
			}},
		{name: "a face that does not match", words: []string{"Nothing has been issued."},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.found(b)
				b.Press("Record and end")
			}},
		{name: "a supervisor's wrong PIN", code: kiosk.CodePINWrong, params: []string{"left", "4"},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.found(b)
				b.Press("No phone", "match", "yes", "evidence", "supervisor")
				b.Press("I vouch", "officer", carol, "pin", bobPIN)
			}},
		{name: "a second token for one person", code: provisioning.CodeLoanOpen,
			params: []string{"serial", serial, "due", "22 November 2027"},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.found(b)
				loan := b.Form("No phone", "match", "yes", "evidence", "passport")
				c.lent()
				b.Reload()
				if b.Page.Has("No phone") || !b.Page.Says(serial) {
					c.t.Errorf("the page offers another token: %s", b.Page.Text)
				}
				b.Send(loan)
			}},
	}
}

func mishapsAround() []mishap {
	return []mishap{
		{name: "nobody can be looked up", words: []string{
			"nothing can be issued. Returns still work."}, walk: func(c *counter, b *kiosktest.Browser) {
			c.mu.Lock()
			c.health.DirectoryUp = false
			c.mu.Unlock()
			b.Reload()
		}},
		{name: "a return without the directory", words: []string{"Take this token back",
			"Nothing was done to it yet."}, walk: func(c *counter, b *kiosktest.Browser) {
			c.lent()
			c.mu.Lock()
			c.health.DirectoryUp = false
			c.mu.Unlock()
			c.plug(serial)
			b.Reload()
			b.Press("Return this token")
		}},
		{name: "the sign-in service is away", words: []string{"The sign-in service has not called",
			"they wait for it before they are handed over."},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.verifierDown()
				b.Reload()
			}},
		{name: "a loss while it is away", words: []string{"The sign-in service is silent.",
			"The token still works until it is back."}, walk: func(c *counter, b *kiosktest.Browser) {
			c.lent()
			c.verifierDown()
			c.found(b)
			b.Press("Lost token", "match", "yes", "evidence", "passport")
		}},
		{name: "no paper", words: []string{serial, "Lost it? Tell us at once."},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.writing(b)
				c.registered()
				b.Reload()
				b.Follow("Show the slip")
			}},
		{name: "the live channel is lost", words: []string{"Reconnecting… Buttons still work."},
			walk: func(c *counter, b *kiosktest.Browser) { c.writing(b) }},
		{name: "a power cut", words: []string{"1 write was cut off.",
			"works nowhere until it is written again.", "1 visit waiting"},
			walk: func(c *counter, b *kiosktest.Browser) {
				c.writing(b)
				v := c.visit()
				v.State = provisioning.VisitHeld
				c.put(v)
				b.Press("Lock")
				b.Press("Unlock", "officer", alice, "pin", alicePIN)
			}},
	}
}
