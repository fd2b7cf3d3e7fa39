package provisioning

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ask takes what the loan asks of the officer: the reason (S43), and the phone (S45).
func (d *decision) ask(c Ask) *Refusal {
	if no := d.answered(c.Reason, c.PhoneSeen); no != nil {
		return no
	}
	d.visit.Reason, d.visit.PhoneSeen = c.Reason, c.PhoneSeen
	d.detail("reason", c.Reason)
	return nil
}

func (d *decision) answered(reason string, phoneSeen bool) *Refusal {
	needed := d.site.PhoneSeen && !slices.Contains(d.site.NoPhone, reason)
	return d.all(
		rule{"loan.reason.S43", refuseUnless(reason != "", CodeReasonMissing)},
		rule{"loan.reason.S43", refuseUnless(slices.Contains(d.site.Reasons, reason),
			CodeReasonUnknown)},
		rule{"loan.phone.S45", refuseUnless(phoneSeen || !needed, CodePhoneNotSeen)},
	)
}

// agree is the person accepting the terms (S23). Nobody else does it for them.
func (d *decision) agree(c Agree) *Refusal {
	no := d.all(
		rule{"loan.terms.turned", refuseUnless(d.visit.Turned, CodeNotTurned)},
		rule{"loan.terms.S23", refuseUnless(c.Terms == d.site.Terms, CodeTermsChanged,
			"current", d.site.Terms)},
	)
	if no != nil {
		return no
	}
	d.visit.Terms, d.visit.AgreedAt = c.Terms, d.now.At
	d.detail("terms", c.Terms)
	return nil
}

func (d *decision) agreed() *Refusal {
	return d.all(
		rule{"loan.terms.S23", refuseUnless(d.visit.Terms != "", CodeTermsMissing)},
		rule{"loan.terms.S23", refuseUnless(d.visit.Terms == d.site.Terms, CodeTermsChanged,
			"current", d.site.Terms)},
	)
}

// textMax is how long a reason, note or reference may be, in characters.
const textMax = 200

// text checks what an officer typed, and trims it.
func (d *decision) text(typed string, required bool) (string, *Refusal) {
	trimmed := strings.TrimSpace(typed)
	return trimmed, d.all(
		rule{"text.present", refuseUnless(trimmed != "" || !required, CodeTextMissing)},
		rule{"text.length", refuseUnless(utf8.RuneCountInString(trimmed) <= textMax,
			CodeTextTooLong, "max", strconv.Itoa(textMax))},
	)
}
