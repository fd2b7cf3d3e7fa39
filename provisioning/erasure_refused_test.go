package provisioning_test

import (
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

// TestErasureIsRefused: a desk that is revoked remembers that the verifier did not take its erasure,
// once; any other verdict on it is no news.
func TestErasureIsRefused(t *testing.T) {
	mark := strings.Repeat("0a", 16)
	ledger := provisioningtest.NewLedger(provisioning.Erasure{ID: mark})
	now := provisioning.Now{At: noon}
	for _, c := range []struct {
		outcome feed.Outcome
		news    bool
	}{{feed.InStep, false}, {feed.Refused, true}, {feed.Refused, false}} {
		ack := feed.Ack{Verdicts: []feed.Verdict{{Record: strings.Repeat("0b", 16),
			Credential: mark, Outcome: c.outcome, Reason: feed.ReasonRevoked}}}
		change, news := provisioning.Acked(ledger.Snapshot(), provisioning.Site{}, now, ack)
		if news != c.news {
			t.Errorf("%s is news: %v", c.outcome, news)
		}
		if news {
			commit(t, ledger, change)
		}
	}
	e, _ := provisioning.Get[provisioning.Erasure](ledger.Snapshot(), mark)
	if !e.Refused.Equal(now.At) {
		t.Errorf("refused at %v", e.Refused)
	}
}
