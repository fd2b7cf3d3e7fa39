package daemon

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/wedge"
)

// reader is a source in one state; one that counts is a countingReader.
type reader struct {
	name    string
	up      bool
	trouble error
}

func (r reader) Name() string   { return r.name }
func (r reader) Up() bool       { return r.up }
func (r reader) Trouble() error { return r.trouble }

func (r reader) Run(ctx context.Context, _ chan<- devices.Tap) error {
	<-ctx.Done()
	return ctx.Err()
}

type countingReader struct{ reader }

func (countingReader) Dropped() map[wedge.Drop]uint64 {
	return map[wedge.Drop]uint64{wedge.DropLRC: 2, wedge.DropField: 1}
}

// TestStatusListsTheReaders: each with its name, and why it is down.
func TestStatusListsTheReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := fmt.Errorf("claim: %w", devices.ErrBusy)
		set := devices.NewTapSet(reader{"desk", true, nil}, reader{"gone", false, nil},
			reader{"pulled", false, devices.ErrUnplugged}, reader{"held", false, held},
			reader{"shut", false, devices.ErrPermission}, reader{"odd", false, errors.New("no slot 2")},
			countingReader{reader{"stripe", true, nil}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- set.Run(ctx) }()
		time.Sleep(time.Second)
		want := []ReaderRow{{Name: "desk", Up: true}, {Name: "gone", Why: "it is not there"},
			{Name: "pulled", Why: "it is not there"},
			{Name: "held", Why: "another program holds it; is pcscd running?"},
			{Name: "shut", Why: "no permission to open it; is the udev rule in place?"},
			{Name: "odd", Why: "no slot 2"},
			{Name: "stripe", Up: true, Dropped: map[string]uint64{string(wedge.DropLRC): 2,
				string(wedge.DropField): 1}}}
		if diff := cmp.Diff(want, readerRows(set)); diff != "" {
			t.Error(diff)
		}
		if none := readerRows(devices.NewTapSet()); none == nil || len(none) != 0 {
			t.Errorf("without a reader the list is %#v, not empty", none)
		}
		cancel()
		<-ended
	})
}
