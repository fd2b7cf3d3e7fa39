package kiosk

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// What to do about a token in doubt.
const (
	todoRewrite = "rewrite"
	todoReturn  = "return"
	todoPlug    = "plug"
)

// unfinished counts writes under way whose visit is not at the counter.
func unfinished(snap provisioning.Snapshot) int {
	count := 0
	for _, state := range []provisioning.CredentialState{
		provisioning.CredentialPrepared, provisioning.CredentialWritten,
	} {
		for c := range provisioning.Find[provisioning.Credential](
			snap, provisioning.ByState, string(state)) {
			v, ok := provisioning.Get[provisioning.Visit](snap, string(c.Visit))
			if !ok || v.State != provisioning.VisitOpen {
				count++
			}
		}
	}
	return count
}

// doubtfulToken is one token in doubt, with the credential that left it so, if that is still here.
type doubtfulToken struct {
	token      provisioning.Token
	credential provisioning.Credential
}

// doubts are the tokens nobody may rely on, by serial: what a crash, an unplug, an abandoned visit,
// a rejected record or an undone hand-over left behind.
func doubts(snap provisioning.Snapshot) []doubtfulToken {
	found := map[provisioning.TokenID]doubtfulToken{}
	for t := range provisioning.Find[provisioning.Token](
		snap, provisioning.ByState, string(provisioning.TokenDoubtful)) {
		found[t.ID] = doubtfulToken{token: t}
	}
	for c := range provisioning.Find[provisioning.Credential](
		snap, provisioning.ByState, string(provisioning.CredentialDoubtful)) {
		t, ok := provisioning.Get[provisioning.Token](snap, string(c.Token))
		if !ok {
			t = provisioning.Token{ID: c.Token, Serial: provisioning.SerialOf(c.Token)}
		}
		found[c.Token] = doubtfulToken{token: t, credential: c}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b doubtfulToken) int {
		return cmp.Compare(a.token.Serial, b.token.Serial)
	})
}

func doubtfulView(sc scenery) pages.DoubtfulView {
	v := pages.DoubtfulView{Frame: sc.frame}
	v.Frame.Back = pages.PathHome
	for _, d := range doubts(sc.snap) {
		reason, at := d.credential.Reason, d.credential.Since
		if d.credential.ID == "" {
			reason, at = d.token.Note, d.token.Since
		}
		v.Rows = append(v.Rows, pages.DoubtfulRow{
			Serial: d.token.Serial, Model: d.token.Model, Since: since(sc, at), Why: why(reason),
			Name: nameOf(sc.snap, d.credential.Person), Todo: todoFor(sc.snap, d.token),
			Path: tokenPath(d.token.ID),
		})
	}
	return v
}

// why is a reason in words: the rules leave the code of the problem, an officer leaves a sentence.
func why(reason string) string {
	if p, ok := pages.Sentence(reason, nil); ok {
		return p.Happened + "."
	}
	return reason
}

func todoFor(snap provisioning.Snapshot, t provisioning.Token) string {
	if _, lent := openLoanOf(snap, t.ID); lent {
		return todoReturn
	}
	if t.Pending != provisioning.ActNone {
		return todoPlug
	}
	return todoRewrite
}
