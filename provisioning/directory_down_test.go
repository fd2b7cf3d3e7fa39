package provisioning_test

import (
	"errors"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
)

// TestNothingIsIssuedWhileTheDirectoryIsDown: whatever is shown on a screen, the rules refuse it;
// taking back, losing and undoing go on.
func TestNothingIsIssuedWhileTheDirectoryIsDown(t *testing.T) {
	hand := provisioning.Hand{Token: info()}
	for name, test := range map[string]struct {
		step    provisioning.Step
		command provisioning.Command
		edit    func(*scene)
		refused bool
	}{
		"choose a loan": {provisioning.StepChoose,
			provisioning.Choose{Errand: provisioning.ErrandLoan}, nil, true},
		"write": {provisioning.StepCheck, provisioning.Write{Hand: hand},
			func(s *scene) { s.checked() }, true},
		"choose a return": {provisioning.StepChoose,
			provisioning.Choose{Errand: provisioning.ErrandReturn}, func(s *scene) { s.lent() }, false},
		"return": {provisioning.StepReturn, provisioning.TakeBack{Loan: loanID, Hand: hand},
			func(s *scene) { s.lent() }, false},
		"return by hand": {provisioning.StepReturn,
			provisioning.TakeBack{Loan: loanID, ByHand: true, Serial: "1234"},
			func(s *scene) { s.lent() }, false},
		"lost": {provisioning.StepLost, provisioning.ReportLost{Loan: loanID},
			func(s *scene) { s.lent() }, false},
		"void": {provisioning.StepChoose, provisioning.Void{Loan: loanID, Reason: "wrong person"},
			func(s *scene) { s.lent() }, false},
		"end": {provisioning.StepChoose, provisioning.End{}, nil, false},
	} {
		s := newScene(t, test.step, test.command)
		if test.edit != nil {
			test.edit(s)
		}
		s.order.DirectoryDown = true
		_, change, err := s.decide(t)
		down := errors.Is(err, provisioning.Refuse(provisioning.CodeDirectoryDown))
		if down != test.refused || !test.refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if test.refused && change.Entry().Rule != "directory.up" {
			t.Errorf("%s: the entry names the rule %q", name, change.Entry().Rule)
		}
	}
}
