package verifier_test

import (
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/feed/feedtest"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// TestRevokedDeskKeepsNoOldKey: a stolen desk that holds a poll open does not keep the certificate
// it knows the verifier by in force.
func TestRevokedDeskKeepsNoOldKey(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	desk.Issue(feedtest.NewToken("mc16357"))
	desk.settled(t)
	if _, err := r.RevokeDesk("desk1", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := r.InForce().FollowerPin
	err := r.Renew(verifier.RenewOrder{What: verifier.RenewFollower, Step: verifier.StepBegin})
	if err != nil {
		t.Fatal(err)
	}
	for over := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b := r.InForce()
		if b.FollowerPin != before && b.OldFollowerPin == "" {
			return
		}
		if time.Now().After(over) {
			t.Fatalf("the renewal waits for a revoked desk: %s after %s", b.FollowerPin,
				b.OldFollowerPin)
		}
	}
}

// TestOrdersDuringRenewal: what comes while the sealing key is renewed is opened like all else.
func TestOrdersDuringRenewal(t *testing.T) {
	r := newRig(t)
	desk := r.trusted(t, "desk1")
	token := feedtest.NewToken("mc16357")
	desk.expect(t, desk.Issue(token), feed.InStep)
	var orders []string
	for range 4 {
		for range 10 {
			order := desk.Order(token, feed.OrderSuspend)
			desk.Commit(order)
			orders = append(orders, order.ID)
		}
		err := r.Renew(verifier.RenewOrder{What: verifier.RenewSealing, Step: verifier.StepBegin})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range orders {
		desk.expect(t, id, feed.InStep)
	}
}
