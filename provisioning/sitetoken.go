package provisioning

import (
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// SiteToken is a token that another desk of the site lent, as the verifier tells it. Of the person
// there is a tag, which says only whether somebody at hand is the same.
type SiteToken struct {
	ID         TokenID
	Credential CredentialID
	// Desk lent it.
	Desk DeskID
	// Holder is the tag.
	Holder string
	State  SiteState
	// Held: an operator suspended it, because its desk is not trusted any more.
	Held bool
	// Last is what was ordered about it last, from anywhere but its own desk.
	Last Elsewhere
}

// SiteState is where another desk's token is.
type SiteState string

// The states of another desk's token. One that is gone is in nobody's hands any more.
const (
	SiteActive    SiteState = "active"
	SiteSuspended SiteState = "suspended"
	SiteGone      SiteState = "gone"
)

// Elsewhere is what a desk of the site ordered about a token that another had lent.
type Elsewhere struct {
	// Order names it; empty when there was none.
	Order   string
	Act     feed.OrderAct
	Desk    DeskID
	Officer string
	At      time.Time
}

// The tables of what a desk knows of its site.
const (
	KindSiteToken Kind = "site.token"
	KindSiteHeard Kind = "site.heard"
	KindSiteOrder Kind = "site.order"
)

// ByHolder finds the tokens of a tag.
const ByHolder Index = "holder"

// Kind implements Row.
func (SiteToken) Kind() Kind { return KindSiteToken }

// Key implements Row.
func (t SiteToken) Key() string { return string(t.ID) }

// Subject implements Row: who it is about is not known here.
func (SiteToken) Subject() PersonID { return "" }

// Tags implements Row.
func (t SiteToken) Tags() []Tag {
	return []Tag{{BySerial, SerialOf(t.ID)}, {ByHolder, t.Holder}}
}

// Live implements Row.
func (t SiteToken) Live() bool { return t.State != SiteGone }

// SiteHeard is how far a desk's copy of its site's index is.
type SiteHeard struct {
	Index string
	Rev   int64
}

// Kind implements Row.
func (SiteHeard) Kind() Kind { return KindSiteHeard }

// Key implements Row: there is one.
func (SiteHeard) Key() string { return "site" }

// Subject implements Row.
func (SiteHeard) Subject() PersonID { return "" }

// Tags implements Row.
func (SiteHeard) Tags() []Tag { return nil }

// Live implements Row.
func (SiteHeard) Live() bool { return true }

// LentElsewhere finds a token that another desk has on loan.
func LentElsewhere(s Snapshot, id TokenID) (SiteToken, bool) {
	return Get[SiteToken](s, string(id))
}

// noLoanElsewhere: a person has one token, from whichever desk. The verifier enforces it; this only
// says so before a token is written. What an operator took out of use gives way.
func (d *decision) noLoanElsewhere() *Refusal {
	if d.o.Tag == "" {
		return nil
	}
	for t := range Find[SiteToken](d.s, ByHolder, d.o.Tag) {
		if !t.Held {
			return Refuse(CodeLoanElsewhere, "serial", SerialOf(t.ID), "desk", string(t.Desk))
		}
	}
	return nil
}

// hasElsewhere finds the token the person of the order has from another desk.
func (d *decision) hasElsewhere() TokenID {
	if d.o.Tag == "" {
		return ""
	}
	for t := range Find[SiteToken](d.s, ByHolder, d.o.Tag) {
		return t.ID
	}
	return ""
}

// HearSite takes a part of the site's index. It returns false when it does not go on from what the
// desk has, or brings nothing. What was ordered about this desk's own tokens is taken before, by
// HearOrder.
func HearSite(s Snapshot, now Now, index feed.SiteIndex) (Change, bool) {
	had, _ := Get[SiteHeard](s, SiteHeard{}.Key())
	same := index.Index == had.Index
	goesOn := same && index.After == had.Rev && index.Rev > had.Rev
	begun := index.After == 0 && same && index.Rev == had.Rev
	if begun || index.After != 0 && !goesOn {
		return Change{}, false
	}
	d := newDraft(s, now, ActorVerifier, "site.heard")
	if index.After == 0 {
		for old := range All[SiteToken](s) {
			old.State, old.Holder = SiteGone, ""
			d.put(old)
		}
	}
	for _, told := range index.Tokens {
		if row := siteTokenOf(told); row.Desk != now.Desk {
			d.put(row)
		} else if old, had := read[SiteToken](d, row.Key()); had {
			old.State, old.Holder = SiteGone, ""
			d.put(old)
		}
	}
	d.put(SiteHeard{Index: index.Index, Rev: index.Rev})
	return d.change(), true
}

func siteTokenOf(t feed.SiteToken) SiteToken {
	row := SiteToken{ID: TokenID(t.Vendor + "/" + t.Serial), Credential: CredentialID(t.Credential),
		Desk: DeskID(t.Desk), Holder: t.Tag, State: SiteActive, Held: t.Held,
		Last: elsewhereOf(t.Order)}
	switch t.State {
	case feed.StateSuspended:
		row.State = SiteSuspended
	case feed.StateRevoked:
		row.State, row.Holder = SiteGone, ""
	}
	return row
}

func elsewhereOf(o feed.SiteOrder) Elsewhere {
	return Elsewhere{Order: o.ID, Act: o.Act, Desk: DeskID(o.Desk), Officer: o.Officer, At: o.At}
}
