package pages

// IdentifyView is person, identity check and choice on one page. While Checked is false the errand
// tiles post match and evidence along with do, and "No" posts do=mismatch.
type IdentifyView struct {
	Frame
	Card PersonCard
	// Checked: the identity was confirmed already, by Evidence (a key) and perhaps Voucher's word.
	Checked           bool
	Evidence, Voucher string
	// Document are the kinds of evidence this site accepts, keys as in provisioning.Evidence.
	Documents []Choice
	Tiles     []Tile
}

// Tile is one errand. Title, icon and detail come from the catalogue by Do, or by Reason: then the
// tile posts both, joined by DoFor.
type Tile struct {
	Do string
	// Reason of a loan, a key of the site. Phone: pressing it also says that the phone was seen (S45).
	Reason string
	Phone  bool
	// Detail replaces the catalogue's second line, for example with the due date or the fee.
	Detail string
	// First is the likeliest errand: filled once the face is confirmed.
	First bool
	// Closed says why this errand is not possible now; the tile is then no button.
	Closed string
}

// MismatchView: the face does not match. Only do=record is left.
type MismatchView struct {
	Frame
	Card PersonCard
}

// VouchView asks a supervisor for their word and PIN (do=vouch; officer, pin).
type VouchView struct {
	Frame
	Card        PersonCard
	Supervisors []OfficerPick
	Pad         Pad
}

// AskView is what the loan asks of the officer, where it was chosen without a reason (do=ask and
// the reason).
type AskView struct {
	Frame
	Card    PersonCard
	Reasons []Tile
}

// PlugState is what the bench says while a token is awaited.
type PlugState string

// The states of the bench.
const (
	PlugNone        PlugState = "none"
	PlugIdentifying PlugState = "identifying"
	PlugFound       PlugState = "found"
	// PlugWrong: Why says what is wrong with it.
	PlugWrong PlugState = "wrong"
	PlugTwo   PlugState = "two"
	// PlugHeld: another program has it. PlugPermission: the system has not given it to us yet.
	PlugHeld       PlugState = "held"
	PlugPermission PlugState = "permission"
)

// PlugView waits for a token, for a loan or a return. PlugLive is its live region.
type PlugView struct {
	Frame
	State PlugState
	// Name is what the bus calls the token, Serial what it says itself.
	Name, Serial string
	// Why explains PlugWrong.
	Why *Problem
	// Return: the token of an open loan is awaited, Expect is its serial; do=by_hand is offered.
	Return bool
	Expect string
}

// CheckView shows what will happen before anything is written.
type CheckView struct {
	Frame
	Card                    PersonCard
	Serial, Model, Firmware string
	// Slot to be written; Slots, when more than one may be, are radios named slot.
	Slot  int
	Slots []Choice
	// Holds says what the slot holds: "", "ours" (an earlier credential of this desk) or "other".
	Holds string
	// Due is a date; NoDue says there is none because the clock is not set.
	Due   string
	NoDue bool
	Fee   string
	// Reason and Phone as answered; Terms is the version, AgreedAt when the person accepted it.
	Reason          string
	Terms, AgreedAt string
	// Ready: the person agreed, do=write is offered; otherwise do=turn is.
	Ready bool
}

// AgreeStage is how far the turned screen is.
type AgreeStage string

// The stages of the turned screen.
const (
	// AgreeRead: terms and do=agree.
	AgreeRead AgreeStage = "read"
	// AgreeThanks: agreed; the officer takes the screen back with the PIN, and with Write has the
	// token written in the same press (do=loan_now; pin, token). The other button only takes it back
	// (k=only).
	AgreeThanks AgreeStage = "thanks"
	// AgreeBack: not agreed, the officer takes the screen back with the PIN.
	AgreeBack AgreeStage = "back"
)

// AgreeView is the person's view on the turned screen. It has no officer's act.
type AgreeView struct {
	Frame
	Stage AgreeStage
	// Site is the university's name, Name the person's own.
	Site, Name       string
	Terms            string
	Serial, Due, Fee string
	NoDue            bool
	// Write offers to write at AgreeThanks; Slot is where, Token the id that was shown and agreed to.
	Write bool
	Slot  int
	Token string
	// Passcode is set at AgreeBack where it is a passcode the screen was turned for.
	Passcode PasscodeTurn
	// BackTo is the address of this page at AgreeBack, and Cancel at AgreeRead.
	BackTo, Cancel string
	Pad            Pad
}

// WriteStage is how far the journal is.
type WriteStage string

// The stages of writing.
const (
	WritePreparing WriteStage = "preparing"
	WriteWriting   WriteStage = "writing"
	WriteTouch     WriteStage = "touch"
	// WriteWrongTouch: a code came that this token should not have typed; touch again.
	WriteWrongTouch WriteStage = "wrong_touch"
	// WriteProven: the token's code was right, the verifier's answer is awaited.
	WriteProven WriteStage = "proven"
	// WriteSlow: as proven, and the answer takes long; do=park is offered.
	WriteSlow WriteStage = "slow"
)

// WriteView is write, touch and the verifier's verdict: four steps, live. WriteLive is its region.
type WriteView struct {
	Frame
	Stage  WriteStage
	Serial string
	// TouchBy is until when the touch is waited for, as a time of day; may be empty.
	TouchBy string
}

// ParkedView: proven and waiting for the verifier; the person may wait or come back.
type ParkedView struct {
	Frame
	Serial, Reference, Name, Since string
	Slip                           Slip
	SlipPath                       string
}

// DoneView is the goodbye of any errand. DoneLive is its live region.
type DoneView struct {
	Frame
	// Errand is DoLoan, DoReturn, DoLost, DoVoid, DoReinstate or DoFee.
	Errand            string
	Name              string
	Serial, Reference string
	// Due, NoDue and Fee as in CheckView; at DoFee, Fee is the amount and FeeState what became of it.
	Due      string
	NoDue    bool
	Fee      string
	FeeState string
	// Waiting: the verifier has not taken the order yet. For a loss that means it still works.
	Waiting bool
	// Suspended: reported without a card, so it can be lifted again.
	Suspended bool
	// ByHand: returned without being wiped. Others are other applications left unchecked.
	ByHand bool
	Others []string
	// AdviseSecond: the person has fewer devices than the site recommends (S27).
	AdviseSecond bool
	// HasSlip offers do=print beside do=finish; SlipPath is the slip as a page.
	HasSlip  bool
	Slip     Slip
	SlipPath string
}

// SlipView is the slip on a page of its own.
type SlipView struct {
	Frame
	Slip Slip
}

// Slip is the paper the person takes along: no name, no secret.
type Slip struct {
	// Lang is the language it is in; empty is that of the page.
	Lang              string
	Site, Desk        string
	Serial, Reference string
	Due, At, Fee      string
	// Hours are the support hours, one line each: "mon-thu 09:00-13:00, 14:00-17:45".
	Hours []string
	// Waiting: this is a pick-up slip, the token stays at the desk until it is registered.
	Waiting bool
}

// ProblemView: something went wrong in a visit.
type ProblemView struct {
	Frame
	// Card may be nil on a problem without a person.
	Card      *PersonCard
	Problem   Problem
	Facts     []Chip
	Reference string
	Acts      []Act
}

// ReturnView ends a loan by taking the token back.
type ReturnView struct {
	Frame
	Card   PersonCard
	Serial string
	// Stage: "ready" (the token of this loan is plugged: do=wipe), "wiping" (live) or "hand" (the
	// serial is typed: do=damaged). Waiting for the token is PlugView with Return.
	Stage string
	// Others are other applications of the key that a wipe does not touch.
	Others []string
	Pad    Pad
}

// LostView reports a token lost (do=report).
type LostView struct {
	Frame
	Card               PersonCard
	Serial, Since, Fee string
	// Suspend: the evidence shown is not enough to revoke, so it is suspended and can be lifted.
	Suspend bool
	// VerifierDown: the sign-in service will hear of it later.
	VerifierDown bool
}

// VoidView undoes a wrong hand-over (do=void_now; reason).
type VoidView struct {
	Frame
	Card       PersonCard
	Serial, At string
	// Reasons are keys: wrong_person, wrong_token, changed_mind.
	Reasons []Choice
}

// ReinstateView lifts a suspension with card and token present (do=reinstate).
type ReinstateView struct {
	Frame
	Card          PersonCard
	Serial, Since string
}

// FeeView settles a fee: do=paid, do=waive or do=reverse, each with reference.
type FeeView struct {
	Frame
	Card           PersonCard
	Serial, Amount string
	// State is a key: due, paid, waived, reversed.
	State, Reference string
	// Mode is which act is being filled in: "", DoPaid, DoWaive or DoReverse, linked as Here?mode=.
	Mode  string
	Modes []string
	Pad   Pad
}

// DetailView is one loan in full.
type DetailView struct {
	Frame
	Card                        PersonCard
	Serial, Model, Firmware     string
	Slot                        int
	State, Credential           string // keys of the catalogue
	Reason, Evidence            string // keys of the catalogue
	PhoneSeen                   bool
	Terms, At, Due, Officer     string
	NoDue                       bool
	Fee, FeeState, FeeReference string
	Acts                        []Act
}
