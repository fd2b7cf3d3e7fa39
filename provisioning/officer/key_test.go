package officer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// counter is a desk with two officers, each with a token that was lent to them: slot 2 is the
// loan's. Tokens are touched a second after they wait for it, unless idle is set.
type counter struct {
	*Officers
	t      *testing.T
	ledger *provisioningtest.Ledger
	bus    *virtual.Bus
	keys   map[provisioning.OfficerID]*virtual.Key
	idle   bool
	waited []provisioning.KeyWait
}

type codes struct{ generation int }

func (c codes) Generation() int { return c.generation }

func (c codes) Code(generation int, serial string) (secret.AccessCode, error) {
	return secret.NewAccessCode(fmt.Appendf(nil, "%d%.5s", generation, serial)), nil
}

const lima, mello provisioning.OfficerID = "lima", "mello"

// atCounter runs a test at such a desk.
func atCounter(t *testing.T, alone bool, run func(*counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &counter{t: t, ledger: provisioningtest.NewLedger(), bus: virtual.NewBus(),
			keys: map[provisioning.OfficerID]*virtual.Key{}}
		bench := yubikey.NewBench(c.bus, yubikey.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- bench.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		clock := func() (time.Time, bool) { return time.Now(), true }
		c.Officers = New(c.ledger, "desk-1", clock, Tokens{Bench: bench, Codes: codes{3},
			PINAlone: alone})
		for i, id := range []provisioning.OfficerID{lima, mello} {
			c.hire(id, uint32(11111111*(i+1)))
		}
		run(c)
	})
}

func (c *counter) hire(id provisioning.OfficerID, serial uint32) {
	c.t.Helper()
	row := provisioning.Officer{ID: id, Name: string(id), Person: provisioning.PersonID("P" + id),
		PINHash: cheapHash()}
	c.keys[id] = virtual.New(virtual.Options{Serial: serial})
	token := provisioning.Token{ID: provisioning.TokenID("yubikey/" + strconv.Itoa(int(serial))),
		Serial: strconv.Itoa(int(serial)), State: provisioning.TokenLoaned, Slot: 2}
	c.put(row, token, provisioning.Loan{ID: provisioning.LoanID("L" + id), Person: row.Person,
		Token: token.ID, State: provisioning.LoanOpen})
}

// cheapHash is of the right PIN, at the lowest cost the package reads: here it is not the PIN that
// is under test.
func cheapHash() string {
	salt := []byte("officer test salt")[:16]
	key := argon2.IDKey([]byte(rightPIN), salt, 1, 8, 1, 32)
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, text(salt), text(key))
}

func (c *counter) put(rows ...provisioning.Row) {
	c.t.Helper()
	_, err := c.ledger.Do(c.t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.NewChange(c.entry("test", "test.put", "done")).Put(rows...), nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) plug(id provisioning.OfficerID) { c.bus.Plug(c.keys[id]) }

// tell touches whichever token waits.
func (c *counter) tell(w provisioning.KeyWait) {
	c.waited = append(c.waited, w)
	if w == provisioning.WaitPlug || c.idle {
		return
	}
	keys := slices.Collect(maps.Values(c.keys))
	time.AfterFunc(time.Second, func() {
		for _, key := range keys {
			if key.Waiting() {
				_, _ = key.Touch(1)
			}
		}
	})
}

func (c *counter) enrol(id provisioning.OfficerID) error {
	return c.Enrol(c.t.Context(), id, false, c.tell)
}

func (c *counter) unlock(id provisioning.OfficerID, pin string) error {
	c.waited = nil
	_, err := c.Unlock(c.t.Context(), id, secret.NewPIN(pin), c.tell)
	return err
}

func (c *counter) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) failures(id provisioning.OfficerID) int {
	row, _ := provisioning.Get[provisioning.Officer](c.ledger.Snapshot(), string(id))
	return row.Failures
}

func (c *counter) row(id provisioning.OfficerID) provisioning.OfficerKey {
	row, _ := provisioning.Get[provisioning.OfficerKey](c.ledger.Snapshot(), string(id))
	return row
}

// TestOneTouchUnlocks, until the reserve is used up: then two do, and the second is next's answer.
func TestOneTouchUnlocks(t *testing.T) {
	atCounter(t, false, func(c *counter) {
		c.plug(lima)
		wants(t, c.unlock(lima, rightPIN), CodeKeyNone)
		c.must(c.enrol(lima))
		s := c.keys[lima].Slots()[0]
		if !s.Challenge || !s.NeedsTouch || !s.Protected {
			t.Errorf("the slot is %+v", s)
		}
		for range 5 {
			before := c.row(lima)
			c.must(c.unlock(lima, rightPIN))
			after := c.row(lima)
			if got := fmt.Sprint(c.waited); got != "[touch]" || after.Next == before.Next ||
				len(after.Answers) != len(before.Answers)-answerSize {
				t.Errorf("waited for %s; challenge %d, then %d", got, before.Next, after.Next)
			}
		}
		wants(t, c.unlock(lima, "000001"), CodePINWrong)
		if len(c.waited) != 0 {
			t.Errorf("a wrong PIN waits for %v", c.waited)
		}
		c.spendAllBut(1)
		for range 3 {
			c.must(c.unlock(lima, rightPIN))
			if got := fmt.Sprint(c.waited); got != "[touch again]" {
				t.Errorf("without a reserve it waits for %s", got)
			}
		}
		if row := c.row(lima); row.Made != inReserve+3 || len(row.Answers) != answerSize {
			t.Errorf("%d challenges made, %d bytes kept", row.Made, len(row.Answers))
		}
	})
}

// spendAllBut leaves lima that many answers, the next one's among them.
func (c *counter) spendAllBut(n int) {
	row := c.row(lima)
	for len(row.Answers) > n*answerSize {
		row = spend(row)
	}
	c.put(row)
}

func TestWhatIsNoTry(t *testing.T) {
	for name, spoil := range map[string]func(*counter) provisioning.Code{
		"nobody plugs it in": func(c *counter) provisioning.Code {
			c.bus.Unplug(c.keys[lima])
			return CodeKeyAbsent
		},
		"nobody touches it": func(c *counter) provisioning.Code {
			c.idle = true
			return CodeKeyNoTouch
		},
		"it is pulled out": func(c *counter) provisioning.Code {
			c.idle = true
			time.AfterFunc(5*time.Second, func() { c.bus.Unplug(c.keys[lima]) })
			return CodeKeyPulled
		},
		"somebody else has it": func(c *counter) provisioning.Code {
			c.keys[lima].Misbehave(virtual.Fault{Held: true})
			return CodeKeyUnread
		},
		"the token was returned": func(c *counter) provisioning.Code {
			c.put(provisioning.Loan{ID: "Llima", Person: "Plima", State: provisioning.LoanReturned})
			return CodeKeyNone
		},
	} {
		atCounter(t, false, func(c *counter) {
			c.plug(lima)
			c.must(c.enrol(lima))
			wants(t, c.unlock(lima, "000001"), CodePINWrong)
			before := c.row(lima)
			time.Sleep(time.Second)
			code := spoil(c)
			time.Sleep(time.Second)
			if err := c.unlock(lima, rightPIN); !errors.Is(err, provisioning.Refuse(code)) {
				t.Errorf("%s: %v, want %s", name, err, code)
			}
			if c.failures(lima) != 1 || c.row(lima) != before {
				t.Errorf("%s: %d failures, and the key moved: %v", name, c.failures(lima),
					c.row(lima) != before)
			}
		})
	}
}

// TestTenWrongAnswersLock, across a restart, whoever waits however long, until it is lifted.
func TestTenWrongAnswersLock(t *testing.T) {
	atCounter(t, false, func(c *counter) {
		c.plug(lima)
		c.must(c.enrol(lima))
		real := c.row(lima)
		// Another token with this serial: the slot holds another key.
		fake, _ := newKey(provisioning.OfficerKey{Officer: lima, Token: real.Token, Slot: real.Slot,
			State: provisioning.KeyReady})
		c.put(fake)
		for n := range MostTries {
			code := CodeKeyWrong
			if n == MostTries-1 {
				code = CodeLockedOut
			}
			wants(t, c.unlock(lima, rightPIN), code)
			time.Sleep(2 * time.Minute)
		}
		c.put(real)
		again := New(c.ledger, "desk-1", c.clock, c.tokens)
		time.Sleep(3 * time.Hour)
		_, err := again.Unlock(c.t.Context(), lima, secret.NewPIN(rightPIN), c.tell)
		wants(t, err, CodeLockedOut)
		_, err = again.Touch(c.t.Context(), provisioning.Whose{ID: lima}, c.tell)
		wants(t, err, CodeLockedOut)
		c.must(again.Lift(c.t.Context(), "operator:root", lima))
		c.must(c.unlock(lima, rightPIN))
	})
}

// TestCopiedStateAnswersNothing: whoever has every byte the desk keeps has no answer among them, to
// the next challenge or to any other.
func TestCopiedStateAnswersNothing(t *testing.T) {
	atCounter(t, false, func(c *counter) {
		c.plug(lima)
		c.must(c.enrol(lima))
		c.must(c.unlock(lima, rightPIN))
		c.spendAllBut(40)
		next := c.row(lima)
		tried := 0
		for _, change := range c.ledger.Changes() {
			for _, row := range change.Rows() {
				tried += tryEvery(t, next, row)
			}
		}
		if tried < 1000 {
			t.Errorf("only %d strings of bytes were tried", tried)
		}
		response, err := c.answerOf(next)
		if err != nil || !right(next, response) {
			t.Errorf("the token itself: %v", err)
		}
	})
}

func (c *counter) answerOf(k provisioning.OfficerKey) (secret.Response, error) {
	dev, err := c.open(c.t.Context(), c.tokens.Bench.Plugs()[0].ID)
	if err != nil {
		return secret.Response{}, err
	}
	defer dev.Close()
	return respond(c.t.Context(), dev, k, k.Next, func() { c.tell(provisioning.WaitTouch) })
}

// tryEvery offers every run of twenty bytes in every text of a row as the answer.
func tryEvery(t *testing.T, key provisioning.OfficerKey, row provisioning.Row) (tried int) {
	t.Helper()
	for _, field := range reflect.ValueOf(row).Fields() {
		if field.Kind() != reflect.String {
			continue
		}
		text := field.String()
		text = text[:min(len(text), 4096)]
		for at := 0; at+keySize <= len(text); at++ {
			tried++
			if right(key, secret.NewResponse([]byte(text[at:at+keySize]))) {
				t.Errorf("%s answers the next challenge", row.Kind())
			}
		}
	}
	return tried
}

func TestTouchTellsWhoseTokenItWas(t *testing.T) {
	own := func(id provisioning.OfficerID) provisioning.Whose { return provisioning.Whose{ID: id} }
	notLima := provisioning.Whose{ID: lima, Other: true}
	atCounter(t, true, func(c *counter) {
		touch := func(whose provisioning.Whose) error {
			_, err := c.Touch(c.t.Context(), whose, c.tell)
			return err
		}
		wants(t, touch(notLima), CodeKeyNobody)
		for id := range c.keys {
			c.plug(id)
			c.must(c.enrol(id))
		}
		for _, w := range []struct {
			whose provisioning.Whose
			want  provisioning.OfficerID
		}{{own(lima), lima}, {notLima, mello}, {own(mello), mello}} {
			if got, err := c.Touch(c.t.Context(), w.whose, c.tell); got != w.want || err != nil {
				t.Errorf("%+v: %q, %v", w.whose, got, err)
			}
		}
		c.bus.Unplug(c.keys[mello]) // one's own token is not another's
		wants(t, touch(notLima), CodeKeyAbsent)
		c.plug(mello)
		c.must(c.Disable(c.t.Context(), "operator:root", mello))
		wants(t, touch(notLima), CodeDisabled)
		if c.failures(lima)+c.failures(mello) != 0 {
			t.Error("touches were counted as failures")
		}
	})
}

// TestPINAlone is for who has no token, where that is allowed; who has one is always asked for it.
func TestPINAlone(t *testing.T) {
	atCounter(t, true, func(c *counter) {
		c.must(c.unlock(lima, rightPIN))
		c.plug(lima)
		c.must(c.enrol(lima))
		c.bus.Unplug(c.keys[lima])
		wants(t, c.unlock(lima, rightPIN), CodeKeyAbsent)
		c.must(c.DropKey(c.t.Context(), "operator:root", lima))
		wants(t, c.DropKey(c.t.Context(), "operator:root", lima), CodeKeyNone)
		c.must(c.unlock(lima, rightPIN))
	})
}
