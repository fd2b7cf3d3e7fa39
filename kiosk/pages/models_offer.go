package pages

// PathText is the text-only page of what the desk offers (S11).
const PathText = "/text"

// OfferView is everything a person may want to know before they come, as text alone: no style, no
// script and no picture, so that it reads the same everywhere.
type OfferView struct {
	Site, Desk string
	// Hours are the support hours, one line each (S8).
	Hours []string
	// Evidence are keys of the documents that are enough to borrow a token.
	Evidence []string
	// Reasons a token is lent for, as keys; Fee and Days are the terms of the loan.
	Reasons []string
	Phone   bool
	Fee     string
	Days    int
	// Passcodes are those given at the counter, with the situations that lead to each.
	Passcodes []OfferPasscode
	// Recovery are the terms of the passcode without an officer, nil where there is none. Mail says
	// whether a short one is given on a request by mail.
	Recovery *PasscodeTerms
	Mail     bool
	// Second advises to have this many devices; 0 or 1 is no advice.
	Second int
}

// OfferPasscode is one kind of passcode.
type OfferPasscode struct {
	Terms      PasscodeTerms
	Situations []string
	Second     bool
}
