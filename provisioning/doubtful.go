package provisioning

import (
	"maps"
	"slices"
	"time"
)

// InDoubt is a token nobody may rely on, as the list of unfinished things shows it.
type InDoubt struct {
	Token Token
	// Credential is the one in doubt; its ID is empty when only the token itself is (a wipe that was
	// not confirmed, a loan that was voided).
	Credential Credential
	// Why is one of Codes.
	Why   Code
	Since time.Time
}

// Doubtful lists the tokens in doubt, in the order of their ids. It reads only those.
func Doubtful(s Snapshot) []InDoubt {
	found := map[TokenID]InDoubt{}
	for t := range Find[Token](s, ByState, string(TokenDoubtful)) {
		found[t.ID] = InDoubt{Token: t, Why: Code(t.Note), Since: t.Since}
	}
	for c := range Find[Credential](s, ByState, string(CredentialDoubtful)) {
		t, known := Get[Token](s, string(c.Token))
		if !known {
			t = Token{ID: c.Token, Serial: SerialOf(c.Token)}
		}
		found[c.Token] = InDoubt{Token: t, Credential: c, Why: Code(c.Reason), Since: c.Since}
	}
	var list []InDoubt
	for _, id := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[id])
	}
	return list
}

// AdviseSecond reports whether a person should be told to have another second factor (S27): the
// devices the directory knows of and the token on loan are fewer than the site recommends.
func AdviseSecond(s Snapshot, site Site, p Person) bool {
	have := p.Devices
	if loan, ok := OpenLoan(s, p.ID); ok && loan.State == LoanOpen {
		have++
	}
	return have < site.AdviseDevices
}
