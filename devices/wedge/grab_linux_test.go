package wedge

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
)

func TestGrabRefuses(t *testing.T) {
	if _, err := grab("/dev/null"); !errors.Is(err, devices.ErrUnsupported) {
		t.Errorf("a node that is no event node: %v", err)
	}
	if _, err := grab(filepath.Join(t.TempDir(), "event0")); !errors.Is(err, devices.ErrUnplugged) {
		t.Errorf("no node: %v", err)
	}
}

// record lays an event out as the kernel does on this machine.
func record(raw []byte, seconds, micros int, kind, code uint16, value uint32) []byte {
	for _, word := range []int{seconds, micros} {
		if wordSize == 8 {
			raw = binary.NativeEndian.AppendUint64(raw, uint64(word))
		} else {
			raw = binary.NativeEndian.AppendUint32(raw, uint32(word))
		}
	}
	raw = binary.NativeEndian.AppendUint16(raw, kind)
	raw = binary.NativeEndian.AppendUint16(raw, code)
	return binary.NativeEndian.AppendUint32(raw, value)
}

// TestParseEvents: keys down and up come through; scan codes, ends of packets and repetition do not;
// a mark that events were lost is an error.
func TestParseEvents(t *testing.T) {
	var raw []byte
	raw = record(raw, 7, 1, 4, 4, 0x7001e) // EV_MSC, MSC_SCAN
	raw = record(raw, 7, 1000, 1, 2, 1)
	raw = record(raw, 7, 1000, 0, 0, 0) // SYN_REPORT
	raw = record(raw, 7, 2000, 1, 2, 2) // held down
	raw = record(raw, 8, 3000, 1, 2, 0)
	g := &grabbed{}
	got, err := g.parse(append(raw, 1, 2, 3))
	want := []event{{2, true, 7*time.Second + ms}, {2, false, 8*time.Second + 3*ms}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := g.parse(record(raw, 8, 0, 0, 3, 0)); !errors.Is(err, errLost) {
		t.Errorf("SYN_DROPPED: %v", err)
	}
}
