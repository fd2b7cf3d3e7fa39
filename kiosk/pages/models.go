package pages

// Paths the frame itself links or posts to. All other addresses come from the view models.
const (
	// PathHome is Ready, or Locked without a session.
	PathHome = "/"
	// PathLock takes a POST that locks the desk and holds the open visit.
	PathLock = "/lock"
	// PathAlive takes a POST that says the officer is still there.
	PathAlive = "/alive"
	// PathDisplay shows the display settings (GET) and keeps them (POST theme, text, back).
	PathDisplay = "/display"
	// PathLanguage takes a POST that chooses the language of this screen (lang, back).
	PathLanguage = "/language"
	// PathNumber is the page where a card or person number is typed.
	PathNumber = "/number"
	// PathHeld, PathParked and PathDoubtful are the lists that Ready links to.
	PathHeld     = "/held"
	PathParked   = "/parked"
	PathDoubtful = "/doubtful"
	// PathTouch waits for an officer's token; PathKey makes one the officer's key.
	PathTouch = "/touch"
	PathKey   = "/key"
	// PathLockedOut lists, for a supervisor, the officers whose tries were used up.
	PathLockedOut = "/locked-out"
	// PathTokens finds a token by its serial; a token's own page is under it.
	PathTokens = "/tokens"
	// PathAssets serves Assets.
	PathAssets = "/assets/"
)

// Values of the buttons named "do", on whichever page shows them.
const (
	DoUnlock    = "unlock"    // pin, officer
	DoFind      = "find"      // number
	DoOpenPlug  = "open_plug" // Ready: the plugged token's loan; plug
	DoConfirm   = "confirm"   // match=yes, evidence; sent along with an errand's do
	DoMismatch  = "mismatch"  // "No, or not sure"
	DoRecord    = "record"    // Mismatch: record and end
	DoVouch     = "vouch"     // officer, pin: a supervisor's word
	DoLoan      = "loan"      // errand tiles, with match and evidence while unchecked
	DoReturn    = "return"    //
	DoLost      = "lost"      //
	DoVoid      = "void"      //
	DoDetail    = "detail"    //
	DoReinstate = "reinstate" //
	DoFee       = "fee"       //
	DoAsk       = "ask"       // with a reason
	DoTurn      = "turn"      // turn the screen to the person
	DoAgree     = "agree"     // the person, terms
	DoTakeBack  = "take_back" // the officer takes the screen back; pin
	DoLoanNow   = "loan_now"  // the same, and has the token written; pin, token
	DoWrite     = "write"     // overwrite=yes when the page said so; slot
	DoPark      = "park"      //
	DoAgain     = "again"     // try again with a new seed
	DoAnother   = "another"   // use another token
	DoAside     = "aside"     // set this token aside
	DoWipe      = "wipe"      // Return: wipe and return
	DoByHand    = "by_hand"   // Return: go to the typed serial
	DoDamaged   = "damaged"   // Return by hand: serial
	DoReport    = "report"    // Lost: report lost
	DoVoidNow   = "void_now"  // Void: reason
	DoPaid      = "paid"      // fee: reference
	DoWaive     = "waive"     // fee: reference is the reason
	DoReverse   = "reverse"   // fee: reference is the reason
	DoResume    = "resume"    // Held, Parked: visit
	DoRestock   = "restock"   // Token: wipe it and put it back in stock
	DoOpen      = "open"      // Token: open the visit of whoever has it
	DoCancel    = "cancel"    // touch: no longer wait for it
	DoLift      = "lift"      // LockedOut: officer
	DoEnrol     = "enrol"     // key: overwrite=yes when the page said so
	DoBack      = "back"      // back to the choices of this visit
	DoEnd       = "end"       // end this visit
	DoFinish    = "finish"    // Done: no slip
	DoPrint     = "print"     // Done: print the slip, then finish
)

// DoFor joins a do to what it is for: "loan:no_phone".
const DoFor = ":"

// KeyOnly is the k of a button that takes the screen back and does nothing else.
const KeyOnly = "only"

// Frame is what stands around the work on every page.
type Frame struct {
	// Lang is the language the page is in; see WithLang, which is what its words follow.
	Lang string
	// Theme is "light", "dark", "contrast" or "" for what the system prefers; Text is "" or "large".
	Theme, Text string
	// Officer is the name on the chip. Empty means nobody: no chip and no Lock button.
	Officer string
	// Post is where this page's forms go, Op the id of this rendering. Forms also send "do".
	Post, Op string
	// Here is the address of this page, for Display's way back.
	Here string
	// Live is the address of this page's event stream, on pages that have a live region. Fragments
	// carry the Op of the page, so that a repeated one is the same to the byte.
	Live string
	// Watch is the address of an event stream that only says where to go, on pages without a live
	// region: a token is pulled out, a card is tapped, the desk is unlocked elsewhere.
	Watch string
	// Back is the address of the previous page. StepBack shows a do=back button instead, and End a
	// do=end button.
	Back     string
	StepBack bool
	End      bool
	// For is the person the visit is for, on the bottom bar of pages without the person card.
	For string
	// Idle is when this page warns and ends; zero means never.
	Idle Idle
	// Printer: the desk has a printer of its own, the browser does not print.
	Printer bool
	// Alert is a refusal that belongs on this page; it is shown on top and takes the focus.
	Alert *Problem
}

// Idle mirrors the server's deadline. The server owns it.
type Idle struct {
	// Seconds until the end, Warn how many before it the dialog opens.
	Seconds, Warn int
	// End is where the page goes when the time is over.
	End string
	// Touch: it is the touch that is waited for no longer; the screen does not lock.
	Touch bool
	// Clear: what was typed is forgotten; there is no visit that could be kept.
	Clear bool
}

// Problem says what happened, what was and was not done, and what to do. Sentence makes them.
type Problem struct {
	Code                 string
	Happened, Done, Todo string
}

// Tone colours a chip or a note; colour never stands alone.
type Tone string

// The tones.
const (
	Plain Tone = ""
	OK    Tone = "ok"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
)

// Chip is a short fact with a colour.
type Chip struct {
	Tone Tone
	Text string
	// ID marks serials and references, so that zero and O differ.
	ID bool
}

// PersonCard is the left column of a visit.
type PersonCard struct {
	// Name in Latin script, Native in its own with its language ("zh-Hant").
	Name, Native, NativeLang string
	// Role is a catalogue key's last part ("student"); an unknown one is shown as it is.
	Role, Unit string
	// Number is grouped for reading; CardUntil is a date, CardExpired says it has passed.
	Number, CardUntil string
	CardExpired       bool
	// Portrait is an address on this desk; empty draws a silhouette and says there is none.
	Portrait string
	// Devices counts second factors in the directory; Advise is how many the site recommends (S27).
	Devices, Advise int
	// Loan is the open loan, nil when there is none.
	Loan *LoanFact
	// Passcodes are the kinds of those that are open: "short", "long", "recovery".
	Passcodes []string
}

// LoanFact is an open loan in one line.
type LoanFact struct {
	Serial string
	// Due is a date, empty when the clock was not set when it was lent. Late says it has passed.
	Due  string
	Late bool
	// Suspended says it was reported lost without a card; Unproven that the verdict is awaited.
	Suspended, Unproven bool
	// Reported is what another desk of the site ordered about it; nil when none did.
	Reported *Report
}

// Pad is a keypad under a PIN or number field. A press without scripts is posted as k=0..9, k=del,
// k=space or k=ok, along with the do of the form: only k=ok means it. With scripts only k=ok is
// posted, with the field filled. Press applies a key to kept text.
type Pad struct {
	// Pressed is how many PIN digits the server keeps already; the digits are never sent back.
	Pressed int
	// Value is what was typed so far into a field that is not secret.
	Value string
	// Max is how long the field may get.
	Max int
}

// OfficerPick is a name to sign in with.
type OfficerPick struct {
	ID, Name string
	Selected bool
	// Until is set while this officer's PIN is not taken, as a time of day.
	Until string
	// LockedOut: no PIN of this officer is taken until they are unlocked.
	LockedOut bool
	// Plugged: this officer's token is plugged in.
	Plugged bool
}

// Choice is one radio of a question. Label comes from the catalogue by Key when it is empty.
type Choice struct {
	Key, Label string
	Selected   bool
	// Lang is set where the label is in a language of its own.
	Lang string
	// Note is a short second line, for example what this evidence does not permit.
	Note string
}

// Act is a button of a page whose acts depend on the case. The catalogue has a label for every do.
type Act struct {
	Do string
	// Main fills the button; at most one act of a page has it.
	Main bool
}

// Press applies one keypad key to text: "del" drops the last character, "space" adds one, "ok" and
// unknown keys change nothing, and nothing grows beyond max.
func Press(text, key string, max int) string {
	runes := []rune(text)
	switch {
	case key == "del" && len(runes) > 0:
		return string(runes[:len(runes)-1])
	case key == "space":
		key = " "
	case len([]rune(key)) != 1:
		return text
	}
	if len(runes) >= max {
		return text
	}
	return text + key
}
