package visit

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

func (v *vault) SealOrder(r feed.Record, b feed.OrderBody) (feed.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Sealed = []byte("sealed")
	v.orders, v.records = append(v.orders, b), append(v.records, r)
	return r, nil
}

// index is a telling; the key of its tags is the same in all of them.
func index(after, rev int64, tokens ...feed.SiteToken) feed.SiteIndex {
	return feed.SiteIndex{Index: "site", After: after, Rev: rev, TagKey: tagKey(), Tokens: tokens}
}

func tagKey() secret.Key { return secret.NewKey([]byte("0123456789abcdef0123456789abcdef")) }

func (w *world) hear(i feed.SiteIndex) feed.SiteAnswer {
	w.t.Helper()
	answer, err := w.runner.Hear(w.t.Context(), i)
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return answer
}

// An order that overtakes the verdict of its loan waits for it, and the whole telling with it: the
// desk does not say that it knows what it has not done.
func TestHearWaitsForTheVerdict(t *testing.T) {
	inWorld(t, func(w *world) {
		k := newKey("1234")
		w.toCheck(k)
		w.do(provisioning.Write{})
		k.touches <- k.press()
		synctest.Wait()
		c, _ := provisioning.Get[provisioning.Credential](w.ledger.Snapshot(),
			string(w.row().Credential))
		told := feed.SiteToken{Vendor: "yubikey", Serial: "1234", Credential: string(c.ID),
			Desk: "desk1", State: feed.StateSuspended, Order: feed.SiteOrder{ID: "o1",
				Act: feed.OrderSuspend, Desk: "desk2", Officer: "Wong"}}
		if a := w.hear(index(-1, -1)); a.Rev != 0 || a.Index != "" {
			t.Fatalf("a desk that never heard says %+v", a)
		}
		if a := w.hear(index(0, 1, told)); a.Rev != 0 {
			t.Fatalf("the desk says that it knows an order it could not carry out: %+v", a)
		}
		w.ack()
		w.at(provisioning.StepDone, "")
		a := w.hear(index(0, 1, told))
		loan, _ := provisioning.OpenLoan(w.ledger.Snapshot(), "e1")
		if a.Rev != 1 || loan.State != provisioning.LoanSuspended {
			t.Errorf("%+v, the loan is %s", a, loan.State)
		}
		if at := w.ledger.Snapshot().Position(); a.Position != at {
			t.Errorf("the desk says it has %d leaves, and has %d", a.Position, at)
		}
		if again := w.hear(index(0, 1, told)); again != a {
			t.Errorf("the same telling again: %+v, was %+v", again, a)
		}
	})
}

// The person of another desk's token is known once the verifier called, and gets no second one;
// what an officer orders about it is sealed with their name.
func TestElsewhereIsKnownByTag(t *testing.T) {
	inWorld(t, func(w *world) {
		theirs := feed.SiteToken{Vendor: "yubikey", Serial: "9999", Credential: "c9", Desk: "desk2",
			Tag: feed.Tag(tagKey(), "CHAN"), State: feed.SiteActive}
		w.hear(index(0, 1, theirs))
		w.do(chan1(), provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard})
		err := w.try(provisioning.Choose{Errand: provisioning.ErrandLoan})
		if !errors.Is(err, provisioning.Refuse(provisioning.CodeLoanElsewhere)) {
			t.Errorf("a second token for one person: %v", err)
		}
		visit := w.visit
		w.visit = ""
		w.do(provisioning.OrderElsewhere{Token: "yubikey/9999", Act: feed.OrderRevoke})
		w.visit = visit
		if got := w.vault.orders; len(got) != 1 || got[0] != (feed.OrderBody{Vendor: "yubikey",
			Serial: "9999", Act: feed.OrderRevoke, Officer: "lee"}) {
			t.Errorf("sealed %+v", got)
		}
		w.hear(index(1, 2, feed.SiteToken{Vendor: "yubikey", Serial: "9999", Credential: "c9",
			Desk: "desk2", State: feed.StateRevoked}))
		w.do(provisioning.Choose{Errand: provisioning.ErrandLoan})
	})
}

func TestShortNames(t *testing.T) {
	for name, want := range map[string]int{"Wong": 4, "": 0} {
		if got := short(name); len(got) != want {
			t.Errorf("%q becomes %q", name, got)
		}
	}
	long := ""
	for range 30 {
		long += "陳"
	}
	if got := short(long); len(got) != feed.MaxOfficer/3*3 {
		t.Errorf("%d bytes, cut in the middle of a letter", len(got))
	}
}
