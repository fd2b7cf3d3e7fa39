package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/daemon"
)

// TestWholeOperator: the operator's socket tells how the desk is, and says who may work there.
func TestWholeOperator(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um"})
	client := w.client()
	order := func(act, id, name, pin string) error {
		return client.Order(t.Context(), act, daemon.OfficerOrder{
			OfficerRow: daemon.OfficerRow{ID: id, Name: name}, PIN: pin})
	}
	enter := func(id, pin, says string) {
		t.Helper()
		w.b.Open("/")
		w.b.Press("Unlock", "officer", id, "pin", pin)
		w.says(says)
		if w.b.Page.Has("Lock") {
			w.b.Press("Lock")
		}
	}
	w.b.Press("Lock")
	if err := order("add", "new", "NEW Officer", "270418"); err != nil {
		t.Fatal(err)
	}
	enter("new", "270418", "Type the number")
	if err := order("pin", "new", "", "904117"); err != nil {
		t.Fatal(err)
	}
	enter("new", "270418", "That PIN is wrong")
	enter("new", "904117", "Type the number")
	var refusal daemon.AdminError
	for what, err := range map[string]error{
		"officer_taken": order("add", "new", "Another", "270418"),
		"pin_weak":      order("pin", "new", "", "111111"),
		"pin_unknown":   order("pin", "nobody", "", "270418"),
	} {
		if !errors.As(err, &refusal) || refusal.Code != what || refusal.Message == "" {
			t.Errorf("want %s, got %v", what, err)
		}
	}
	if err := order("disable", "new", "", ""); err != nil {
		t.Fatal(err)
	}
	w.b.Open("/")
	w.hides("NEW Officer")

	w.unlock()
	p, key := w.person("CHAN"), w.key(17390102)
	w.lend(p, key)
	cut := w.key(17390103)
	w.toTouch(w.person("WONG"), cut)
	w.pull(cut)
	w.sees(saysUnproven)
	w.settled()
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Site != "um" || !status.VerifierUp || !status.DirectoryUp || status.Tokens != 2 ||
		status.OpenLoans != 1 || len(status.Doubtful) != 1 || status.Doubtful[0] != spelt(cut) ||
		status.Checkpoint == "" || status.Acked == 0 {
		t.Errorf("status: %+v", status)
	}
	var figures strings.Builder
	if err := client.Metrics(t.Context(), &figures); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"tokendesk_tokens 2", "tokendesk_open_loans 1",
		"tokendesk_doubtful_tokens 1", "tokendesk_verifier_up 1", "tokendesk_commit_seconds_count "} {
		if !strings.Contains(figures.String(), "\n"+line) {
			t.Errorf("no %q among the figures", line)
		}
	}
	for _, personal := range []string{spelt(cut), "CHAN", "WONG"} {
		if strings.Contains(figures.String(), personal) {
			t.Errorf("%q is among the figures", personal)
		}
	}
}
