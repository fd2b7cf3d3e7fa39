package officer

import (
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func (f *fixture) match(t *testing.T, staff ...provisioning.Officer) {
	t.Helper()
	if err := f.Match(t.Context(), staff); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) row(t *testing.T, id string) provisioning.Officer {
	t.Helper()
	row, ok := provisioning.Get[provisioning.Officer](f.ledger.Snapshot(), id)
	if !ok {
		t.Fatalf("no officer %s", id)
	}
	return row
}

func TestMatchFollowsTheStaffList(t *testing.T) {
	f := newFixture(t)
	sousa := provisioning.Officer{ID: "sousa", Name: "SOUSA Miguel", Person: "E100"}
	leong := provisioning.Officer{ID: "leong", Name: "LEONG Sok I", Person: "E200", Supervisor: true}
	f.match(t, sousa, leong)
	if row := f.row(t, "leong"); !row.Supervisor || row.Person != "E200" || row.PINHash != "" {
		t.Errorf("a new member: %+v", row)
	}
	wants(t, f.check(t, "leong", rightPIN), CodePINUnset)
	if row := f.row(t, "sousa"); row.Name != "SOUSA Miguel" || row.PINHash == "" {
		t.Errorf("a known member: %+v", row)
	}
	if err := f.check(t, "sousa", rightPIN); err != nil {
		t.Errorf("a known member keeps the PIN: %v", err)
	}

	before := f.ledger.Snapshot().Position()
	f.match(t, sousa, leong)
	if now := f.ledger.Snapshot().Position(); now != before {
		t.Errorf("the same list made %d changes", now-before)
	}

	f.match(t, leong)
	wants(t, f.check(t, "sousa", rightPIN), CodeDisabled)
	f.match(t, sousa, leong)
	if err := f.check(t, "sousa", rightPIN); err != nil {
		t.Errorf("back on the list: %v", err)
	}
}

func TestMatchLeavesAnOperatorsWordAlone(t *testing.T) {
	f := newFixture(t)
	sousa := provisioning.Officer{ID: "sousa", Name: "M. Sousa", Person: "E100"}
	other := provisioning.Officer{ID: "other", Name: "Other"}
	for name, disable := range map[string]func(){
		"never dismissed": func() {},
		"dismissed first": func() { f.match(t, other) },
	} {
		disable()
		if err := f.Disable(t.Context(), "operator:root", "sousa"); err != nil {
			t.Fatal(err)
		}
		f.match(t, sousa, other)
		if row := f.row(t, "sousa"); !row.Disabled {
			t.Errorf("%s: the list lets back whom an operator disabled", name)
		}
		if err := f.Enable(t.Context(), "operator:root", "sousa"); err != nil {
			t.Fatal(err)
		}
	}
	f.match(t, other)
	if row := f.row(t, "sousa"); !row.Disabled || !row.Dismissed {
		t.Errorf("dismissed: %+v", row)
	}
}

func TestMatchOfAnEmptyListChangesNobody(t *testing.T) {
	f := newFixture(t)
	if err := f.Match(t.Context(), nil); err == nil {
		t.Error("an empty list is taken")
	}
	if f.row(t, "sousa").Disabled {
		t.Error("an empty list dismissed somebody")
	}
}

func TestSupervisorsComeAndGoWithTheList(t *testing.T) {
	f := newFixture(t)
	member := provisioning.Officer{ID: "sousa", Name: "M. Sousa", Person: "E100", Supervisor: true}
	f.match(t, member)
	if !f.row(t, "sousa").Supervisor {
		t.Error("not a supervisor")
	}
	if err := f.SetPIN(t.Context(), "operator:root", "sousa", secret.NewPIN("618033")); err != nil {
		t.Fatal(err)
	}
	member.Supervisor = false
	f.match(t, member)
	if row := f.row(t, "sousa"); row.Supervisor || row.Disabled {
		t.Errorf("demoted: %+v", row)
	}
	if err := f.check(t, "sousa", "618033"); err != nil {
		t.Errorf("demoted, and still an officer: %v", err)
	}
}
