package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// TestSiteSecretAlone: the whole desk is gone, and all that is left of it is the site secret in the
// recovery kit. A new desk writes anew a token that was lost and found, and that the old one guarded;
// with another secret the slot stays closed.
func TestSiteSecretAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	old := w.found("old")
	key := newKey(1)
	old.lend(w.folk[1], key)
	old.lose(w.folk[1])
	old.settled()
	kit, err := old.parts.Config.credential(credSite)
	if err != nil {
		t.Fatal(err)
	}
	old.stop()
	if _, err := w.verifier.RevokeDesk("icto-1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	strange := w.foundAs("strange", "icto-2")
	if code := strange.lendInVain(w.folk[2], key); code != provisioning.CodeSlotProtected {
		t.Errorf("without the site secret the write ends with %q", code)
	}
	credentials := w.path("new/credentials")
	if err := errors.Join(os.MkdirAll(credentials, 0o700),
		os.WriteFile(filepath.Join(credentials, credSite), kit, 0o600)); err != nil {
		t.Fatal(err)
	}
	fresh := w.foundAs("new", "icto-3")
	fresh.lend(w.folk[3], key)
	if !w.signsIn(w.folk[3], key) {
		t.Error("the token does not sign its new person in")
	}
}

// lose reports the person's token lost.
func (b *box) lose(p provisioning.Person) {
	b.Helper()
	b.visit = ""
	b.do(provisioning.Open{Person: p},
		provisioning.Confirm{Evidence: provisioning.EvidencePassport},
		provisioning.Choose{Errand: provisioning.ErrandLost})
	v, _ := provisioning.Get[provisioning.Visit](b.Snapshot(), string(b.visit))
	b.do(provisioning.ReportLost{Loan: v.Loan}, provisioning.End{})
}

// lendInVain leads a loan to its problem.
func (b *box) lendInVain(p provisioning.Person, key *virtual.Key) provisioning.Code {
	b.Helper()
	b.ask(p)
	b.bus.Plug(key)
	defer b.bus.Unplug(key)
	b.reaches(func(v provisioning.Visit) bool { return v.Step == provisioning.StepCheck })
	b.do(provisioning.Turn{Away: true}, provisioning.Agree{Terms: b.site.Terms},
		provisioning.Turn{Away: false}, provisioning.Write{Overwrite: true})
	var code provisioning.Code
	b.reaches(func(v provisioning.Visit) bool {
		code = v.Problem
		return v.Step == provisioning.StepProblem || v.Progress == provisioning.ProgressTouch
	})
	return code
}
