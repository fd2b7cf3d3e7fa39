package notice

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func TestDeliver(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	r := w.runner(t, server.mailer(t), nil)
	code := secret.NewPasscode("318274659")
	terms := Terms{Type: "short", Uses: 5, Until: start.Add(24 * time.Hour)}
	commits := len(w.ledger.Changes())
	for _, lang := range Languages() {
		p := chanTai
		p.Lang = lang
		if err := r.Deliver(t.Context(), p, []secret.Passcode{code}, terms); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
	}
	if len(server.bodies) != len(Languages()) {
		t.Fatalf("%d messages", len(server.bodies))
	}
	for i, body := range server.bodies {
		if strings.Count(body, "318274659") != 1 || !strings.Contains(body, "5") {
			t.Errorf("%s: %q", Languages()[i], body)
		}
		if to := server.mail[i].Header.Get("To"); to != "<chan@example.edu>" {
			t.Errorf("to %s", to)
		}
		if strings.Contains(fmt.Sprint(server.mail[i].Header), "318274659") {
			t.Error("the passcode is in a header")
		}
	}
	if len(w.ledger.Changes()) != commits || strings.Contains(w.logs.String(), "318274659") {
		t.Error("a delivery was written down")
	}
	if got := string(code.Expose()); got != "318274659" {
		t.Errorf("the caller's passcode became %q", got)
	}
}

func TestDeliverFails(t *testing.T) {
	w, server := newWorld(t), newSMTPD(t)
	r := w.runner(t, server.mailer(t), nil)
	code := secret.NewPasscode("318274659")
	nowhere := chanTai
	nowhere.Mail = "chan@example.edu, other@example.edu"
	for name, test := range map[string]struct {
		runner *Runner
		person provisioning.Person
		fault  fault
		code   provisioning.Code
	}{
		"no mail":   {w.runner(t, nil, nil), chanTai, faultNone, CodeDeliveryOff},
		"two":       {r, nowhere, faultNone, CodeDeliveryNoContact},
		"down":      {r, chanTai, faultDown, CodeDeliveryFailed},
		"refused":   {r, chanTai, faultRcpt5, CodeDeliveryFailed},
		"greylist":  {r, chanTai, faultRcpt4, CodeDeliveryFailed},
		"cut after": {r, chanTai, faultCutAfterDot, CodeDeliveryUnknown},
	} {
		server.set(t, test.fault)
		err := test.runner.Deliver(t.Context(), test.person, []secret.Passcode{code}, Terms{})
		if !errors.Is(err, provisioning.Refuse(test.code)) {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}
