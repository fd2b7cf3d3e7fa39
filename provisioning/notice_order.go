package provisioning

type (
	// RetryNotice queues a dead letter again, at once and with all its tries.
	RetryNotice struct{ Notice NoticeID }
	// DropNotice takes a dead letter off the list, with the reason: the person was told by hand.
	DropNotice struct {
		Notice NoticeID
		Reason string
	}
)

func (RetryNotice) command() {}
func (DropNotice) command()  {}

// retryNotice keeps the count of tries that may have arrived: what follows still says so.
func (d *decision) retryNotice(c RetryNotice) *Refusal {
	n, no := d.deadNotice(c.Notice)
	if no != nil {
		return no
	}
	channels, _ := Get[NoticeChannels](d.s, NoticeChannels{}.Key())
	no = d.all(rule{"notice.channel", refuseUnless(channels.Has(n.Channel), CodeNoticeChannelOff,
		"channel", string(n.Channel))})
	if no != nil {
		return no
	}
	n.State, n.Tries, n.Unsure, n.Next = NoticeQueued, 0, min(n.Unsure, 1), d.now.At
	d.put(n)
	return nil
}

func (d *decision) dropNotice(c DropNotice) *Refusal {
	reason, no := d.text(c.Reason, true)
	if no != nil {
		return no
	}
	n, no := d.deadNotice(c.Notice)
	if no != nil {
		return no
	}
	n.State = NoticeDropped
	d.put(n)
	d.detail("reason", reason)
	return nil
}

func (d *decision) deadNotice(id NoticeID) (Notice, *Refusal) {
	n, known := Get[Notice](d.s, string(id))
	no := d.all(
		rule{"notice.known", refuseUnless(known, CodeNoticeUnknown)},
		d.notPerson(n.Person),
		rule{"notice.dead", refuseUnless(n.State == NoticeDead, CodeNoticeNotDead)},
	)
	if no == nil {
		d.entry.Person = n.Person
		d.detail("notice", string(n.ID))
		d.detail("about", string(n.About))
		d.detail("channel", string(n.Channel))
	}
	return n, no
}
