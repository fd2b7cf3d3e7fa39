package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// TestRestore is the bad day: a backup, fifty loans after it, the box gone. The desk is restored on
// an empty machine, and knows and lists all of them; no counter is lowered; the old copy, should it
// come back, is refused at both ends and says so.
func TestRestore(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	old := w.found("old")
	early := newKey(0)
	old.lend(w.folk[0], early)
	old.settled()
	file := old.backup("desk.backup")
	var keys []*virtual.Key
	for i := 1; i <= 50; i++ {
		key := newKey(i)
		old.lend(w.folk[i], key)
		keys = append(keys, key)
	}
	old.settled()
	used := w.typed(keys[0])
	if !w.accepts(w.folk[1], used) || !w.accepts(w.folk[0], w.typed(early)) {
		t.Fatal("what was lent does not sign in")
	}
	before := counters(old)
	old.stop()
	oldConfig := old.parts.Config
	image := w.copyFolder(oldConfig, "image", strings.TrimPrefix(oldConfig.FeedURL, "https://"))
	if err := errors.Join(os.RemoveAll(oldConfig.State), os.RemoveAll(oldConfig.Credentials)); err != nil {
		t.Fatal(err)
	}

	config, card, err := w.restore(file, "new", nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh := w.run(config)
	fresh.refused(provisioning.CodeDeskWaiting)
	weighed, err := w.verifier.AcceptRestore(card, false)
	if err != nil || weighed.Accepted || weighed.Since != 50 {
		t.Fatalf("weighed: %+v, %v", weighed, err)
	}
	fresh.refused(provisioning.CodeDeskWaiting)
	if done, err := w.verifier.AcceptRestore(card, true); err != nil || !done.Accepted {
		t.Fatalf("accepted: %+v, %v", done, err)
	}
	st := fresh.standing("the desk is accepted", func(s provisioning.Standing) bool { return !s.Waiting })
	if st.Learned != 50 {
		t.Errorf("it learned %d rows, not 50", st.Learned)
	}
	w.knows(fresh, keys)
	fresh.settled()
	// What the restored desk was told of counters is what the verifier holds.
	for id, next := range before {
		c, _ := provisioning.Get[provisioning.Credential](fresh.Snapshot(), string(id))
		if c.Next < next {
			t.Errorf("the counter of %s was %d and is %d", id, next, c.Next)
		}
	}
	if w.accepts(w.folk[1], used) {
		t.Error("a code that was used before the restore is accepted again")
	}
	if !w.signsIn(w.folk[1], keys[0]) || !w.signsIn(w.folk[50], keys[49]) {
		t.Error("a token that was lent after the backup does not sign in any more")
	}

	late := feed.Rows{Feed: fresh.store.Feed(), Rows: []feed.KnownRow{{Kind: feed.KindSeed,
		Credential: strings.Repeat("ab", 16), State: feed.KnownActive, User: w.folk[58].Account,
		Vendor: "yubikey", Serial: "1"}}}
	if err := fresh.TakeRows(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if _, lent := provisioning.OpenLoan(fresh.Snapshot(), w.folk[58].ID); lent {
		t.Error("a desk that waits for nothing learns a loan")
	}

	// A token the old desk guarded with an access code, and the new desk never saw, is written anew.
	fresh.takeBack(w.folk[2], keys[1])
	fresh.lend(w.folk[55], keys[1])
	if !w.signsIn(w.folk[55], keys[1]) || w.signsIn(w.folk[2], keys[1]) {
		t.Error("the token that was written anew does not belong to its new person")
	}

	thief := w.run(image)
	told := thief.standing("the old copy is told", func(s provisioning.Standing) bool {
		return s.Halt == provisioning.CodeDeskRestored
	})
	if !strings.Contains(told.Detail, fresh.store.Feed()) {
		t.Errorf("the old copy was told %q", told.Detail)
	}
	thief.refused(provisioning.CodeDeskRestored)
	status, err := thief.Status(t.Context())
	if err != nil || !strings.Contains(status.Standing, "was restored elsewhere; it must not be used") {
		t.Errorf("the old copy's status says %q, %v", status.Standing, err)
	}
	d := w.desk()
	if len(d.Replaced) != 1 || d.Replaced[0].Told.IsZero() || d.Replaced[0].URL != oldConfig.FeedURL ||
		!strings.Contains(d.Replaced[0].Instance, thief.instance.ID) || d.Alarm.What != "" {
		t.Errorf("the verifier says %+v", d)
	}
	if provisioning.StandingOf(fresh.Snapshot()).Halt != "" {
		t.Error("the restored desk was stopped, too")
	}
	fresh.lend(w.folk[56], newKey(56))
}

// counters are the counters after the proofs of what is on loan.
func counters(b *box) map[provisioning.CredentialID]uint64 {
	list := map[provisioning.CredentialID]uint64{}
	for c := range provisioning.All[provisioning.Credential](b.Snapshot()) {
		if c.State == provisioning.CredentialActive {
			list[c.ID] = c.Next
		}
	}
	return list
}

// knows says that every token lent after the backup is known, listed, and on loan to its person.
func (w *town) knows(b *box, keys []*virtual.Key) {
	w.Helper()
	snap, listed := b.Snapshot(), strings.Join(b.serials(), " ")
	for i, key := range keys {
		serial := fmt.Sprint(key.Serial())
		loan, ok := provisioning.OpenLoan(snap, w.folk[i+1].ID)
		if !ok || provisioning.SerialOf(loan.Token) != serial ||
			loan.Reason != provisioning.ReasonRestored || loan.Officer != "" || loan.At.IsZero() {
			w.Errorf("loan %d: %+v", i+1, loan)
		}
		c, _ := provisioning.Get[provisioning.Credential](snap, string(loan.Credential))
		if c.State != provisioning.CredentialActive || c.Next == 0 {
			w.Errorf("credential %d: %+v", i+1, c)
		}
		if !strings.Contains(listed, serial) {
			w.Errorf("token %s is not listed", serial)
		}
	}
	if loan, ok := provisioning.OpenLoan(snap, w.folk[0].ID); !ok || loan.Officer != "clerk" {
		w.Errorf("the loan from before the backup: %+v", loan)
	}
}

// takeBack takes a token back and wipes it.
func (b *box) takeBack(p provisioning.Person, key *virtual.Key) {
	b.Helper()
	b.visit = ""
	b.do(provisioning.Open{Person: p},
		provisioning.Confirm{Evidence: provisioning.EvidencePassport},
		provisioning.Choose{Errand: provisioning.ErrandReturn})
	b.bus.Plug(key)
	loan, _ := provisioning.OpenLoan(b.Snapshot(), p.ID)
	b.reaches(func(v provisioning.Visit) bool { return v.Token == loan.Token })
	b.do(provisioning.TakeBack{Loan: loan.ID})
	b.reaches(func(v provisioning.Visit) bool { return v.Step == provisioning.StepDone })
	b.bus.Unplug(key)
	b.do(provisioning.End{})
}

// TestRestoreBreaksOff: a restore that stops anywhere leaves nothing that starts, and done again it
// comes to its end.
func TestRestoreBreaksOff(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	old := w.found("old")
	file := old.backup("desk.backup")
	old.stop()
	var steps []string
	if _, _, err := w.restore(file, "counted", func(name string) error {
		steps = append(steps, name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(steps) < 8 {
		t.Fatalf("the steps are %v", steps)
	}
	cut := errors.New("the power is gone")
	for _, at := range steps {
		name := "at-" + at
		config, _, err := w.restore(file, name, func(step string) error {
			if step == at {
				return cut
			}
			return nil
		})
		if !errors.Is(err, cut) {
			t.Fatalf("%s: %v", at, err)
		}
		w.startsNot(config, at)
		config, card, err := w.restore(file, name, nil)
		if err != nil {
			t.Errorf("%s, done again: %v", at, err)
			continue
		}
		if _, err := os.Stat(config.restoreMark()); err == nil {
			t.Errorf("%s: the mark is left", at)
		}
		keys, err := ReadKeys(config)
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := openStore(t.Context(), Parts{Config: config, Keys: keys, Clock: always{}}, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if epoch, continues := s.Epoch(); s.Feed() != card.Feed || epoch != 1 ||
			!strings.HasPrefix(continues, "icto-1/"+card.From+"\n") {
			t.Errorf("%s: feed %s, epoch %d, continues %q", at, s.Feed(), epoch, continues)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, _, err := w.restore(file, "counted", nil)
	if err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a desk was restored over another: %v", err)
	}
}

// startsNot: what a broken-off restore left is no desk.
func (w *town) startsNot(c Config, at string) {
	w.Helper()
	keys, err := ReadKeys(c)
	if err != nil {
		return
	}
	s, _, err := openStore(w.Context(), Parts{Config: c, Keys: keys, Clock: always{}}, nil, nil)
	if err == nil {
		w.Errorf("%s: a desk starts on half a restore", at)
		_ = s.Close()
	}
}

// TestTwoCopies: an image of the box runs beside it under the same address. Both are stopped and say
// so, and the verifier names both.
func TestTwoCopies(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	one := w.found("one")
	one.lend(w.folk[1], newKey(1))
	one.settled()
	one.stop()
	address := strings.TrimPrefix(one.parts.Config.FeedURL, "https://")
	image := w.copyFolder(one.parts.Config, "two", w.free())
	image.Listen = "127.0.0.1:0"

	again := w.run(one.parts.Config)
	again.lend(w.folk[2], newKey(2))
	again.settled()
	again.stop()
	image.Feed = address // it takes the address of the other
	two := w.run(image)
	two.standing("the image is stopped", halted)
	two.refused(provisioning.CodeDeskCopied)
	two.stop()
	back := w.run(one.parts.Config)
	st := back.standing("the first is stopped", halted)
	back.refused(provisioning.CodeDeskCopied)
	if !strings.Contains(st.Detail, two.instance.ID) {
		t.Errorf("the first was told %q", st.Detail)
	}
	w.until("the verifier names both", func() bool {
		d := w.desk()
		return strings.Contains(d.Copies, again.instance.ID) && strings.Contains(d.Copies, two.instance.ID) &&
			strings.Contains(d.Copies, back.instance.ID) && strings.Contains(d.Copies, address)
	})
	if d := w.desk(); d.Alarm.What != feed.ErrRolledBack.Error() && d.Alarm.What != feed.ErrFork.Error() {
		t.Errorf("the alarm is %q", d.Alarm.What)
	}

	// An operator who knows which is right trusts it again: it goes on.
	data, err := os.ReadFile(w.path("one.card"))
	if err != nil {
		t.Fatal(err)
	}
	card, err := feed.DecodeDeskCard(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.verifier.Trust(card, w.desk().Bounds, false); err != nil {
		t.Fatal(err)
	}
	back.standing("the first goes on", func(s provisioning.Standing) bool { return s.Halt == "" })
	back.lend(w.folk[3], newKey(3))
}

func halted(s provisioning.Standing) bool { return s.Halt != "" }

// verifiedWhereNothingIsWritten verifies a backup in a folder in which not even root makes a file.
func verifiedWhereNothingIsWritten(t *testing.T, file string, key secret.Key) error {
	t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	_, err = VerifyBackup(t.Context(), fmt.Sprintf("/proc/self/fd/%d", opened.Fd()), key)
	return err
}

// TestBackupIsOpened: a backup is opened fully with the recovery key and with no other, and says
// what is in it. Nothing in it is in the clear.
func TestBackupIsOpened(t *testing.T) {
	w := newTown(t)
	unpacked := w.path("unpacked")
	if err := os.Mkdir(unpacked, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", unpacked)
	desk := w.found("one")
	desk.lend(w.folk[1], newKey(1))
	file := desk.backup("desk.backup")
	facts, err := VerifyBackup(t.Context(), file, w.private)
	if err != nil || facts.Desk != "icto-1" || facts.Entries != facts.Position || facts.Values == 0 ||
		facts.LogKey != desk.parts.Keys.LogKey {
		t.Errorf("%+v, %v", facts, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifiedWhereNothingIsWritten(t, file, w.private); err != nil {
		t.Errorf("in a folder in which nothing can be written: %v", err)
	}
	for _, name := range neededCredentials {
		key, err := desk.parts.Config.credential(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, bytes.TrimSpace(key)[:40]) {
			t.Errorf("%s stands in the clear", name)
		}
	}
	if _, err := MakeRecoveryKey(w.path("other.key"), w.path("other.pub")); err != nil {
		t.Fatal(err)
	}
	other, err := ReadRecoveryKey(w.path("other.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBackup(t.Context(), file, other); !errors.Is(err, feed.ErrWrapped) {
		t.Errorf("another key: %v", err)
	}
	live := w.copyFolder(desk.parts.Config, "live", w.free())
	if err := os.WriteFile(live.file(), data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = openStore(t.Context(), Parts{Config: live, Keys: desk.parts.Keys, Clock: always{}}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "is a backup and does not start") {
		t.Errorf("a backup as live state: %v", err)
	}
	if err := os.WriteFile(file, data[:len(data)-40], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBackup(t.Context(), file, w.private); err == nil {
		t.Error("half a backup was verified")
	}
	if left, err := os.ReadDir(unpacked); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	begun, ended := 0, 0
	for entry, err := range desk.store.Newest(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		named := strings.HasPrefix(entry.Entry.Actor, "operator:")
		if entry.Entry.Act == "backup.begin" && named {
			begun++
		}
		if entry.Entry.Act == "backup.end" && named {
			ended++
		}
	}
	if begun != 1 || ended != 1 {
		t.Errorf("%d backups were begun and %d ended by an operator", begun, ended)
	}
}
