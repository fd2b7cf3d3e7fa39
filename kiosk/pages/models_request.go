package pages

// Paths of requests by mail (S53). A request's own pages are under PathRequests.
const (
	PathRequests = "/requests"
	// PathRequestForm is the form: its questions follow each other under it.
	PathRequestForm = PathRequests + "/form"
)

// Values of do on the pages of requests.
const (
	DoTake    = "take"     // Requests: work on a message; request
	DoTakeOff = "take_off" // Requests: it is no request; request
	DoType    = "type"     // Requests: fill the form in without a message
	DoAnswer  = "answer"   // the last question: compare, issue and send
)

// RequestsView is the queue of messages that came by mail (do=take, do=take_off, do=type).
type RequestsView struct {
	Frame
	Rows []RequestRow
	// Closed says why no passcode can be sent now; empty means that one can.
	Closed string
	// Box is whether the desk has a mailbox at all.
	Box bool
}

// RequestRow is one message as it says of itself. Nothing in it is proven.
type RequestRow struct {
	ID, From, Title, Text, At string
	// Cut: the message was longer.
	Cut bool
	// Officer works on it; Mine says whether that is whoever looks.
	Officer string
	Mine    bool
}

// RequestAsk is a question of the form.
type RequestAsk string

// The questions: the number, the first four characters of the identity card, the justification.
const (
	RequestNumber RequestAsk = "number"
	RequestHead   RequestAsk = "head"
	RequestWhy    RequestAsk = "why"
)

// RequestAskView asks one of them. At the last, a situation is picked with it and the act is named.
type RequestAskView struct {
	Frame
	Ask RequestAsk
	Pad Pad
	// Number is what was typed before; the four characters are never shown again.
	Number string
	// Message is what the person wrote, if there is a message.
	Message *RequestRow
	// Situations are the ones a mail may give as a reason.
	Situations  []Choice
	Step, Steps int
}

// RequestDoneView: the passcode is on its way to the registered contact.
type RequestDoneView struct {
	Frame
	Terms PasscodeTerms
	Until string
}
