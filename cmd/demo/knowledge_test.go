package main

import (
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// TestSamplePeopleKnowThemselves: recovery can be shown with any of them.
func TestSamplePeopleKnowThemselves(t *testing.T) {
	for _, site := range provisioning.Profiles() {
		list := people(site, time.Now())
		path, portraits, err := writePeople(t.TempDir(), list)
		if err != nil {
			t.Fatal(err)
		}
		f := directory.NewFile(directory.FileConfig{Path: path, Portraits: portraits, Now: time.Now})
		for _, s := range list {
			document := s.record().IdentityCard + s.record().Passport
			claim := provisioning.Claim{Account: s.Account, Role: s.Role, Born: s.record().Born,
				DocumentTail: lastFour(document)}
			if _, ok, err := f.Matches(t.Context(), claim); !ok || err != nil {
				t.Errorf("%s: %v, %v", s.ID, ok, err)
			}
		}
		ok, err := f.Authenticate(t.Context(), list[0].Account, secret.NewPassword(samplePassword))
		if !ok || err != nil {
			t.Errorf("the sample password: %v, %v", ok, err)
		}
	}
}

// lastFour are the last four letters or digits.
func lastFour(document string) string {
	tail := ""
	for i := len(document) - 1; i >= 0 && len(tail) < 4; i-- {
		if c := document[i]; c != '(' && c != ')' && c != '-' {
			tail = string(c) + tail
		}
	}
	return tail
}
