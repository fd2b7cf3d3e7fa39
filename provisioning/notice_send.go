package provisioning

import (
	"hash/fnv"
	"strconv"
	"time"
)

// Delivery is how one try ended.
type Delivery string

// The ends of a try.
const (
	// Delivered: the other side took the message.
	Delivered Delivery = "delivered"
	// NotDelivered: it certainly did not, and may later.
	NotDelivered Delivery = "not_delivered"
	// DeliveryRefused: it said that it never will.
	DeliveryRefused Delivery = "refused"
	// DeliveryUnknown: it may have, and the answer is lost.
	DeliveryUnknown Delivery = "unknown"
)

// How notices are retried: after a minute, then twice as long each time up to an hour. So many
// tries take about three days.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
	noticeTries  = 76
)

// RetryAfter is how long to wait after so many tries, with up to an eighth taken off by the id, so
// that what failed together is not retried together.
func RetryAfter(tries int, id NoticeID, longest time.Duration) time.Duration {
	wait := firstRetry
	for range min(tries-1, 16) {
		wait = min(2*wait, longest)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return wait - time.Duration(h.Sum32()%1024)*(wait/8)/1024
}

// Due reports whether a notice is to be sent now. One whose turn lies further ahead than any wait
// was queued under a clock that was wrong: it is due.
func (n Notice) Due(at time.Time) bool {
	ahead := n.Next.Sub(at)
	return n.State == NoticeQueued && (ahead <= 0 || ahead > longestRetry)
}

// SendNotice is the intent to send: durable before the network is touched.
func SendNotice(s Snapshot, now Now, id NoticeID) (Change, error) {
	n, ok := Get[Notice](s, string(id))
	if !ok || !n.Due(now.At) {
		return Change{}, ErrJournalOver
	}
	d := noticeDraft(s, now, "notice.send", n)
	d.entry.Outcome = OutcomeIntended
	n.State, n.Tries = NoticeSending, n.Tries+1
	d.put(n)
	return d.change(), nil
}

// NoticeTried is the outcome of a try: sent, queued again, or dead.
func NoticeTried(s Snapshot, now Now, id NoticeID, end Delivery, reason string) (Change, error) {
	n, ok := Get[Notice](s, string(id))
	if !ok || n.State != NoticeSending {
		return Change{}, ErrJournalOver
	}
	d := noticeDraft(s, now, "notice.sent", n)
	n.State, n.Reason = NoticeQueued, reason
	n.Next = now.At.Add(RetryAfter(n.Tries, n.ID, longestRetry))
	switch end {
	case Delivered:
		n.State, n.Reason = NoticeSent, ""
	case DeliveryRefused:
		n.State = NoticeDead
	case DeliveryUnknown:
		n.Unsure++
		if n.Unsure > 1 {
			n.State, n.Reason = NoticeDead, ReasonUnknown
		}
	}
	if n.State == NoticeQueued && n.Tries >= noticeTries {
		n.State = NoticeDead
	}
	if end != Delivered {
		d.entry.Act = "notice.failed"
		d.entry.Rule = "notice.failed"
		d.detail("end", string(end))
		d.detail("reason", n.Reason)
		d.detail("state", string(n.State))
	}
	d.put(n)
	return d.change(), nil
}

// RecoverNotice returns the next change for a notice that was being sent when the desk stopped, and
// false when there is none left. Nobody knows whether it arrived: it is sent once more and says so.
func RecoverNotice(s Snapshot, now Now) (Change, bool) {
	for n := range Find[Notice](s, ByState, string(NoticeSending)) {
		change, err := NoticeTried(s, now, n.ID, DeliveryUnknown, "interrupted")
		return change, err == nil
	}
	return Change{}, false
}

func noticeDraft(s Snapshot, now Now, act Act, n Notice) *draft {
	d := newDraft(s, now, ActorDesk, act)
	d.entry.Person = n.Person
	d.detail("notice", string(n.ID))
	d.detail("about", string(n.About))
	d.detail("channel", string(n.Channel))
	d.detail("try", strconv.Itoa(max(n.Tries, 1)))
	return d
}
