package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// box is a desk that runs.
type box struct {
	*town
	*Desk
	bus   *virtual.Bus
	stop  func()
	visit provisioning.VisitID
	op    int
}

// found makes a new desk, trusts it, and runs it.
func (w *town) found(name string) *box { return w.foundAs(name, "icto-1") }

// foundAs is found for a desk of another id.
func (w *town) foundAs(name, id string) *box {
	w.Helper()
	c, card := w.config(name, w.free()), w.path(name+".card")
	c.Desk = id
	if err := os.MkdirAll(w.path(name), 0o700); err != nil {
		w.Fatal(err)
	}
	if _, err := Init(c, w.path("verifier/"+verifier.FileBundle), card); err != nil {
		w.Fatal(err)
	}
	data, err := os.ReadFile(card)
	if err != nil {
		w.Fatal(err)
	}
	read, err := feed.DecodeDeskCard(data)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.verifier.Trust(read, verifier.Bounds{}, false); err != nil {
		w.Fatal(err)
	}
	b := w.run(c)
	err = b.officers.Add(w.Context(), "operator:test", provisioning.Officer{ID: "clerk", Name: "Clerk"},
		secret.NewPIN("270418"))
	if err != nil {
		w.Fatal(err)
	}
	return b
}

// run runs a desk that exists, until stop.
func (w *town) run(c Config) *box {
	w.Helper()
	keys, err := ReadKeys(c)
	if err != nil {
		w.Fatal(err)
	}
	b := &box{town: w, bus: virtual.NewBus()}
	b.Desk, err = Open(w.Context(), Parts{Config: c, Keys: keys, Site: w.site, Bus: b.bus,
		Tokens: yubikey.Options{MayOpen: func(devices.Info) bool { return true }}, Clock: always{},
		Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { w.Error(err) }})
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			w.Error(err)
		}
	})
	w.Cleanup(b.stop)
	w.until("the desk has begun", func() bool {
		for entry := range b.store.Newest(w.Context()) {
			if entry.Entry.Act == "desk.start" {
				return entry.Entry.Detail["instance"] == b.instance.ID
			}
		}
		return false
	})
	return b
}

// always is a clock that is right.
type always struct{ SystemClock }

// Synced implements Clock.
func (always) Synced() bool { return true }

// try gives one order to the rules.
func (b *box) try(command provisioning.Command) error {
	b.op++
	id, err := b.visits.Do(b.Context(), provisioning.Order{By: "clerk",
		Op: provisioning.OpID(b.instance.ID + strconv.Itoa(b.op)), Visit: b.visit, Command: command})
	if err == nil {
		b.visit = id
	}
	return err
}

func (b *box) do(commands ...provisioning.Command) {
	b.Helper()
	for _, command := range commands {
		if err := b.try(command); err != nil {
			b.Fatalf("%T: %v", command, err)
		}
	}
}

// reaches waits until the visit is as wanted.
func (b *box) reaches(wanted func(provisioning.Visit) bool) {
	b.Helper()
	var v provisioning.Visit
	for over := time.Now().Add(enough); ; {
		changed := b.store.Changed()
		if v, _ = provisioning.Get[provisioning.Visit](b.Snapshot(), string(b.visit)); wanted(v) {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Until(over)):
			b.Fatalf("the visit stays at %s, %s, %s", v.Step, v.Progress, v.Problem)
		}
	}
}

// ask leads a visit of a person to where the token is wanted.
func (b *box) ask(p provisioning.Person) {
	b.Helper()
	b.visit = ""
	b.do(provisioning.Open{Person: p},
		provisioning.Confirm{Evidence: provisioning.EvidencePassport},
		provisioning.Choose{Errand: provisioning.ErrandLoan},
		provisioning.Ask{Reason: "phone_unsupported", PhoneSeen: true})
}

// lend lends a token, to the verdict and the goodbye.
func (b *box) lend(p provisioning.Person, key *virtual.Key) {
	b.Helper()
	b.ask(p)
	b.bus.Plug(key)
	b.reaches(func(v provisioning.Visit) bool { return v.Step == provisioning.StepCheck })
	b.do(provisioning.Turn{Away: true}, provisioning.Agree{Terms: b.site.Terms},
		provisioning.Turn{Away: false}, provisioning.Write{Overwrite: true})
	b.reaches(func(v provisioning.Visit) bool { return v.Progress == provisioning.ProgressTouch })
	b.touchUntil(key, func(v provisioning.Visit) bool { return v.Step == provisioning.StepDone })
	b.bus.Unplug(key)
	b.do(provisioning.End{})
}

// touchUntil touches the token until the visit is as wanted. A touch before the desk listens is lost.
func (b *box) touchUntil(key *virtual.Key, wanted func(provisioning.Visit) bool) {
	b.Helper()
	proven := func() bool {
		v, _ := provisioning.Get[provisioning.Visit](b.Snapshot(), string(b.visit))
		return v.Progress != provisioning.ProgressTouch
	}
	for tries := 0; !proven() && tries < 200; tries++ {
		if _, err := key.Touch(b.site.Slot); err != nil {
			b.Fatal(err)
		}
		for over := time.Now().Add(100 * time.Millisecond); !proven() && time.Now().Before(over); {
			time.Sleep(time.Millisecond)
		}
	}
	b.reaches(wanted)
}
