package provisioning

import "time"

// NoticeChannel is a way to reach a person outside the counter.
type NoticeChannel string

// The channels.
const (
	NoticeByMail NoticeChannel = "mail"
	NoticeBySMS  NoticeChannel = "sms"
)

// AllNoticeChannels lists them, in the order they are tried in.
func AllNoticeChannels() []NoticeChannel { return []NoticeChannel{NoticeByMail, NoticeBySMS} }

// NoticeChannels is what this desk can send at present: the site's policy and the configuration of
// the box agree on it. There is one such row; without it nobody is told anything.
type NoticeChannels struct {
	Mail, SMS bool
	// Lang is what people read whose language the directory does not know.
	Lang string
	// Since is when it was last changed.
	Since time.Time
}

// Has reports whether a channel exists.
func (c NoticeChannels) Has(channel NoticeChannel) bool {
	switch channel {
	case NoticeByMail:
		return c.Mail
	case NoticeBySMS:
		return c.SMS
	}
	return false
}

// same compares what the row is about.
func (c NoticeChannels) same(other NoticeChannels) bool {
	return c.Mail == other.Mail && c.SMS == other.SMS && c.Lang == other.Lang
}

// KindNoticeChannels is the table of the one NoticeChannels row.
const KindNoticeChannels Kind = "notice_channels"

// Kind implements Row.
func (NoticeChannels) Kind() Kind { return KindNoticeChannels }

// Key implements Row: there is one.
func (NoticeChannels) Key() string { return "channels" }

// Subject implements Row.
func (NoticeChannels) Subject() PersonID { return "" }

// Tags implements Row.
func (NoticeChannels) Tags() []Tag { return nil }

// Live implements Row.
func (NoticeChannels) Live() bool { return true }

// SetNoticeChannels puts on record what the desk can send from now on. What still waits for a
// channel that is gone becomes a dead letter: nobody would ever take it. It returns false when
// nothing changed.
func SetNoticeChannels(s Snapshot, now Now, c NoticeChannels) (Change, bool) {
	known, _ := Get[NoticeChannels](s, c.Key())
	if known.same(c) {
		return Change{}, false
	}
	d := newDraft(s, now, ActorDesk, "notice.channels")
	for _, channel := range AllNoticeChannels() {
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
func (c NoticeChannel) contact(p Person) string {
	if c == NoticeBySMS {
		return p.Phone
	}
	return p.Mail
}

// Contact is where a notice goes: the contact registered for the person now.
func (n Notice) Contact(p Person) string { return n.Channel.contact(p) }
