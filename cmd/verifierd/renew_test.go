package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/verifier"
	"github.com/tokendesk/tokendesk/systemd"
)

// TestPrintKeys: a certificate is named 30 days before it ends, with what to do, and afterwards
// with what no longer works.
func TestPrintKeys(t *testing.T) {
	now, day := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), 24*time.Hour
	var out strings.Builder
	printKeys(&out, verifier.KeysStatus{Protection: systemd.ProtectionTPM,
		Renewals: []verifier.RenewalStatus{{What: "sealing", Stage: "switched", Waits: []string{"a", "b"}}},
		Ends: []verifier.End{{What: verifier.RenewCaller, Name: "vpn", Ends: now.Add(-day)},
			{What: verifier.RenewAPI, Ends: now.Add(30 * day)},
			{What: verifier.RenewFollower, Ends: now.Add(31 * day)},
			{What: "feed", Name: "desk1", Ends: now.Add(day)}}}, now)
	for _, want := range []string{"keys: bound to this box's TPM",
		"renewal of the sealing key: switched, waits for a; b\n",
		"ENDED: the certificate of caller vpn, on 2026-11-24: caller vpn is refused; verifierd caller renew vpn\n",
		"ends soon: the certificate of the api, on 2026-12-25: verifierd renew api\n",
		"ends soon: the certificate of desk desk1, on 2026-11-26: tokendesk renew feed, on desk desk1\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "follower") {
		t.Errorf("what ends in 31 days is named:\n%s", &out)
	}
}
