package provisioning

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// RequestID is 16 bytes in hex.
type RequestID string

// RequestState is where a request by mail is.
type RequestState string

// The states of a request.
const (
	RequestWaiting RequestState = "waiting"
	RequestTaken   RequestState = "taken"
	RequestDone    RequestState = "done"
)

// Request is a message that came to the desk's mailbox (S53). It decides nothing: anybody can write
// anything into a message, its sender included. An officer reads it and fills in the form.
type Request struct {
	ID RequestID
	// From, Title and Text are what the message says of itself: plain text, cut to a bound.
	From, Title, Text string
	// Cut says that the message was longer, or held more than text.
	Cut bool
	// At is when the mail server received it.
	At    time.Time
	State RequestState
	// Officer works on it, once it is taken.
	Officer OfficerID
}

// KindRequest is the table of requests by mail.
const KindRequest Kind = "request"

// Kind implements Row.
func (Request) Kind() Kind { return KindRequest }

// Key implements Row.
func (r Request) Key() string { return string(r.ID) }

// Subject implements Row: who it is about is not known.
func (Request) Subject() PersonID { return "" }

// Tags implements Row.
func (r Request) Tags() []Tag { return []Tag{{ByState, string(r.State)}} }

// Live implements Row.
func (r Request) Live() bool { return r.State != RequestDone }

// Mailbox remembers which messages were taken, so that each is taken once.
type Mailbox struct {
	// Name is the server and folder.
	Name string
	// Taken are the marks of what was taken, newest last, one after the other: see Message.marks.
	Taken string
}

// KindMailbox is the table of mailboxes.
const KindMailbox Kind = "mailbox"

// Kind implements Row.
func (Mailbox) Kind() Kind { return KindMailbox }

// Key implements Row.
func (m Mailbox) Key() string { return m.Name }

// Subject implements Row.
func (Mailbox) Subject() PersonID { return "" }

// Tags implements Row.
func (Mailbox) Tags() []Tag { return nil }

// Live implements Row.
func (Mailbox) Live() bool { return true }

// The bounds of the queue. What is beyond stays unread in the mailbox, which is a queue of its own.
const (
	takenKept   = 2000 * markLen
	markLen     = 16
	MaxRequests = 200
)

// Message is what a mailbox hands over: where it lies and what it says.
type Message struct {
	// Mailbox is the server and folder; Place is where in it the message lies, for as long as the
	// server keeps its promise (UIDVALIDITY and UID).
	Mailbox, Place string
	// MessageID is the message's own name, as its sender gave it; it may be empty.
	MessageID         string
	From, Title, Text string
	Cut               bool
	At                time.Time
}

// marks are the hashes it is remembered by: its place, and its name with its sender, which stay
// when the server gives the folder new places.
func (m Message) marks() []string {
	marks := []string{mark("place", m.Mailbox, m.Place)}
	if m.MessageID != "" {
		marks = append(marks, mark("name", m.MessageID, m.From))
	}
	return marks
}

func mark(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:markLen/2])
}

// KnowsPlace reports whether the message at a place was taken before, without looking at it.
func (m Mailbox) KnowsPlace(place string) bool {
	return m.knows(mark("place", m.Name, place))
}

func (m Mailbox) knows(mark string) bool {
	for taken := range slices.Chunk([]byte(m.Taken), markLen) {
		if string(taken) == mark {
			return true
		}
	}
	return false
}

// TakeMessage puts a message into the queue, once. It returns false when it was taken before, or
// the queue is full: then it is not to be marked as read.
func TakeMessage(s Snapshot, now Now, m Message) (change Change, fresh, full bool) {
	box, _ := Get[Mailbox](s, m.Mailbox)
	marks := m.marks()
	for _, known := range marks {
		if box.knows(known) {
			return Change{}, false, false
		}
	}
	waiting := 0
	for range All[Request](s) {
		waiting++
	}
	if waiting >= MaxRequests {
		return Change{}, false, true
	}
	d := newDraft(s, now, ActorDesk, "request.received")
	r := Request{ID: RequestID(d.id("request", marks[0])), From: m.From, Title: m.Title, Text: m.Text,
		Cut: m.Cut, At: m.At, State: RequestWaiting}
	d.put(r)
	taken := box.Taken + strings.Join(marks, "")
	d.put(Mailbox{Name: m.Mailbox, Taken: taken[max(0, len(taken)-takenKept):]})
	d.detail("request", string(r.ID))
	return d.change(), true, false
}

// Requests lists the queue, oldest first.
func Requests(s Snapshot) []Request {
	list := slices.Collect(All[Request](s))
	slices.SortStableFunc(list, func(a, b Request) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return list
}

type (
	// TakeRequest says that the officer works on a request; Over takes it over from another.
	TakeRequest struct {
		Request RequestID
		Over    bool
	}
	// CloseRequest ends a request, with what became of it.
	CloseRequest struct {
		Request RequestID
		Note    string
	}
)

func (TakeRequest) command()  {}
func (CloseRequest) command() {}

func (d *decision) takeRequest(c TakeRequest) *Refusal {
	r, known := Get[Request](d.s, string(c.Request))
	free := r.State == RequestWaiting || r.Officer == d.o.By || c.Over
	no := d.all(
		rule{"request.known", refuseUnless(known, CodeRequestUnknown)},
		rule{"request.free", refuseUnless(free, CodeRequestTaken, "officer", string(r.Officer))},
	)
	if no != nil {
		return no
	}
	r.State, r.Officer = RequestTaken, d.o.By
	d.put(r)
	d.detail("request", string(r.ID))
	return nil
}

// closeRequest keeps of the message only that it was there: the text belongs to nobody's key.
func (d *decision) closeRequest(c CloseRequest) *Refusal {
	note, no := d.text(c.Note, true)
	if no != nil {
		return no
	}
	r, known := Get[Request](d.s, string(c.Request))
	mine := r.State == RequestTaken && r.Officer == d.o.By
	no = d.all(
		rule{"request.known", refuseUnless(known, CodeRequestUnknown)},
		rule{"request.mine", refuseUnless(mine || r.State == RequestWaiting, CodeRequestTaken,
			"officer", string(r.Officer))},
	)
	if no != nil {
		return no
	}
	d.put(Request{ID: r.ID, At: r.At, State: RequestDone, Officer: d.o.By})
	d.detail("request", string(r.ID))
	d.detail("note", note)
	return nil
}
