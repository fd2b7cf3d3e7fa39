//go:build hardware && linux && cgo && !nousb

package usb_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices/usb"
	"github.com/tokendesk/tokendesk/devices/yubikey"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

var wipe = flag.String("wipe-token", "",
	"`serial` of the real token whose slot 2 is written and erased")

// TestHardware runs on a real token: what slot 2 of it holds is lost. Nothing is opened unless its
// serial was given, and a person has to touch it twice.
func TestHardware(t *testing.T) {
	if *wipe == "" {
		t.Fatal("name the token to wipe: -wipe-token=<serial>")
	}
	bus := usb.New()
	defer bus.Close()
	bench := yubikey.NewBench(bus, yubikey.Options{OnlySerial: *wipe})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bench.Run(ctx) }()
	defer func() { cancel(); <-done }()

	device := openReal(t, bench)
	defer device.Close()
	for _, digits := range []int{6, 8} {
		raw := make([]byte, 20)
		_, _ = rand.Read(raw)
		seed := secret.NewSeed(raw)
		config := provisioning.SlotConfig{Slot: 2, Seed: seed, Digits: digits, Enter: true}
		if err := device.Program(ctx, config); err != nil {
			t.Fatalf("program: %v", err)
		}
		codes, err := oath.Codes(seed, 0, 10, digits)
		if err != nil {
			t.Fatal(err)
		}
		touchReal(t, device, codes, digits)
	}
	if err := device.Erase(ctx, 2, secret.AccessCode{}); err != nil {
		t.Errorf("erase: %v", err)
	}
}

func openReal(t *testing.T, bench *yubikey.Bench) provisioning.Device {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		changed := bench.Changed()
		for _, plug := range bench.Plugs() {
			if plug.Usable && plug.Info != nil && plug.Info.Serial == *wipe {
				device, err := bench.Open(t.Context(), plug.ID)
				if err != nil {
					t.Fatal(err)
				}
				return device
			}
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("token %s was not found", *wipe)
		}
	}
}

// touchReal asks for a touch of slot 2 (a long one) and looks for what is typed.
func touchReal(t *testing.T, device provisioning.Device, codes []secret.OTP, digits int) {
	t.Helper()
	fmt.Fprintln(os.Stderr, "hold the gold disc of the token for three seconds")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	typed, err := device.ReadOTP(ctx, digits)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if at, ok := oath.Find(codes, typed); !ok || at != 0 {
		t.Errorf("the first OTP of %d digits was found: %v, at %d", digits, ok, at)
	}
}
