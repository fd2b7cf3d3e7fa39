package printer

import "github.com/tokendesk/tokendesk/provisioning/secret"

// Slip is what one paper says, in the words of the person's language. Every field but Title may be
// empty. The order on the paper is the order here.
type Slip struct {
	// Site and Desk are the head: the university's name and the helpdesk's.
	Site, Desk string
	// Title says what the paper is.
	Title string
	// Lead is one sentence under the title.
	Lead string
	// Codes are printed large, in groups of three.
	Codes []secret.Passcode
	// Lines are the facts.
	Lines []Line
	// Text are paragraphs: what to do, what the terms say.
	Text []string
	// Hours is a small table, under HoursTitle.
	HoursTitle string
	Hours      []string
	// Note is the foot.
	Note string
}

// Line is one fact. A Big one is read out over the counter: a serial number, a reference.
type Line struct {
	Label, Value string
	Big          bool
}
