package visit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// vault plays the sealing and the verifier: it keeps what was sealed and judges proofs by it.
type vault struct {
	orders []feed.OrderBody
	mu     sync.Mutex
	seeds  map[string][]byte
	proofs map[string]feed.Verdict
	// passcodes are the codes that were sealed, by passcode id; records are those that carried them.
	passcodes map[string][]string
	records   []feed.Record
	// swap changes a seed before it is sealed, as a broken desk would.
	swap func([]byte) []byte
	user string
}

func (v *vault) SealSeed(r feed.Record, b feed.SeedBody) (feed.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	seed := b.Seed.Expose()
	if v.swap != nil {
		seed = v.swap(seed)
	}
	v.seeds[r.Credential], v.user = seed, b.User
	r.Sealed = []byte("sealed")
	return r, nil
}

func (v *vault) SealProof(r feed.Record, b feed.ProofBody) (feed.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	codes, err := oath.Codes(secret.NewSeed(v.seeds[r.Credential]), 0, window, 6)
	if err != nil {
		return r, err
	}
	verdict := feed.Verdict{Record: r.ID, Credential: r.Credential, Outcome: feed.NoMatch}
	if at, ok := oath.Find(codes, b.OTPs[0]); ok {
		verdict.Outcome, verdict.Offset = feed.InStep, at
	}
	v.proofs[r.ID] = verdict
	r.Sealed = []byte("sealed")
	return r, nil
}

type accessCodes struct{ generation int }

func (a *accessCodes) Generation() int { return a.generation }

func (a *accessCodes) Code(generation int, _ string) (secret.AccessCode, error) {
	return secret.NewAccessCode([]byte{1, 2, 3, 4, 5, byte(generation)}), nil
}

// clock is the bubble's.
type clock struct{}

func (clock) Now() time.Time { return time.Now() }
func (clock) Synced() bool   { return true }

// world is a counter with everything around it.
type world struct {
	t      *testing.T
	ledger *mortal
	bench  *bench
	vault  *vault
	codes  *accessCodes
	runner *Runner
	visit  provisioning.VisitID
	n      int
	stop   func()
	// away: the verifier is not there.
	away bool
}

// inWorld runs a test inside a bubble, with the desk running and Chan's card on the reader.
func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer func() { w.stop() }()
		test(w)
	})
}

func newWorld(t *testing.T) *world {
	return &world{t: t, bench: &bench{changed: make(chan struct{})}, codes: &accessCodes{},
		vault: &vault{seeds: map[string][]byte{}, proofs: map[string]feed.Verdict{},
			passcodes: map[string][]string{}},
		ledger: &mortal{Ledger: provisioningtest.NewLedger(
			provisioning.Officer{ID: "lee"}, provisioning.Officer{ID: "wong", Supervisor: true})}}
}

func (w *world) start() {
	w.t.Helper()
	site, err := provisioning.LoadSite("um")
	if err != nil {
		w.t.Fatal(err)
	}
	w.runner, err = New(Config{Ledger: w.ledger, Bench: w.bench, Sealer: w.vault, Codes: w.codes,
		Site: site, Desk: "desk1", Clock: clock{}, Log: slog.New(slog.DiscardHandler),
		Followed: func() bool { return !w.away }})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.runner.Recover(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.runner.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.t.Errorf("run ended with %v", err)
		}
	}
}

func (w *world) order(c provisioning.Command) provisioning.Order {
	w.n++
	return provisioning.Order{By: "lee", Op: provisioning.OpID(rune(w.n)), Visit: w.visit, Command: c}
}

// try posts an order and lets everything that follows from it settle.
func (w *world) try(c provisioning.Command) error {
	id, err := w.runner.Do(w.t.Context(), w.order(c))
	if _, open := c.(provisioning.Open); open && err == nil {
		w.visit = id
	}
	synctest.Wait()
	return err
}

func (w *world) do(commands ...provisioning.Command) {
	w.t.Helper()
	for _, c := range commands {
		if err := w.try(c); err != nil {
			w.t.Fatalf("%T: %v", c, err)
		}
	}
}

func chan1() provisioning.Open {
	return provisioning.Open{Person: provisioning.Person{ID: "e1", Account: "chan", Role: "student"}}
}

// toCheck brings Chan's visit to "Write and loan", with the key on the bench.
func (w *world) toCheck(k *key) {
	w.t.Helper()
	w.do(chan1(), provisioning.Confirm{Evidence: provisioning.EvidenceUniversityCard},
		provisioning.Choose{Errand: provisioning.ErrandLoan})
	w.bench.plug(k)
	synctest.Wait()
	w.do(provisioning.Ask{Reason: "phone_unsupported", PhoneSeen: true},
		provisioning.Turn{Away: true}, provisioning.Agree{Terms: "2026-09"}, provisioning.Turn{})
}

// lend takes a loan all the way to registered.
func (w *world) lend(k *key) {
	w.t.Helper()
	w.toCheck(k)
	w.do(provisioning.Write{})
	k.touches <- k.press()
	synctest.Wait()
	w.ack()
	w.at(provisioning.StepDone, "")
}

// ack is the verifier pulling everything and answering with its verdicts.
func (w *world) ack() {
	w.t.Helper()
	ack := feed.Ack{Position: w.ledger.Snapshot().Position()}
	for _, change := range w.ledger.Changes() {
		for _, r := range change.Records() {
			if r.Kind == feed.KindProof {
				ack.Verdicts = append(ack.Verdicts, w.vault.proofs[r.ID])
			}
		}
	}
	if err := w.runner.Acknowledge(w.t.Context(), ack); err != nil && !errors.Is(err, errDead) {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) row() provisioning.Visit {
	v, _ := provisioning.Get[provisioning.Visit](w.ledger.Snapshot(), string(w.visit))
	return v
}

// at says where the visit should be.
func (w *world) at(step provisioning.Step, problem provisioning.Code) provisioning.Visit {
	w.t.Helper()
	v := w.row()
	if v.Step != step || v.Problem != problem {
		w.t.Fatalf("the visit is at %q (%s), problem %q %v", v.Step, v.State, v.Problem, v.Params)
	}
	return v
}

func (w *world) token(serial string) provisioning.Token {
	id := string(provisioning.TokenInfo{Vendor: "yubikey", Serial: serial}.ID())
	row, _ := provisioning.Get[provisioning.Token](w.ledger.Snapshot(), id)
	return row
}

func (w *world) doubtful() []string {
	var serials []string
	for _, d := range provisioning.Doubtful(w.ledger.Snapshot()) {
		serials = append(serials, d.Token.Serial)
	}
	return serials
}
