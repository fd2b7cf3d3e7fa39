package provisioning

import (
	"fmt"
	"slices"
)

// Deviation is one place where a site's profile, or this product in every profile, does otherwise
// than NIST SP 800-63B-4 (final, July 2025) asks. It is written for an auditor.
type Deviation struct {
	// Section of SP 800-63B-4, or of the part of SP 800-63-4 that is named.
	Section string
	// Word is the standard's: "SHALL" or "SHOULD".
	Word string
	// Does is what happens here, Says is what the standard asks, in our words.
	Does, Says string
}

// Deviations lists them all, the profile's own first. What a site does not offer deviates from
// nothing.
func Deviations(s Site) []Deviation {
	var list []Deviation
	for _, terms := range s.Passcodes {
		list = append(list, terms.deviations()...)
	}
	list = append(list, s.evidenceDeviations()...)
	if s.MailRequests {
		list = append(list, mailDeviations()...)
	}
	if len(s.Passcodes) > 0 {
		list = append(list, storedDeviations()...)
	}
	return append(list, Deviation{"2.2.2", "SHALL",
		"The tokens this desk lends type one-time passwords, and passcodes are typed, too. Neither " +
			"resists phishing.",
		"At AAL2 at least one way to sign in resists phishing. The site's sign-in service has to " +
			"offer it beside these."})
}

func (t PasscodeTerms) deviations() []Deviation {
	var list []Deviation
	name := string(t.Type) + " passcode"
	if t.Unlimited || t.Uses > 1 {
		list = append(list, Deviation{"3.1.2.2", "SHALL",
			fmt.Sprintf("A %s is accepted %s.", name, t.times()),
			"A look-up secret is accepted once."})
	}
	if t.Hours > 24 {
		list = append(list, Deviation{"4.2.1.2", "SHALL",
			fmt.Sprintf("A %s is good for %d hours.", name, t.Hours),
			"A recovery code that is issued electronically is good for 24 hours at most by e-mail, and " +
				"for 10 minutes by text message."})
	}
	if t.Unlimited && t.For != PurposeEnrol {
		list = append(list, Deviation{"4.2", "SHALL",
			fmt.Sprintf("A %s signs in everywhere for %d hours, in place of the lost device.", name,
				t.Hours),
			"Recovery ends with a new authenticator; a recovery code is not an authenticator of its own."})
	}
	if t.Type == PasscodeRecovery {
		list = append(list, recoveryDeviations()...)
	}
	return list
}

func (t PasscodeTerms) times() string {
	if t.Unlimited {
		return "any number of times"
	}
	return fmt.Sprintf("%d times", t.Uses)
}

// recoveryDeviations are those of a passcode that nobody hands over: S58 to S62 ask for knowledge
// only.
func recoveryDeviations() []Deviation {
	return []Deviation{
		{"4.2.2.2", "SHALL",
			"A recovery passcode is given for a birth date, the end of a document number and the " +
				"password.",
			"At AAL2 an account is recovered by two recovery codes got in different ways, by one and a " +
				"bound authenticator, or by proving the identity again."},
		{"3.1.2.1", "SHALL",
			"A recovery passcode is shown in the web session that asked for it, which knows a password " +
				"only.",
			"A look-up secret that is handed out online goes to a session at AAL2, or to a validated " +
				"address."},
		{"SP 800-63A-4, 2.5.1", "SHALL NOT",
			"A birth date and the end of a document number count towards a recovery.",
			"What a person knows about themself does not verify an identity."},
	}
}

// mailDeviations are those of a request by mail (S53): nobody is seen, and the mailbox is all there
// is besides knowledge.
func mailDeviations() []Deviation {
	return []Deviation{
		{"SP 800-63A-4, 2.5.1", "SHALL NOT",
			"A number and the first four characters of the identity card count towards a passcode by mail.",
			"What a person knows about themself does not verify an identity."},
		{"4.2.2.2", "SHALL",
			"A passcode by mail is given to whoever reads the registered mailbox.",
			"At AAL2 one recovery code alone does not recover an account."},
	}
}

func (s Site) evidenceDeviations() []Deviation {
	word := slices.ContainsFunc(s.Evidence, func(r EvidenceRule) bool {
		return r.Kind == EvidenceSupervisor && (r.Loan || r.Passcode)
	})
	if !word {
		return nil
	}
	return []Deviation{{"4.2.1.4", "SHALL",
		"A supervisor's word is enough for a token or a passcode, without a document.",
		"Who recovers an account proves the identity as thoroughly as at first."}}
}

func storedDeviations() []Deviation {
	return []Deviation{
		{"3.1.1.2", "SHOULD",
			"Passcodes are hashed with argon2id, over a keyed HMAC-SHA-256.",
			"The password hashing scheme is one NIST approved (SP 800-132)."},
		{"3.1.1.2", "SHOULD",
			"The key of the HMAC is in the verifier's key file.",
			"That key is kept and used in protected hardware."},
	}
}
