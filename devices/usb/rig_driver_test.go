//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// config is a slot with the seed of the RFC. Programming does not keep it, so each use makes it
// anew.
func config(slot, digits int, current, next []byte) provisioning.SlotConfig {
	c := provisioning.SlotConfig{Slot: slot, Seed: secret.NewSeed(append([]byte(nil), seed...)),
		Digits: digits, Enter: true}
	if current != nil {
		c.Current = secret.NewAccessCode(append([]byte(nil), current...))
	}
	if next != nil {
		c.New = secret.NewAccessCode(append([]byte(nil), next...))
	}
	return c
}

// read reads what one touch types, through our driver.
func (k *rigKey) read(token *yubikey.Token, slot, digits int) string {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 5*time.Second)
	defer cancel()
	// The finger comes a little after the driver has begun to wait, as it does at a counter.
	finger := time.AfterFunc(100*time.Millisecond, func() { _, _ = k.Touch(slot) })
	defer finger.Stop()
	otp, err := token.ReadOTP(ctx, digits)
	if err != nil {
		k.t.Fatal(err)
	}
	return string(otp.Expose())
}

// TestGuestDriverPrograms: our driver identifies, writes and reads through karalabe/hid while the
// bus is listed all the time, oathtool agrees with what is typed, and ykinfo with what was written.
func TestGuestDriverPrograms(t *testing.T) {
	k := plugIn(t, virtual.Options{Serial: 7654321})
	stop := make(chan struct{})
	var listing sync.WaitGroup
	lists := 0
	listing.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if got := len(k.list()); got != 2 {
				t.Errorf("%d interfaces are listed in the middle, want 2", got)
			}
			lists++
		}
	})
	token := k.open()
	info, err := token.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Serial != "7654321" || info.Firmware != "5.4.3" {
		t.Errorf("identified as %s, firmware %s", info.Serial, info.Firmware)
	}
	for slot, digits := range map[int]int{1: 6, 2: 8} {
		if err := token.Program(t.Context(), config(slot, digits, nil, nil)); err != nil {
			t.Fatal(err)
		}
		var typed []string
		for range 3 {
			typed = append(typed, k.read(token, slot, digits))
		}
		if diff := cmp.Diff(expected(t, seed, digits, 3), typed); diff != "" {
			t.Errorf("slot %d typed (-oathtool +driver):\n%s", slot, diff)
		}
	}
	close(stop)
	listing.Wait()
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d listings meanwhile", lists)
	got := fields(must(t, "ykinfo", "-a"))
	if got["slot1_status"] != "1" || got["slot2_status"] != "1" || got["serial"] != "7654321" ||
		got["programming_sequence"] != "2" {
		t.Errorf("ykinfo says %v", got)
	}
}

// TestGuestAccessCodes: what one program guards, no other overwrites without the code: our driver,
// ykpersonalize and ykman are each refused with a wrong one and leave no trace.
func TestGuestAccessCodes(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	right, wrong := []byte{1, 2, 3, 4, 5, 6}, []byte{6, 5, 4, 3, 2, 1}
	program := func(c provisioning.SlotConfig) error {
		token := k.open()
		err := token.Program(t.Context(), c)
		return errors.Join(err, token.Close())
	}
	if err := program(config(1, 6, nil, right)); err != nil {
		t.Fatal(err)
	}
	before := k.State()
	if err := program(config(1, 6, wrong, wrong)); !errors.Is(err, provisioning.ErrProtected) {
		t.Errorf("our driver with a wrong code: %v, want ErrProtected", err)
	}
	personalize := func(code []byte) error {
		_, err := tool("ykpersonalize", "-1", "-y", "-ooath-hotp",
			"-a"+hex.EncodeToString(seed), "-c"+hex.EncodeToString(code),
			"-oaccess="+hex.EncodeToString(code))
		return err
	}
	if personalize(wrong) == nil {
		t.Error("ykpersonalize with a wrong code succeeded")
	}
	if _, err := tool("ykman", "otp", "--access-code", hex.EncodeToString(wrong),
		"delete", "--force", "1"); err == nil {
		t.Error("ykman with a wrong code succeeded")
	}
	if diff := cmp.Diff(before, k.State()); diff != "" {
		t.Errorf("refused writes left a trace (-before +after):\n%s", diff)
	}
	if err := personalize(right); err != nil {
		t.Errorf("ykpersonalize with the code our driver set: %v", err)
	}
	if err := program(config(1, 6, right, right)); err != nil {
		t.Errorf("our driver with the code ykpersonalize set: %v", err)
	}
}

// TestGuestOneOwner: while we have the key nobody else gets it, and a second opening says so.
func TestGuestOneOwner(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	info := k.keyboard()
	token := k.open()
	if _, err := k.bus.Open(t.Context(), info); !errors.Is(err, devices.ErrBusy) {
		t.Errorf("a second opening: %v, want ErrBusy", err)
	}
	if out, err := tool("ykinfo", "-a"); err == nil {
		t.Errorf("ykinfo got through to a key that we hold:\n%s", out)
	}
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
	must(t, "ykinfo", "-a")
}

// TestGuestUnplugInMidWrite pulls the key after each of several reports. Every error says that the
// key is gone and what is true of the slot.
func TestGuestUnplugInMidWrite(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	for _, tt := range []struct {
		sets   int
		atOnce bool
	}{
		{1, false}, {4, true}, {7, false}, {8, false}, {8, true}, {9, false}, {9, true},
	} {
		name := fmt.Sprintf("after report %d, effect at once %t", tt.sets, tt.atOnce)
		token, before := k.open(), k.Sequence()
		k.Misbehave(virtual.Fault{UnplugAfterSets: tt.sets, WriteAtOnce: tt.atOnce})
		began := time.Now()
		err := token.Program(t.Context(), config(1, 6, nil, nil))
		took, cut := time.Since(began), !k.Plugged()
		if closed := token.Close(); closed != nil {
			t.Errorf("%s: close: %v", name, closed)
		}
		k.Misbehave(virtual.Fault{})
		changed := k.Sequence() != before
		t.Logf("%s: %v (%v, cut %t, written %t)", name, err, took.Round(time.Millisecond), cut, changed)
		if !cut {
			continue // the write needs fewer reports
		}
		untouched := errors.Is(err, provisioning.ErrUntouched)
		switch {
		case !errors.Is(err, provisioning.ErrGone):
			t.Errorf("%s: %v, want ErrGone", name, err)
		case untouched == errors.Is(err, provisioning.ErrUnknownOutcome):
			t.Errorf("%s: %v says both or neither of untouched and unknown", name, err)
		case untouched && changed:
			t.Errorf("%s: %v, and the slot was written", name, err)
		case took > 2*time.Second:
			t.Errorf("%s: took %v", name, took)
		}
		k.stop()
		k.eventually("the key is cleared away", func() bool { return len(k.list()) == 0 })
		k.plug()
	}
}

// TestGuestUnplugInMidRead pulls the key while somebody waits for a touch, and while it types.
func TestGuestUnplugInMidRead(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	token := k.open()
	if err := token.Program(t.Context(), config(1, 6, nil, nil)); err != nil {
		t.Fatal(err)
	}
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
	for _, reports := range []int{0, 1, 2, 7, 12} {
		token := k.open()
		pull := func() { k.twin.Unplug(k.Key) }
		if reports > 0 {
			k.Misbehave(virtual.Fault{UnplugAfterInputs: reports})
			pull = func() { _, _ = k.Touch(1) }
		}
		finger := time.AfterFunc(100*time.Millisecond, pull)
		began := time.Now()
		_, err := token.ReadOTP(t.Context(), 6)
		if took := time.Since(began); !errors.Is(err, provisioning.ErrGone) || took > 2*time.Second {
			t.Errorf("after %d reports: %v in %v, want ErrGone", reports, err, took)
		}
		finger.Stop()
		if err := token.Close(); err != nil {
			t.Errorf("after %d reports: close: %v", reports, err)
		}
		k.Misbehave(virtual.Fault{})
		k.stop()
		k.eventually("the key is cleared away", func() bool { return len(k.list()) == 0 })
		k.plug()
	}
}

// TestGuestReplugIsAnotherPlugging: the same port, the same path, another ID; what was listed
// before is not opened.
func TestGuestReplugIsAnotherPlugging(t *testing.T) {
	k := plugIn(t, virtual.Options{})
	first := k.keyboard()
	k.pull()
	k.plug()
	second := k.keyboard()
	if first.ID == second.ID || !strings.HasPrefix(second.ID, second.Path) {
		t.Errorf("IDs %q and %q", first.ID, second.ID)
	}
	if first.Path == second.Path {
		if _, err := k.bus.Open(t.Context(), first); !errors.Is(err, devices.ErrUnplugged) {
			t.Errorf("open what was pulled out: %v, want ErrUnplugged", err)
		}
	}
	if second.Name != "YubiKey OTP+FIDO+CCID" || second.Manufacturer != "Yubico" {
		t.Errorf("the bus calls it %q by %q", second.Name, second.Manufacturer)
	}
}

// TestGuestBenchSeesAKey: from the moment its node exists to identified on the bench.
func TestGuestBenchSeesAKey(t *testing.T) {
	k := plugIn(t, virtual.Options{Serial: 7654321})
	k.pull()
	bench := yubikey.NewBench(k.bus, yubikey.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = bench.Run(ctx) })
	defer running.Wait()
	defer cancel()
	exists := make(chan time.Time, 1)
	running.Go(func() {
		within(15*time.Second, func() bool { return len(k.list()) > 0 })
		exists <- time.Now()
	})
	k.plug()
	k.eventually("the bench has identified the key", func() bool {
		for _, p := range bench.Plugs() {
			if p.Info != nil && p.Info.Serial == "7654321" {
				return true
			}
		}
		return false
	})
	t.Logf("identified %v after it was first listed", time.Since(<-exists).Round(time.Millisecond))
}
