package virtual

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usbip"
)

// TestScannerTypes compares with the usages of HID Usage Tables section 10, written out.
func TestScannerTypes(t *testing.T) {
	s := NewScanner(ScannerOptions{Every: time.Millisecond})
	if err := s.Type("a%0?\n"); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]byte{{0, 0x04}, {2, 0x22}, {0, 0x27}, {2, 0x38}, {0, 0x28}} {
		down, err1 := s.In(t.Context(), 1, 8)
		up, err2 := s.In(t.Context(), 1, 8)
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(up, make([]byte, 8)) ||
			!bytes.Equal(down, []byte{want[0], 0, want[1], 0, 0, 0, 0, 0}) {
			t.Fatalf("% x, % x, %v; want % x", down, up, err, want)
		}
	}
	if err := s.Type("é"); err == nil {
		t.Error("a character that the keyboard does not have was typed")
	}
}

func TestScannerSwipes(t *testing.T) {
	s := NewScanner(ScannerOptions{Swipes: true, Every: time.Microsecond})
	s.Swipe([3]string{"%AB?", "E", "+12?"})
	var report []byte
	for len(report) < swipeReport {
		packet, err := s.In(t.Context(), 1, 8)
		if err != nil {
			t.Fatal(err)
		}
		report = append(report, packet...)
	}
	want := append([]byte{0, 1, 0, 4, 0, 4, 0}, "%AB?"...)
	if len(report) != 337 || !bytes.HasPrefix(report, want) || string(report[227:231]) != "+12?" {
		t.Errorf("% x", report)
	}
}

// TestScannerIsPulled: whatever the kernel asks then, the device is gone.
func TestScannerIsPulled(t *testing.T) {
	s := NewScanner(ScannerOptions{Serial: "S1"})
	get := usbip.Setup{RequestType: 0x80, Request: 6, Value: 0x0200, Length: 9}
	if head, err := s.Control(t.Context(), get, nil); err != nil || len(head) != 9 || head[2] != 34 {
		t.Errorf("% x, %v", head, err)
	}
	s.Pull()
	s.Pull()
	<-s.Gone()
	if _, err := s.Control(t.Context(), get, nil); !errors.Is(err, devices.ErrUnplugged) {
		t.Errorf("control: %v", err)
	}
	if _, err := s.In(t.Context(), 1, 8); !errors.Is(err, devices.ErrUnplugged) {
		t.Errorf("in: %v", err)
	}
}
