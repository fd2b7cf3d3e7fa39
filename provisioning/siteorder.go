package provisioning

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// SiteOrder is what an officer here ordered about another desk's token. It stays for a while after
// the verifier answered, so that a page can say what came of it.
type SiteOrder struct {
	// ID is that of the record.
	ID         string
	Token      TokenID
	Credential CredentialID
	Act        feed.OrderAct
	Officer    OfficerID
	At         time.Time
	// Desk lent the token.
	Desk DeskID
	// Answered is when the verifier answered; InForce whether it took the order, or had taken another
	// that did as much.
	Answered time.Time
	InForce  bool
	// Over: it is put away.
	Over bool
}

// Kind implements Row.
func (SiteOrder) Kind() Kind { return KindSiteOrder }

// Key implements Row.
func (o SiteOrder) Key() string { return o.ID }

// Subject implements Row.
func (SiteOrder) Subject() PersonID { return "" }

// Tags implements Row.
func (o SiteOrder) Tags() []Tag { return []Tag{{ByToken, string(o.Token)}} }

// Live implements Row.
func (o SiteOrder) Live() bool { return !o.Over }

// OrderElsewhere reports a token lost that another desk lent (a card was shown), suspends it (none
// was), or takes it back. The runner fills in the sealed record, and the generation of the site's
// access codes.
type OrderElsewhere struct {
	Token      TokenID
	Act        feed.OrderAct
	Record     feed.Record
	Generation int
}

func (OrderElsewhere) command() {}

// LastOrder finds what was ordered about a token here last.
func LastOrder(s Snapshot, id TokenID) (last SiteOrder, found bool) {
	for o := range Find[SiteOrder](s, ByToken, string(id)) {
		if !found || o.At.After(last.At) {
			last, found = o, true
		}
	}
	return last, found
}

// OrderUnderWay finds what was ordered about a token and not answered yet.
func OrderUnderWay(s Snapshot, id TokenID) (SiteOrder, bool) {
	o, found := LastOrder(s, id)
	return o, found && o.Answered.IsZero()
}

// siteOrderFor is how long an order stays after it was answered.
const siteOrderFor = 24 * time.Hour

// StaleSiteOrders lists orders that were answered long ago, ready to be put away, at most so many.
func StaleSiteOrders(s Snapshot, at time.Time, most int) []Row {
	var rows []Row
	for o := range All[SiteOrder](s) {
		if !o.Answered.IsZero() && at.Sub(o.Answered) >= siteOrderFor && len(rows) < most {
			o.Over = true
			rows = append(rows, o)
		}
	}
	return rows
}

// orderElsewhere is durable at once, and in force once the verifier has it. The desk that lent the
// token hears of it from there.
func (d *decision) orderElsewhere(c OrderElsewhere) *Refusal {
	t, lent := LentElsewhere(d.s, c.Token)
	under, waiting := OrderUnderWay(d.s, c.Token)
	again := waiting && (under.Act == c.Act || under.Act != feed.OrderSuspend)
	d.entry.Token, d.entry.Credential = c.Token, t.Credential
	serial := SerialOf(c.Token)
	no := d.all(
		rule{"elsewhere.known", refuseUnless(lent, CodeElsewhereUnknown)},
		rule{"elsewhere.once", refuseUnless(!again, CodeElsewhereWaiting, "serial", serial)},
		rule{"elsewhere.suspended", refuseUnless(c.Act != feed.OrderSuspend ||
			t.State != SiteSuspended, CodeElsewhereSuspended, "serial", serial)},
		rule{"elsewhere.sealed", refuseUnless(c.Record.Kind == feed.KindOrder &&
			c.Record.Credential == string(t.Credential), CodeWrongStep)},
	)
	if no != nil {
		return no
	}
	d.put(SiteOrder{ID: c.Record.ID, Token: c.Token, Credential: t.Credential, Act: c.Act,
		Desk: t.Desk, Officer: d.o.By, At: d.now.At})
	d.publish(c.Record)
	d.detail("order", string(c.Act))
	d.detail("desk", string(t.Desk))
	d.detail("serial", serial)
	if c.Act == feed.OrderReturn {
		d.takeIn(c)
	}
	return nil
}

// takeIn puts another desk's token into this one's inventory, listed until it is wiped. Its slot
// may be guarded with the code of this generation or, where that changed meanwhile, the one before.
func (d *decision) takeIn(c OrderElsewhere) {
	t, _ := Get[Token](d.s, string(c.Token))
	t.ID, t.Serial, t.Slot = c.Token, SerialOf(c.Token), d.site.Slot
	t.Generation, t.Previous = c.Generation, max(0, c.Generation-1)
	t.State, t.Note, t.Pending, t.Since = TokenDoubtful, string(CodeReturnedHere), ActNone, d.now.At
	t.Elsewhere = Elsewhere{}
	d.put(t)
}

// judgeOrder takes the verifier's answer to an order, once.
func (d *draft) judgeOrder(verdict feed.Verdict) bool {
	o, ok := read[SiteOrder](d, verdict.Record)
	if !ok || !o.Answered.IsZero() {
		return false
	}
	o.Answered, o.InForce = d.now.At, verdict.Outcome == feed.InStep
	d.put(o)
	d.entry.Token, d.entry.Credential = o.Token, o.Credential
	if verdict.Outcome == feed.InStep {
		return true
	}
	code := CodeOrderRefused
	if verdict.Reason == feed.ReasonRevoked {
		code = CodeOrderRevoked
	}
	d.addTask(Task{ID: TaskID(o.ID), Why: code, Token: o.Token, Credential: o.Credential,
		Officer: o.Officer})
	return true
}

// Hearing is what becomes of an order of another desk about a token of this one.
type Hearing int

// What becomes of it.
const (
	// HeardBefore: there is nothing to do.
	HeardBefore Hearing = iota
	// HeardNow: the change does it.
	HeardNow
	// HeardEarly: the verdict that makes the loan is still on its way, and comes first.
	HeardEarly
)

// HearOrder carries out here what another desk ordered, each order once. The verifier has it
// already, so nothing is published; the person is told by this desk, and by no other.
func HearOrder(s Snapshot, now Now, told feed.SiteToken) (Change, Hearing) {
	c, live := Get[Credential](s, told.Credential)
	t, _ := Get[Token](s, string(c.Token))
	if !live || DeskID(told.Desk) != now.Desk || told.Order.ID == "" ||
		t.Elsewhere.Order == told.Order.ID {
		return Change{}, HeardBefore
	}
	switch {
	case c.unfinished():
		return Change{}, HeardEarly
	case c.State != CredentialActive && c.State != CredentialSuspended,
		t.State == TokenBusy:
		return Change{}, HeardBefore // this desk has ended it itself, and that is on its way
	}
	d := newDraft(s, now, ActorVerifier, orderedActs[told.Order.Act])
	d.entry.Rule, d.entry.Person = "site.order", c.Person
	d.entry.Token, d.entry.Credential, d.entry.Loan = c.Token, c.ID, c.Loan
	d.detail("desk", told.Order.Desk)
	d.detail("officer", told.Order.Officer)
	d.detail("order", told.Order.ID)
	d.detail("serial", SerialOf(c.Token))
	d.obey(c, t, told)
	return d.change(), HeardNow
}

// orderedActs are the names of what happens to a loan, as this desk's own acts have them.
var orderedActs = map[feed.OrderAct]Act{
	feed.OrderSuspend: "loan.lost", feed.OrderRevoke: "loan.lost", feed.OrderReturn: "loan.return",
}

// obey moves credential, loan and token to where the order puts them.
func (d *draft) obey(c Credential, t Token, told feed.SiteToken) {
	why := "by order of desk " + told.Order.Desk
	loan, has := Get[Loan](d.s, string(c.Loan))
	has = has && loan.Open()
	t.State, t.Note, t.Since, t.Elsewhere = TokenLost, "", d.now.At, elsewhereOf(told.Order)
	c.Reason, c.Since = why, d.now.At
	if told.State == feed.StateRevoked {
		c.State = CredentialRevoked
	} else {
		c.State = CredentialSuspended
	}
	d.put(c)
	switch {
	case !has:
	case told.State != feed.StateRevoked:
		loan.State, loan.EndReason = LoanSuspended, why
		d.put(loan)
	case told.Order.Act == feed.OrderReturn:
		d.closeLoan(loan, LoanReturned, why)
	default:
		if loan.Fee.Amount.Minor > 0 {
			loan.Fee.State = FeeDue
		}
		d.closeLoan(loan, LoanLost, why)
	}
	if told.Order.Act == feed.OrderReturn && told.State == feed.StateRevoked {
		t.State, t.Note = TokenAside, string(CodeReturnedElsewhere)
	}
	if t.ID != "" {
		d.put(t)
	}
}
