package yubikey

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/provisioning"
)

// A bus that cannot be listed keeps what it showed, says so once, and is listed again later.
func TestBenchOutlivesABrokenBus(t *testing.T) {
	said := make(chan error, 100)
	opts := Options{Trouble: func(err error) { said <- err }}
	running(t, opts, []virtual.Options{{Serial: 11}, {Serial: 22}}, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		bus.Plug(keys[0])
		until(t, b, "identified", shows("11"))
		bus.breaks(devices.ErrUnsupported)
		bus.Plug(keys[1])
		time.Sleep(time.Minute)
		if got := describe(b.Plugs()); got != `["11"]` || len(said) != 1 {
			t.Errorf("while the bus is broken, %s is shown; told %d times", got, len(said))
		}
		if err := <-said; !errors.Is(err, devices.ErrUnsupported) {
			t.Errorf("told %v", err)
		}
		bus.breaks(nil)
		until(t, b, "well again", shows("11", "22"))
		if err := <-said; err != nil || len(said) != 0 {
			t.Errorf("told %v, and %d more", err, len(said))
		}
	})
}

// half is how soon a token must be on screen.
const half = 500 * time.Millisecond

func TestBenchShowsTokens(t *testing.T) {
	keys := []virtual.Options{
		{Serial: 11}, {Serial: 22, Delivered: true}, {Serial: 33, Product: 0x0402},
	}
	running(t, Options{}, keys, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		until(t, b, "empty", shows())
		bus.Plug(keys[0])
		if took := until(t, b, "one", shows("11")); took > half {
			t.Errorf("on screen after %v", took)
		}
		bus.Plug(keys[1])
		if took := until(t, b, "two", shows("11", "22")); took > half {
			t.Errorf("on screen after %v", took)
		}
		bus.Plug(keys[2])
		until(t, b, "FIDO alone", shows("11", "22", "not_otp"))
		plugs := b.Plugs()
		if plugs[2].Usable || plugs[2].Name != "YubiKey FIDO" || plugs[2].Info != nil {
			t.Errorf("FIDO alone is shown as %+v", plugs[2])
		}
		if !plugs[1].Usable || plugs[1].Name == "" || !plugs[1].Info.Slots[0].Configured {
			t.Errorf("a usable token is shown as %+v", plugs[1])
		}
		if _, err := b.Open(t.Context(), plugs[2].ID); !errors.Is(err, provisioning.ErrNotOTP) {
			t.Errorf("open of FIDO alone: %v", err)
		}
		bus.Unplug(keys[0])
		if took := until(t, b, "pulled", shows("22", "not_otp")); took > half {
			t.Errorf("gone from the screen after %v", took)
		}
		bus.Plug(keys[0])
		until(t, b, "back", shows("22", "not_otp", "11"))
		if id := b.Plugs()[2].ID; id == plugs[0].ID || id == "" {
			t.Errorf("plugged in again, it is %q as before", id)
		}
		time.Sleep(time.Minute)
		if n := bus.opens("1-2:1.0"); n != 1 {
			t.Errorf("in a quiet minute a token was opened %d times", n)
		}
		if n := bus.opens("1-3:1.0"); n != 0 {
			t.Errorf("a device without OTP was opened %d times", n)
		}
	})
}

func TestBenchLendsToOneOwner(t *testing.T) {
	running(t, Options{}, []virtual.Options{{Serial: 11}}, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		bus.Plug(keys[0])
		until(t, b, "identified", shows("11"))
		id := b.Plugs()[0].ID
		device, err := b.Open(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Open(t.Context(), id); !errors.Is(err, provisioning.ErrHeld) {
			t.Errorf("second open: %v", err)
		}
		opens := bus.opens("1-1:1.0")
		time.Sleep(time.Minute)
		if err := device.Program(t.Context(), hotpConfig(1)); err != nil {
			t.Error(err)
		}
		if n := bus.opens("1-1:1.0"); n != opens {
			t.Errorf("opened %d times while it was lent", n-opens)
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		took := until(t, b, "identified again", shows("11"))
		if !b.Plugs()[0].Info.Slots[0].Configured || took > half {
			t.Errorf("after %v it is shown as %+v", took, b.Plugs()[0].Info)
		}
		if err := device.Close(); !errors.Is(err, devices.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		again, err := b.Open(t.Context(), id)
		if err != nil {
			t.Fatalf("open after close: %v", err)
		}
		bus.Unplug(keys[0])
		until(t, b, "pulled", shows())
		if err := again.Close(); err != nil {
			t.Errorf("close after unplug: %v", err)
		}
		if _, err := b.Open(t.Context(), id); !errors.Is(err, provisioning.ErrGone) {
			t.Errorf("open of what is gone: %v", err)
		}
	})
}

// Who opens a token that the bench is asking just now waits for the answer, or for his deadline.
func TestBenchOpenWaitsForItsOwnQuestion(t *testing.T) {
	running(t, Options{}, []virtual.Options{{Serial: 11}}, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		keys[0].Misbehave(virtual.Fault{Late: 400 * time.Millisecond})
		bus.Plug(keys[0])
		until(t, b, "plugged", shows("asking"))
		synctest.Wait() // the question is out now
		id := b.Plugs()[0].ID
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := b.Open(short, id); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("open by a deadline: %v", err)
		}
		device, err := b.Open(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(b.Plugs()); got != `["11"]` {
			t.Errorf("opened while the list shows %s", got)
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		until(t, b, "identified again", shows("11"))
	})
}

// Fifty callers, one token: at any time one of them has it.
func TestBenchOpensAreExclusive(t *testing.T) {
	running(t, Options{}, []virtual.Options{{Serial: 11}}, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		bus.Plug(keys[0])
		until(t, b, "identified", shows("11"))
		id := b.Plugs()[0].ID
		errs := make(chan error, 50)
		for range cap(errs) {
			go func() {
				device, err := b.Open(t.Context(), id)
				if err == nil {
					time.Sleep(time.Second)
					err = device.Close()
				}
				errs <- err
			}()
		}
		done := 0
		for range cap(errs) {
			if err := <-errs; err == nil {
				done++
			} else if !errors.Is(err, provisioning.ErrHeld) {
				t.Error(err)
			}
		}
		if done != 1 {
			t.Errorf("%d callers had the token in the same second", done)
		}
	})
}

func TestBenchWaitsForTokens(t *testing.T) {
	for why, fault := range map[provisioning.Code]virtual.Fault{
		provisioning.CodeTokenNoPermission: {Forbidden: 3 * time.Second},
		provisioning.CodeTokenHeld:         {Held: true},
		provisioning.CodeTokenSilent:       {UnplugAfterGets: 0, Busy: 10 * time.Second},
	} {
		running(t, Options{}, []virtual.Options{{Serial: 11}}, func(
			t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
		) {
			keys[0].Misbehave(fault)
			bus.Plug(keys[0])
			until(t, b, string(why), shows(string(why)))
			plug := b.Plugs()[0]
			if plug.Usable || plug.Err == nil || plug.Info != nil {
				t.Errorf("%s is shown as %+v", why, plug)
			}
			if why == provisioning.CodeTokenHeld {
				if _, err := b.Open(t.Context(), plug.ID); !errors.Is(err, provisioning.ErrHeld) {
					t.Errorf("open of a held token: %v", err)
				}
			}
			if fault.Forbidden == 0 {
				keys[0].Misbehave(virtual.Fault{})
			}
			until(t, b, "well again", shows("11"))
			if p := b.Plugs()[0]; !p.Usable || p.Err != nil {
				t.Errorf("well again, it is shown as %+v", p)
			}
			if n := bus.opens("1-1:1.0"); n > 40 {
				t.Errorf("%s: opened %d times", why, n)
			}
		})
	}
}

// A serial that is not told may only be late, because another side of the key was just used. It is
// asked for a while before the token is shown as one without.
func TestBenchAsksAgainForASerial(t *testing.T) {
	neo := virtual.Options{Firmware: virtual.Version{3, 4, 3}, Product: 0x0116}
	running(t, Options{}, []virtual.Options{neo}, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		w := &twin{key: keys[0], bus: bus.Bus}
		w.plug(t)
		hideSerial(t, w.Token)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var shown []provisioning.Plug
		took := until(t, b, "without a serial", func(plugs []provisioning.Plug) bool {
			shown = plugs
			return shows("")(plugs)
		})
		if took < 3*time.Second || took > 10*time.Second || !shown[0].Usable {
			t.Errorf("shown after %v as %+v", took, shown[0])
		}
	})
}

func TestBenchNoticesLatePermissionSoon(t *testing.T) {
	running(t, Options{}, []virtual.Options{{Serial: 11}}, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		keys[0].Misbehave(virtual.Fault{Forbidden: 150 * time.Millisecond})
		bus.Plug(keys[0])
		if took := until(t, b, "identified", shows("11")); took > half {
			t.Errorf("on screen after %v", took)
		}
	})
}

func TestBenchLeavesTokensAlone(t *testing.T) {
	keys := []virtual.Options{{Serial: 11}, {Serial: 22}}
	never := func(devices.Info) bool { return false }
	running(t, Options{MayOpen: never}, keys, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		bus.Plug(keys[0])
		until(t, b, "listed", shows(string(provisioning.CodeTokenLeftAlone)))
		time.Sleep(time.Minute)
		if _, err := b.Open(t.Context(), b.Plugs()[0].ID); !errors.Is(err, errLeftAlone) {
			t.Errorf("open: %v", err)
		}
		if n := bus.opens("1-1:1.0"); n != 0 {
			t.Errorf("opened %d times", n)
		}
	})
	running(t, Options{OnlySerial: "22"}, keys, func(
		t *testing.T, b *Bench, bus *countingBus, keys []*virtual.Key,
	) {
		bus.Plug(keys[0])
		bus.Plug(keys[1])
		until(t, b, "one of two", shows(string(provisioning.CodeTokenLeftAlone), "22"))
		time.Sleep(time.Minute)
		plugs := b.Plugs()
		if _, err := b.Open(t.Context(), plugs[0].ID); !errors.Is(err, errLeftAlone) {
			t.Errorf("open of the other one: %v", err)
		}
		if n := bus.opens("1-1:1.0"); n != 1 {
			t.Errorf("the other one was opened %d times", n)
		}
		device, err := b.Open(t.Context(), plugs[1].ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTokensIn(t *testing.T) {
	at := func(path string, vendor, product uint16, n int) devices.Info {
		return devices.Info{Path: path, Vendor: vendor, Product: product, Interface: n}
	}
	infos := []devices.Info{
		at("1-1:1.1", vendorID, 0x0407, 1), at("1-1:1.0", vendorID, 0x0407, 0),
		at("1-2:1.0", 0x046d, 0xc31c, 0), at("1-10:1.0", vendorID, 0x0402, 0),
		at("1-3", vendorID, 0x0404, -1),
	}
	var paths []string
	for _, info := range tokensIn(infos) {
		paths = append(paths, info.Path)
	}
	slices.Sort(paths)
	if diff := cmp.Diff([]string{"1-10:1.0", "1-1:1.0", "1-3"}, paths); diff != "" {
		t.Error(diff)
	}
}
