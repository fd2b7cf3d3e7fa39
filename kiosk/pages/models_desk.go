package pages

// LockedView is the locked desk: pick a name, type the PIN (do=unlock; officer, pin).
type LockedView struct {
	Frame
	Site, Desk, Clock string
	Officers          []OfficerPick
	Pad               Pad
	// Held counts visits that wait for their officer.
	Held int
	// Hours are the support hours, one line each: "mon-thu 09:00-13:00, 14:00-17:45".
	Hours []string
	// First: no officer exists yet; the page says how to add one.
	First bool
}

// ReadyView waits for a card. ReadyLive is its live region.
type ReadyView struct {
	Frame
	// Verifier: VerifierDown with VerifierSince (time of its last call), Behind (records it lacks).
	VerifierDown  bool
	VerifierSince string
	Behind        int64
	DirectoryDown bool
	// ClockUnset: not synchronised since the start, so no due date is made.
	ClockUnset bool
	ReaderDown bool
	// BackupFailed: the newest backup failed, or was never finished.
	BackupFailed bool
	// Stopped: the desk as a whole issues nothing, and the alert says why.
	Stopped bool
	Tokens  int
	// Counts behind the banners and links.
	Held, Parked, ParkedReady, Doubtful, Unfinished int
	// Requests: the site answers requests by mail; Waiting counts the messages.
	Requests bool
	Waiting  int
	// Tasks counts what the sign-in service did not take.
	Tasks int
	// LockedOut counts officers a supervisor can unlock.
	LockedOut int
	// Endings are certificates that end soon or have ended.
	Endings []EndingView
	// Plug is a plugged token that is on loan: its visit may be opened with one tap.
	Plug *PlugOffer
}

// PlugOffer is a loaned token on the bench.
type PlugOffer struct {
	// ID is sent as plug with do=open_plug; Name is what the token calls itself.
	ID, Serial, Name string
	// Desk is set when another desk lent it; Path is its page then.
	Desk, Path string
}

// NumberView is the typed card or person number (do=find; number).
type NumberView struct {
	Frame
	Pad Pad
	// Letters shows the full keyboard; Toggle is the address of the other one.
	Letters bool
	Toggle  string
}

// HeldView lists the visits waiting for this officer (do=resume or do=end; visit).
type HeldView struct {
	Frame
	Rows []HeldRow
}

// HeldRow is one held visit.
type HeldRow struct {
	Visit, Name string
	// Errand is a do value or "", Step a key ("check").
	Errand, Step string
	Until        string
	// Officer is set when it belongs to somebody else; it cannot be resumed then.
	Officer string
}

// ParkedListView lists the proven tokens that wait for the verifier (do=resume; visit).
type ParkedListView struct {
	Frame
	Rows []ParkedRow
}

// ParkedRow is one parked visit.
type ParkedRow struct {
	Visit, Name, Serial, Reference, Since string
	// State: "waiting", "ready" (registered, may be handed over) or "rejected".
	State string
}

// DoubtfulView lists the tokens nobody may rely on.
type DoubtfulView struct {
	Frame
	Rows []DoubtfulRow
}

// DoubtfulRow is one token in doubt. Why is in words; Todo is a key: rewrite, return, plug, verify.
// Path is the token's page.
type DoubtfulRow struct {
	Serial, Model, Name, Why, Since, Todo, Path string
}

// TokenSearchView asks for a serial (do=find; serial).
type TokenSearchView struct {
	Frame
	Pad Pad
}

// TokenStage is what can be done about a token now.
type TokenStage string

// The stages of a token's page.
const (
	// TokenStock: it waits in the drawer. TokenLent: somebody has it; do=open opens their visit.
	TokenStock TokenStage = "stock"
	TokenLent  TokenStage = "lent"
	// TokenBusy: a visit works with it, or keeps it.
	TokenBusy TokenStage = "busy"
	// TokenPlug: it is to be plugged in. TokenReady: it is; do=restock wipes it. TokenWiping: it is
	// being wiped.
	TokenPlug   TokenStage = "plug"
	TokenReady  TokenStage = "ready"
	TokenWiping TokenStage = "wiping"
)

// TokenView is one token. TokenLive is its live region.
type TokenView struct {
	Frame
	Serial, Model string
	// State is a key of the inventory's states, Since when it got there.
	State, Since string
	Stage        TokenStage
	// Why explains a doubt, Note is what an officer wrote about it.
	Why  *Problem
	Note string
	// Holder answers for it until Due.
	Holder, Due string
	// Reported is what another desk of the site ordered about it; nil when none did.
	Reported *Report
}

// DisplayView is the display settings (POST to PathDisplay: theme, text, back).
type DisplayView struct {
	Frame
}

// SimpleKind is a page that only says something.
type SimpleKind string

// The simple pages.
const (
	SimpleNotFound SimpleKind = "not_found"
	// SimpleError shows an event number and nothing else of an internal error.
	SimpleError  SimpleKind = "error"
	SimpleEnded  SimpleKind = "ended"
	SimpleAccess SimpleKind = "access"
	SimpleBye    SimpleKind = "bye"
	// SimpleDown: the disk failed, and the desk is about to start anew.
	SimpleDown SimpleKind = "down"
)

// SimpleView is a page with one sentence and one way out (to PathHome).
type SimpleView struct {
	Frame
	Kind SimpleKind
	// Event is the number an engineer finds in the log.
	Event string
}
