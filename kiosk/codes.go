package kiosk

import (
	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
)

// The refusals that reach the screen from anywhere but the rules.
const (
	// CodeUnknown stands in for a refusal the catalogue has no sentence for.
	CodeUnknown provisioning.Code = "unknown_refusal"
	// CodePINWrong, CodePINLocked and CodePINUnknown come from Officers.
	CodePINWrong   provisioning.Code = "pin_wrong"
	CodePINLocked  provisioning.Code = "pin_locked"
	CodePINUnknown provisioning.Code = "pin_unknown"
	// CodePersonUnknown and CodeDirectoryDown come from People.
	CodePersonUnknown provisioning.Code = "person_unknown"
	CodeDirectoryDown                   = provisioning.CodeDirectoryDown
	// CodePINMissing and CodeNumberMissing: the form was sent with an empty field.
	CodePINMissing    provisioning.Code = "pin_missing"
	CodeNumberMissing provisioning.Code = "number_missing"
	// CodeMatchMissing: a tile was pressed before "Same face?" was answered.
	CodeMatchMissing provisioning.Code = "match_missing"
	// CodeRecoveryBusy: too many recoveries are under way at the unattended view.
	CodeRecoveryBusy provisioning.Code = "recovery_busy"
	// CodeAnswerMissing: a question was left empty, or its answer cannot be one.
	CodeAnswerMissing provisioning.Code = "answer_missing"
	// CodeTapLocked: a card was tapped while the desk was locked. Nobody was looked up.
	CodeTapLocked provisioning.Code = "tap_locked"
	// CodeTapBusy: another card than the person's was tapped during a visit. It opened nothing.
	CodeTapBusy provisioning.Code = "tap_busy"
)

// Codes lists them, and the words in which a reader says why a card gave no number.
func Codes() []provisioning.Code {
	codes := append([]provisioning.Code{
		CodeUnknown, CodePINWrong, CodePINLocked, CodePINUnknown, CodePersonUnknown,
		CodeDirectoryDown, CodePINMissing, CodeNumberMissing, CodeMatchMissing, CodeTapLocked,
		CodeTapBusy, CodeRecoveryBusy, CodeAnswerMissing,
	}, printerCodes...)
	for _, why := range devices.Whys() {
		codes = append(codes, provisioning.Code(why))
	}
	return codes
}
