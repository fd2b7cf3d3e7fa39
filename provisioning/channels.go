package provisioning

import "time"

// Channel is a way to reach a person outside the counter.
type Channel string

// The channels.
const (
	ChannelMail Channel = "mail"
	ChannelSMS  Channel = "sms"
)

// AllChannels lists them, in the order they are tried in.
func AllChannels() []Channel { return []Channel{ChannelMail, ChannelSMS} }

// Channels is what this desk can send at present: the site's policy and the configuration of the box
// agree on it. There is one such row; without it nobody is told anything.
type Channels struct {
	Mail, SMS bool
	// Lang is what people read whose language the directory does not know.
	Lang string
	// Since is when it was last changed.
	Since time.Time
}

// Has reports whether a channel exists.
func (c Channels) Has(channel Channel) bool {
	switch channel {
	case ChannelMail:
		return c.Mail
	case ChannelSMS:
		return c.SMS
	}
	return false
}

// same compares what the row is about.
func (c Channels) same(other Channels) bool {
	return c.Mail == other.Mail && c.SMS == other.SMS && c.Lang == other.Lang
}

// KindChannels is the table of the one Channels row.
const KindChannels Kind = "channels"

// Kind implements Row.
func (Channels) Kind() Kind { return KindChannels }

// Key implements Row: there is one.
func (Channels) Key() string { return "channels" }

// Subject implements Row.
func (Channels) Subject() PersonID { return "" }

// Tags implements Row.
func (Channels) Tags() []Tag { return nil }

// Live implements Row.
func (Channels) Live() bool { return true }

// SetChannels puts on record what the desk can send from now on. What still waits for a channel that
// is gone becomes a dead letter: nobody would ever take it. It returns false when nothing changed.
func SetChannels(s Snapshot, now Now, c Channels) (Change, bool) {
	known, _ := Get[Channels](s, c.Key())
	if known.same(c) {
		return Change{}, false
	}
	d := newDraft(s, now, ActorDesk, "notice.channels")
	for _, channel := range AllChannels() {
		if c.Has(channel) {
			d.detail(string(channel), "on")
		}
	}
	for _, state := range []NoticeState{NoticeQueued, NoticeSending} {
		for n := range Find[Notice](s, ByState, string(state)) {
			if !c.Has(n.Channel) {
				n.State, n.Reason = NoticeDead, ReasonChannelOff
				d.put(n)
			}
		}
	}
	c.Since = now.At
	d.put(c)
	return d.change(), true
}

// contact is where a channel reaches a person; empty means nowhere.
func (c Channel) contact(p Person) string {
	if c == ChannelSMS {
		return p.Phone
	}
	return p.Mail
}

// Contact is where a notice goes: the contact registered for the person now.
func (n Notice) Contact(p Person) string { return n.Channel.contact(p) }
