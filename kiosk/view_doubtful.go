package kiosk

import (
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

func doubtfulView(sc scenery) pages.DoubtfulView {
	v := pages.DoubtfulView{Frame: sc.frame}
	v.Frame.Back = pages.PathHome
	for _, d := range provisioning.Doubtful(sc.snap) {
		v.Rows = append(v.Rows, pages.DoubtfulRow{
			Serial: d.Token.Serial, Model: d.Token.Model, Since: since(sc, d.Since),
			Why: why(sc, string(d.Why)), Name: nameOf(sc.snap, d.Credential.Person),
			Todo: todoFor(sc.snap, d.Token), Path: tokenPath(d.Token.ID),
		})
	}
	return v
}

// why is a reason in words: the rules leave the code of the problem, an officer leaves a sentence.
func why(sc scenery, reason string) string {
	if p, ok := pages.Sentence(sc.frame.Lang, reason, nil); ok {
		return p.Sentence(sc.frame.Lang)
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
