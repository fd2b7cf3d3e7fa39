package kiosk

import (
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

// doubtful are the credentials nobody may rely on: what a crash, an unplug, an abandoned visit or a
// rejected record left behind.
func doubtful(snap provisioning.Snapshot) []provisioning.Credential {
	list := slices.Collect(provisioning.Find[provisioning.Credential](
		snap, provisioning.ByState, string(provisioning.CredentialDoubtful)))
	slices.SortStableFunc(list, func(a, b provisioning.Credential) int { return a.Since.Compare(b.Since) })
	return list
}

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
	for _, c := range doubtful(sc.snap) {
		t, _ := provisioning.Get[provisioning.Token](sc.snap, string(c.Token))
		v.Rows = append(v.Rows, pages.DoubtfulRow{
			Serial: provisioning.SerialOf(c.Token), Model: t.Model, Name: nameOf(sc.snap, c.Person),
			Why: why(sc.site, c.Reason), Since: since(sc, c.Since), Todo: todoFor(t),
		})
	}
	return v
}

// why is a reason in words: the rules leave the code of the problem, an operator leaves a sentence.
func why(site provisioning.Site, reason string) string {
	if p, ok := pages.Sentence(reason, nil); ok {
		return p.Happened
	}
	_ = site
	return reason
}

func todoFor(t provisioning.Token) string {
	switch {
	case t.State == provisioning.TokenLoaned:
		return todoReturn
	case t.Pending != provisioning.ActNone:
		return todoPlug
	default:
		return todoRewrite
	}
}
