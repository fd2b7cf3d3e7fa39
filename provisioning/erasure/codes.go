package erasure

import "github.com/tokendesk/tokendesk/provisioning"

// What an erasure can be refused for. Nobody at the counter meets these: the operator's command has
// a sentence for each.
const (
	CodeUnknown provisioning.Code = "erase_unknown"
	CodeReason  provisioning.Code = "erase_reason"
	CodeOfficer provisioning.Code = "erase_officer"
	CodeVisit   provisioning.Code = "erase_visit"
	CodeLoan    provisioning.Code = "erase_loan"
	CodeFee     provisioning.Code = "erase_fee"
	// CodeToken: a token whose slot may still hold their seed.
	CodeToken    provisioning.Code = "erase_token"
	CodePasscode provisioning.Code = "erase_passcode"
	CodeNotice   provisioning.Code = "erase_notice"
	// CodeBehind: the verifier does not have everything that was published about them.
	CodeBehind provisioning.Code = "erase_behind"
	// CodeBusy: the desk was never still long enough.
	CodeBusy provisioning.Code = "erase_busy"
)

// Codes lists them.
func Codes() []provisioning.Code {
	return []provisioning.Code{CodeUnknown, CodeReason, CodeOfficer, CodeVisit, CodeLoan, CodeFee,
		CodeToken, CodePasscode, CodeNotice, CodeBehind, CodeBusy}
}

// sentences are what the operator reads, with the parameters of the refusal in braces.
var sentences = map[provisioning.Code]string{
	CodeUnknown: "this desk knows nobody with this id; nothing was erased",
	CodeReason: "an erasure needs a reason of at most 200 characters that does not name the person; " +
		"nothing was erased",
	CodeOfficer: "they are officer {officer}, who may work here; disable the officer first; " +
		"nothing was erased",
	CodeVisit: "they have a visit under way; end it first; nothing was erased",
	CodeLoan: "token {serial} is on loan to them; take it back, void the loan or report it lost " +
		"first; nothing was erased",
	CodeFee: "the fee for token {serial} is open; settle or waive it first; nothing was erased",
	CodeToken: "token {serial} may still hold what was written for them; write it anew or wipe it " +
		"first; nothing was erased",
	CodePasscode: "a {kind} passcode of theirs still works; revoke it first; nothing was erased",
	CodeNotice:   "a message to them is just being sent; try again in a minute; nothing was erased",
	CodeBehind: "the sign-in service does not have everything about them yet; try again when it is " +
		"connected; nothing was erased",
	CodeBusy: "the desk was never still for long enough; try again when less is going on; nothing " +
		"was erased",
}
