package provisioning

// Refusals of the rules, in the order a visit meets them. Params are named where there are any.
const (
	// CodeOpMissing: the form carried no op id.
	CodeOpMissing Code = "op_missing"
	// CodeOfficerUnknown: nobody of this name works here.
	CodeOfficerUnknown Code = "officer_unknown"
	// CodeOfficerDisabled: the officer may not work here any more.
	CodeOfficerDisabled Code = "officer_disabled"
	// CodeOfficerIsPerson: an officer is never the person of their own visit.
	CodeOfficerIsPerson Code = "officer_is_person"
	// CodeVisitUnknown: there is no such visit, or it has ended.
	CodeVisitUnknown Code = "visit_unknown"
	// CodeVisitOver: the visit has ended. The rules see no ended visit; a screen that remembers one
	// says it.
	CodeVisitOver Code = "visit_over"
	// CodeVisitOpen: another person is at the counter; param visit.
	CodeVisitOpen Code = "visit_open"
	// CodeVisitHeld: the visit is held or parked; it has to be resumed first.
	CodeVisitHeld Code = "visit_held"
	// CodeVisitOther: the visit belongs to another officer; param officer.
	CodeVisitOther Code = "visit_other_officer"
	// CodeWrongStep: the visit has moved on since the form was shown.
	CodeWrongStep Code = "wrong_step"
	// CodeTurned: the screen faces the person; only they may act, or the officer with a PIN.
	CodeTurned Code = "turned"
	// CodeNotTurned: only the person accepts the terms, on the turned screen.
	CodeNotTurned Code = "not_turned"

	// CodeDirectoryDown: people cannot be looked up, so nothing is issued.
	CodeDirectoryDown Code = "directory_down"
	// CodePersonUnnamed: the directory gave a person without a number.
	CodePersonUnnamed Code = "person_unnamed"
	// CodeEvidenceNotAccepted: the site does not take this kind of evidence.
	CodeEvidenceNotAccepted Code = "evidence_not_accepted"
	// CodeEvidenceNotEnough: the evidence is accepted, but not for this errand.
	CodeEvidenceNotEnough Code = "evidence_not_enough"
	// CodeCardExpired: the university card has expired; param until, a date.
	CodeCardExpired Code = "card_expired"
	// CodeCardReplaced: a newer card of the same person exists.
	CodeCardReplaced Code = "card_replaced"
	// CodeSupervisorMissing: a supervisor's word was claimed and nobody named.
	CodeSupervisorMissing Code = "supervisor_missing"
	// CodeSupervisorNot: the one named is no supervisor, or may not work here any more.
	CodeSupervisorNot Code = "supervisor_not"
	// CodeSupervisorSame: the acting officer vouched for their own visit.
	CodeSupervisorSame Code = "supervisor_same"
	// CodeSupervisorIsPerson: the supervisor is the person at the counter.
	CodeSupervisorIsPerson Code = "supervisor_is_person"

	// CodeErrandUnknown: no such errand.
	CodeErrandUnknown Code = "errand_unknown"
	// CodeRoleNotEligible: the site lends nothing to people of this role; param role.
	CodeRoleNotEligible Code = "role_not_eligible"
	// CodeLoanOpen: the person has a token already; params serial and, if there is one, due.
	CodeLoanOpen Code = "loan_open"
	// CodeLoanSuspended: the person's token was reported lost without a card. It is reinstated, or
	// reported lost with a card, before another is lent; param serial.
	CodeLoanSuspended Code = "loan_suspended"
	// CodeLoanPending: another token of the person waits for the verifier; param serial.
	CodeLoanPending Code = "loan_pending"
	// CodeLoanNone: the person has no token to return, lose or void.
	CodeLoanNone Code = "loan_none"
	// CodeLoanUnknown: there is no such loan, or it is closed and settled.
	CodeLoanUnknown Code = "loan_unknown"
	// CodeLoanNotOpen: the loan has ended; param state.
	CodeLoanNotOpen Code = "loan_not_open"
	// CodeLoanNotSuspended: only a loan reported lost without a card can be reinstated; param state.
	CodeLoanNotSuspended Code = "loan_not_suspended"
	// CodeReasonMissing: nobody said why the person cannot use the app.
	CodeReasonMissing Code = "reason_missing"
	// CodeReasonUnknown: the site does not lend for this reason.
	CodeReasonUnknown Code = "reason_unknown"
	// CodePhoneNotSeen: the site asks the officer to see the phone.
	CodePhoneNotSeen Code = "phone_not_seen"
	// CodeTermsMissing: the person has not accepted the terms.
	CodeTermsMissing Code = "terms_missing"
	// CodeTermsChanged: the terms accepted are not the current ones; param current.
	CodeTermsChanged Code = "terms_changed"

	// CodeTokenAbsent: the token is not plugged in.
	CodeTokenAbsent Code = "token_absent"
	// CodeTokenOther: another token than expected is plugged in; params serial, expected.
	CodeTokenOther Code = "token_other"
	// CodeTokenNoSerial: the token does not tell its serial; it cannot be lent.
	CodeTokenNoSerial Code = "token_no_serial"
	// CodeTokenLoaned: the token is on loan; params serial and, if there is one, due.
	CodeTokenLoaned Code = "token_loaned"
	// CodeTokenLost: the token was reported lost; param serial.
	CodeTokenLost Code = "token_lost"
	// CodeTokenAside: the token was set aside; params serial, note.
	CodeTokenAside Code = "token_aside"
	// CodeTokenDamaged: the token was marked damaged; param serial.
	CodeTokenDamaged Code = "token_damaged"
	// CodeTokenBusy: the desk works with the token, or keeps it for a parked visit; param serial.
	CodeTokenBusy Code = "token_busy"
	// CodeTokenHeld: another program holds the token.
	CodeTokenHeld Code = "token_held"
	// CodeTokenSilent: the token does not answer.
	CodeTokenSilent Code = "token_silent"
	// CodeTokenMany: more than one token is plugged in; leave just one.
	CodeTokenMany Code = "token_many"
	// CodeTokenNotOTP: what is plugged in cannot make sign-in codes.
	CodeTokenNotOTP Code = "not_otp"
	// CodeTokenNoPermission: the system has not yet given the token to the desk.
	CodeTokenNoPermission Code = "no_permission"
	// CodeTokenLeftAlone: the desk was told not to use this token; it is listed and not opened.
	CodeTokenLeftAlone Code = "token_left_alone"
	// CodeTokenUnsteady: the token told one serial and then another; it cannot be used.
	CodeTokenUnsteady Code = "token_unsteady"
	// CodeTokenUnknown: the desk has never seen a token of this number.
	CodeTokenUnknown Code = "token_unknown"
	// CodeSlotMissing: the token has no such slot; param slot.
	CodeSlotMissing Code = "slot_missing"
	// CodeSlotInUse: the slot holds something this desk did not write; it must be confirmed that it
	// may be erased. Param slot.
	CodeSlotInUse Code = "slot_in_use"
	// CodeDigitsUnsupported: the token cannot type as many digits as the site wants; param digits.
	CodeDigitsUnsupported Code = "digits_unsupported"

	// CodeTextMissing: a reason, note or reference is needed.
	CodeTextMissing Code = "text_missing"
	// CodeTextTooLong: a reason, note or reference is too long; param max.
	CodeTextTooLong Code = "text_too_long"
	// CodeSerialMismatch: the typed serial is not the one on loan; param serial.
	CodeSerialMismatch Code = "serial_mismatch"
	// CodeVoidTooLate: the hand-over is too long ago to be undone; it is a return or a loss.
	CodeVoidTooLate Code = "void_too_late"
	// CodeFeeNone: the loan has no fee.
	CodeFeeNone Code = "fee_none"
	// CodeFeeStep: a fee cannot go from where it is to where it was sent; params from, to.
	CodeFeeStep Code = "fee_step"

	// CodeSituationUnknown: the site gives no passcode for this situation.
	CodeSituationUnknown Code = "situation_unknown"
	// CodeSecondMissing: the passcode needs a second officer's own token, and there was none.
	CodeSecondMissing Code = "second_missing"
	// CodeSecondLate: the second officer approved it too long ago.
	CodeSecondLate Code = "second_late"
	// CodeSecondNot: the second officer is not known here, or may not work here any more.
	CodeSecondNot Code = "second_not"
	// CodeSecondSame: the second officer is the one who issues it, or who opened the visit.
	CodeSecondSame Code = "second_same"
	// CodeSecondIsPerson: the second officer is the person at the counter.
	CodeSecondIsPerson Code = "second_is_person"
	// CodePasscodesOfPerson: the person was given as many as one day allows; param max.
	CodePasscodesOfPerson Code = "passcodes_of_person"
	// CodePasscodesOfOfficer: the officer issued as many as one day allows; param max.
	CodePasscodesOfOfficer Code = "passcodes_of_officer"
	// CodePasscodesOfDesk: the desk issued as many as one day allows; param max.
	CodePasscodesOfDesk Code = "passcodes_of_desk"
	// CodePasscodeUnknown: the person has no such passcode, or it has ended.
	CodePasscodeUnknown Code = "passcode_unknown"
	// CodePasscodeWaiting: the verifier has not taken the passcode yet; nobody is shown it before.
	CodePasscodeWaiting Code = "passcode_waiting"
	// CodePasscodeHidden: the passcode is not on the screen now.
	CodePasscodeHidden Code = "passcode_hidden"
	// CodePasscodeNotSeen: the person has not seen the passcode yet.
	CodePasscodeNotSeen Code = "passcode_not_seen"
	// CodeVerifierAway: the verifier is not there, so a passcode could not be taken by it.
	CodeVerifierAway Code = "verifier_away"
	// CodeRecoveryNo: something does not match, or there were too many tries. Nobody is told which.
	CodeRecoveryNo Code = "recovery_no"
	// CodeRecoveryClosed: the site gives no recovery passcodes.
	CodeRecoveryClosed Code = "recovery_closed"
	// CodeRequestNoMatch: the number and the four characters do not belong together. Param left.
	CodeRequestNoMatch Code = "request_no_match"
	// CodeRequestMisses: they did not match too often today.
	CodeRequestMisses Code = "request_misses"
	// CodeRequestShort: by mail only the short passcode is given.
	CodeRequestShort Code = "request_short_only"
	// CodeRequestContact: the person has no registered contact to send it to.
	CodeRequestContact Code = "request_no_contact"
	// CodeRequestClosed: the site takes no requests by mail.
	CodeRequestClosed Code = "request_closed"
	// CodeCountUnlikely: no drawer holds so many tokens.
	CodeCountUnlikely Code = "count_unlikely"
	// CodeNotDelivered: the message did not leave; the passcode was revoked.
	CodeNotDelivered Code = "request_not_delivered"
	// CodePostedBefore: the form was posted before and makes no second passcode.
	CodePostedBefore Code = "request_posted_before"
)

// Problems of a visit at StepProblem: what went wrong once hardware was involved. Each sentence
// says what was and what was not done.
const (
	// CodePulledBeforeWrite: pulled out, or gone, before anything was written. The slot is as it
	// was; what the desk had written there earlier is revoked all the same.
	CodePulledBeforeWrite Code = "pulled_before_write"
	// CodeWriteRefused: the token refused the write; nothing was written.
	CodeWriteRefused Code = "write_refused"
	// CodeSlotProtected: the slot is guarded by an access code the desk does not have; nothing was
	// written.
	CodeSlotProtected Code = "slot_protected"
	// CodePulledWriting: pulled out while it may have been writing. It works nowhere.
	CodePulledWriting Code = "pulled_writing"
	// CodeWriteUnknown: nobody can know whether the slot was written. It works nowhere.
	CodeWriteUnknown Code = "write_unknown"
	// CodeNoTouch: written, and nobody touched it in time. It works nowhere.
	CodeNoTouch Code = "no_touch"
	// CodePulledTouch: written, and pulled out before it was touched. It works nowhere.
	CodePulledTouch Code = "pulled_touch"
	// CodeTouchUnread: written, and what it typed could not be read. It works nowhere.
	CodeTouchUnread Code = "touch_unread"
	// CodeOTPUnknown: written, and it typed something else, three times over. It works nowhere.
	// While the touch is still awaited it is a notice; param tries.
	CodeOTPUnknown Code = "otp_unknown"
	// CodeInterrupted: the desk stopped in the middle. The token works nowhere.
	CodeInterrupted Code = "interrupted"
	// CodeAbandoned: the visit ended, or was dropped, in the middle. The token works nowhere. It is
	// why a token is in doubt and never a visit's problem.
	CodeAbandoned Code = "abandoned"
	// CodeLoanVoided: the hand-over was undone, and the token has not been seen since. It works
	// nowhere. It is why a token is in doubt and never a visit's problem.
	CodeLoanVoided Code = "loan_voided"
	// CodeVerdictOffBy: the verifier found the code, and not where it should have been.
	CodeVerdictOffBy Code = "verdict_off_by"
	// CodeVerdictNoMatch: the verifier says that seed and code do not belong together.
	CodeVerdictNoMatch Code = "verdict_no_match"
	// CodeVerdictUnreadable: the verifier could not open what the desk sent.
	CodeVerdictUnreadable Code = "verdict_unreadable"
	// CodeVerdictRefused: the verifier does not let this desk do this.
	CodeVerdictRefused Code = "verdict_refused"
	// CodePulledBeforeWipe: pulled out before the wipe. It is revoked, not wiped, the loan is open.
	CodePulledBeforeWipe Code = "pulled_before_wipe"
	// CodeWipeRefused: the token refused the wipe. It is revoked, not wiped, the loan is open.
	CodeWipeRefused Code = "wipe_refused"
	// CodeWipeProtected: the slot's access code is not the desk's. It is revoked, not wiped, the
	// loan is open.
	CodeWipeProtected Code = "wipe_protected"
	// CodePulledWiping: pulled out while it may have been wiping. It is revoked, the loan is open.
	CodePulledWiping Code = "pulled_wiping"
	// CodeWipeUnknown: nobody can know whether it was wiped. It is revoked, the loan is open.
	CodeWipeUnknown Code = "wipe_unknown"
	// CodePasscodeGone: the desk does not hold the digits any more: it stopped meanwhile, or too much
	// time passed. What nobody saw is revoked; another is issued in one tap.
	CodePasscodeGone Code = "passcode_gone"
	// CodePasscodeRefused: the verifier did not take the passcode. It works nowhere.
	CodePasscodeRefused Code = "passcode_refused"
	// CodePasscodeUnanswered: the verifier said nothing about the passcode in time. It is revoked.
	CodePasscodeUnanswered Code = "passcode_unanswered"
)

// Refusals of the rules about officers' tokens.
const (
	// CodeTouchMissing: the officer's own token was not touched for this.
	CodeTouchMissing Code = "touch_missing"
)

// Refusals about notices and requests by mail.
const (
	// CodeNoticeUnknown: there is no such notice any more.
	CodeNoticeUnknown Code = "notice_unknown"
	// CodeNoticeNotDead: only a notice the desk gave up is retried or dropped.
	CodeNoticeNotDead Code = "notice_not_dead"
	// CodeNoticeChannelOff: the desk can no longer send on this channel; param channel.
	CodeNoticeChannelOff Code = "notice_channel_off"
	// CodeRequestUnknown: there is no such request, or it is done.
	CodeRequestUnknown Code = "request_unknown"
	// CodeRequestTaken: another officer works on the request; param officer.
	CodeRequestTaken Code = "request_taken"

	// CodeDeskRestored: this desk was restored elsewhere and must not be used; param detail.
	CodeDeskRestored Code = "desk_restored"
	// CodeDeskCopied: the verifier saw another history of this desk than its own; param detail.
	CodeDeskCopied Code = "desk_copied"
	// CodeDeskWaiting: this desk came out of a backup, and the verifier has not accepted it yet.
	CodeDeskWaiting Code = "desk_waiting"
	// CodeTokenRestored: the token was written or moved after the backup the desk was restored from.
	CodeTokenRestored Code = "token_restored"
)

// Refusals and problems that have to do with the other desks of the site, and with what the
// verifier lets this one do.
const (
	// CodeTokenElsewhere: another desk lent the token; params serial, desk.
	CodeTokenElsewhere Code = "token_elsewhere"
	// CodeLoanElsewhere: the person has a token from another desk; params serial, desk.
	CodeLoanElsewhere Code = "loan_elsewhere"
	// CodeElsewhereUnknown: no other desk has such a token on loan now.
	CodeElsewhereUnknown Code = "elsewhere_unknown"
	// CodeElsewhereWaiting: this desk has ordered something about the token, and waits; param serial.
	CodeElsewhereWaiting Code = "elsewhere_waiting"
	// CodeElsewhereSuspended: the token is suspended already; param serial.
	CodeElsewhereSuspended Code = "elsewhere_suspended"
	// CodeReturnedHere: another desk's token was taken back here. It is why it is listed, until it is
	// wiped.
	CodeReturnedHere Code = "returned_here"
	// CodeReturnedElsewhere: another desk took it back, and has it. It is why a token is aside.
	CodeReturnedElsewhere Code = "returned_elsewhere"
	// CodeTaskUnknown: there is no such task, or it is done.
	CodeTaskUnknown Code = "task_unknown"
	// CodeVerdictLent: the verifier says that the person has a token already; params serial, desk.
	CodeVerdictLent Code = "verdict_lent"
	// CodeVerdictTaken: the verifier says that the token is somebody else's; params serial, desk.
	CodeVerdictTaken Code = "verdict_taken"
	// CodeVerdictExcluded: this desk may not give a token to this person; param serial.
	CodeVerdictExcluded Code = "verdict_excluded"
	// CodeVerdictRevoked: the verifier takes nothing from this desk any more; param serial.
	CodeVerdictRevoked Code = "verdict_desk_revoked"
	// CodeVerdictTooMany: this desk issued as many as an hour allows; param serial.
	CodeVerdictTooMany Code = "verdict_too_many"
	// CodePasscodeExcluded, CodePasscodeRevoked and CodePasscodeTooMany say the same of a passcode.
	CodePasscodeExcluded Code = "passcode_excluded"
	CodePasscodeRevoked  Code = "passcode_desk_revoked"
	CodePasscodeTooMany  Code = "passcode_too_many"
	// CodeOrderRefused: the verifier did not take what this desk ordered about another desk's token.
	CodeOrderRefused Code = "order_refused"
	// CodeOrderRevoked: the verifier takes no order of this desk any more.
	CodeOrderRevoked Code = "order_desk_revoked"
)

// Codes lists every code of this package. The kiosk's catalogue has a sentence for each.
func Codes() []Code {
	return []Code{
		CodeOpMissing, CodeOfficerUnknown, CodeOfficerDisabled, CodeOfficerIsPerson,
		CodeVisitUnknown, CodeVisitOver, CodeVisitOpen, CodeVisitHeld, CodeVisitOther,
		CodeWrongStep, CodeTurned, CodeNotTurned, CodeDirectoryDown, CodePersonUnnamed,
		CodeEvidenceNotAccepted, CodeEvidenceNotEnough, CodeCardExpired, CodeCardReplaced,
		CodeSupervisorMissing, CodeSupervisorNot, CodeSupervisorSame, CodeSupervisorIsPerson,
		CodeErrandUnknown, CodeRoleNotEligible, CodeLoanOpen, CodeLoanSuspended, CodeLoanPending,
		CodeLoanNone, CodeLoanUnknown, CodeLoanNotOpen, CodeLoanNotSuspended, CodeReasonMissing,
		CodeReasonUnknown, CodePhoneNotSeen, CodeTermsMissing, CodeTermsChanged,
		CodeTokenAbsent, CodeTokenOther, CodeTokenNoSerial, CodeTokenLoaned, CodeTokenLost,
		CodeTokenAside, CodeTokenDamaged, CodeTokenBusy, CodeTokenHeld, CodeTokenSilent,
		CodeTokenMany, CodeTokenNotOTP, CodeTokenNoPermission, CodeTokenLeftAlone, CodeTokenUnknown,
		CodeTokenUnsteady,
		CodeSlotMissing,
		CodeSlotInUse, CodeDigitsUnsupported, CodeTextMissing, CodeTextTooLong, CodeSerialMismatch,
		CodeVoidTooLate, CodeFeeNone, CodeFeeStep,
		CodeSituationUnknown, CodeSecondMissing, CodeSecondLate, CodeSecondNot, CodeSecondSame,
		CodeSecondIsPerson, CodePasscodesOfPerson, CodePasscodesOfOfficer, CodePasscodesOfDesk,
		CodePasscodeUnknown, CodePasscodeWaiting, CodePasscodeHidden, CodePasscodeNotSeen,
		CodeVerifierAway,
		CodePasscodeGone, CodePasscodeRefused, CodePasscodeUnanswered,
		CodeRecoveryNo, CodeRecoveryClosed, CodeRequestNoMatch, CodeRequestMisses, CodeRequestShort,
		CodeRequestContact, CodeRequestClosed, CodeNotDelivered, CodePostedBefore,
		CodeCountUnlikely,
		CodePulledBeforeWrite, CodeWriteRefused, CodeSlotProtected, CodePulledWriting,
		CodeWriteUnknown, CodeNoTouch, CodePulledTouch, CodeTouchUnread, CodeOTPUnknown,
		CodeInterrupted, CodeAbandoned, CodeLoanVoided, CodeVerdictOffBy, CodeVerdictNoMatch,
		CodeVerdictUnreadable, CodeVerdictRefused, CodePulledBeforeWipe, CodeWipeRefused,
		CodeWipeProtected,
		CodePulledWiping, CodeWipeUnknown,
		CodeTouchMissing,
		CodeNoticeUnknown, CodeNoticeNotDead, CodeNoticeChannelOff, CodeRequestUnknown,
		CodeRequestTaken,
		CodeDeskRestored, CodeDeskCopied, CodeDeskWaiting, CodeTokenRestored,
		CodeTokenElsewhere, CodeLoanElsewhere, CodeElsewhereUnknown, CodeElsewhereWaiting,
		CodeElsewhereSuspended, CodeReturnedHere, CodeReturnedElsewhere, CodeTaskUnknown,
		CodeVerdictLent, CodeVerdictTaken, CodeVerdictExcluded, CodeVerdictRevoked,
		CodeVerdictTooMany, CodePasscodeExcluded, CodePasscodeRevoked, CodePasscodeTooMany,
		CodeOrderRefused, CodeOrderRevoked,
	}
}
