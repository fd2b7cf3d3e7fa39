package provisioning_test

import (
	"pgregory.net/rapid"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// check is what holds after every change.
func (m *machine) check(t *rapid.T) {
	s := m.ledger.Snapshot()
	if n := int64(len(m.ledger.Changes())); n != s.Position() {
		t.Fatalf("%d entries for %d changes", n, s.Position())
	}
	atCounter, visitsOf := 0, map[provisioning.PersonID]int{}
	for v := range provisioning.All[provisioning.Visit](s) {
		if v.State == provisioning.VisitOpen {
			atCounter++
		}
		visitsOf[v.Person]++
		if o, _ := provisioning.Get[provisioning.Officer](s, string(v.Officer)); o.Person == v.Person &&
			o.Person != "" {
			t.Fatalf("%s is the person of their own visit", v.Officer)
		}
	}
	for person, n := range visitsOf {
		if n > 1 {
			t.Fatalf("%s has %d visits", person, n)
		}
	}
	if atCounter > 1 {
		t.Fatalf("%d visits at one counter", atCounter)
	}
	m.checkCredentials(t, s)
	m.checkLoans(t, s)
	m.checkTokens(t, s)
	m.checkPasscodes(t, s)
	m.checkNotices(t)
}

func (m *machine) checkCredentials(t *rapid.T, s provisioning.Snapshot) {
	type place struct {
		token provisioning.TokenID
		slot  int
	}
	live := map[place]provisioning.CredentialID{}
	onTheWay := map[provisioning.PersonID]int{}
	for c := range provisioning.All[provisioning.Credential](s) {
		at := place{c.Token, c.Slot}
		if other, taken := live[at]; taken {
			t.Fatalf("%v holds %s and %s", at, other, c.ID)
		}
		live[at] = c.ID
		switch c.State {
		case provisioning.CredentialActive, provisioning.CredentialSuspended:
			if !m.inStep[c.ID] {
				t.Fatalf("%s is %s, and the verifier never said in step", c.ID, c.State)
			}
			onTheWay[c.Person]++
		case provisioning.CredentialPrepared, provisioning.CredentialWritten,
			provisioning.CredentialProven:
			if _, ok := provisioning.Get[provisioning.Visit](s, string(c.Visit)); !ok {
				t.Fatalf("%s is %s, and its visit has ended", c.ID, c.State)
			}
			onTheWay[c.Person]++
		}
	}
	for person, n := range onTheWay {
		if n > 1 {
			t.Fatalf("%s has %d credentials", person, n)
		}
	}
	// What is in doubt after a proof had a chance, and what is revoked, was revoked at the verifier.
	m.checkTombstones(t)
}

func (m *machine) checkTombstones(t *rapid.T) {
	newest := map[string]provisioning.CredentialState{}
	told := map[string]feed.State{}
	judged := map[string]bool{}
	for _, change := range m.ledger.Changes() {
		for _, row := range change.Rows() {
			if c, ok := row.(provisioning.Credential); ok {
				newest[c.Key()] = c.State
				judged[c.Key()] = change.Entry().Act == "verifier.ack"
			}
		}
		for _, r := range change.Records() {
			if r.Kind == feed.KindState {
				told[r.Credential] = r.State
			}
		}
	}
	for id, state := range newest {
		switch state {
		case provisioning.CredentialRevoked:
			if told[id] != feed.StateRevoked {
				t.Fatalf("%s is revoked, and the verifier was told %q", id, told[id])
			}
		case provisioning.CredentialDoubtful:
			if told[id] != feed.StateRevoked && !judged[id] {
				t.Fatalf("%s is in doubt, and the verifier was told %q", id, told[id])
			}
		case provisioning.CredentialSuspended:
			if told[id] != feed.StateSuspended {
				t.Fatalf("%s is suspended, and the verifier was told %q", id, told[id])
			}
		}
	}
}

func (m *machine) checkLoans(t *rapid.T, s provisioning.Snapshot) {
	open := map[provisioning.PersonID]int{}
	for loan := range provisioning.All[provisioning.Loan](s) {
		if loan.Open() {
			open[loan.Person]++
		}
		c, _ := provisioning.Get[provisioning.Credential](s, string(loan.Credential))
		if loan.State == provisioning.LoanSuspended && c.State == provisioning.CredentialActive {
			t.Fatalf("%s is suspended and its credential is active", loan.ID)
		}
		if loan.Reason == "" || loan.Terms == "" || loan.Evidence == "" {
			t.Fatalf("a loan without reason, terms or evidence: %+v", loan)
		}
	}
	for person, n := range open {
		if n > 1 {
			t.Fatalf("%s has %d loans", person, n)
		}
	}
	for c := range provisioning.Find[provisioning.Credential](s, provisioning.ByState,
		string(provisioning.CredentialActive)) {
		if loan, ok := provisioning.Get[provisioning.Loan](s, string(c.Loan)); !ok || !loan.Open() {
			t.Fatalf("%s is active and lent to nobody", c.ID)
		}
	}
}

func (m *machine) checkTokens(t *rapid.T, s provisioning.Snapshot) {
	listed := map[provisioning.TokenID]bool{}
	for _, d := range provisioning.Doubtful(s) {
		listed[d.Token.ID] = true
	}
	for tok := range provisioning.All[provisioning.Token](s) {
		if tok.Pending != provisioning.ActNone && tok.State != provisioning.TokenBusy {
			t.Fatalf("%s is %s with a %s pending", tok.ID, tok.State, tok.Pending)
		}
		for c := range provisioning.Find[provisioning.Credential](s, provisioning.ByToken,
			string(tok.ID)) {
			switch {
			case c.State == provisioning.CredentialDoubtful && !listed[tok.ID]:
				t.Fatalf("%s is in doubt and %s is not listed", c.ID, tok.ID)
			case c.State == provisioning.CredentialActive && tok.State != provisioning.TokenLoaned:
				t.Fatalf("%s is active on a token that is %s", c.ID, tok.State)
			}
		}
	}
}

// recovered is what holds once recovery is through.
func (m *machine) recovered(t *rapid.T) {
	s := m.ledger.Snapshot()
	for c := range provisioning.All[provisioning.Credential](s) {
		if c.State == provisioning.CredentialPrepared || c.State == provisioning.CredentialWritten {
			t.Fatalf("%s is still %s", c.ID, c.State)
		}
	}
	for tok := range provisioning.All[provisioning.Token](s) {
		if tok.Pending != provisioning.ActNone {
			t.Fatalf("%s still has a %s pending", tok.ID, tok.Pending)
		}
	}
	if m.open().ID != "" {
		t.Fatal("a visit is open at a counter nobody has unlocked yet")
	}
}
