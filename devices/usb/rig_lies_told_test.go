//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
)

// outcome is what became of one lie.
type outcome struct {
	kind, name string
	// kernel says that the kernel took the device, ours that it has an interface that we list.
	kernel, ours bool
	// shown is what people are shown.
	shown string
	took  time.Duration
	// wrong is what must not be.
	wrong []string
}

// telling are lies on their way.
type telling struct {
	done chan struct{}
	// outcomes are those of each device: a reader tells several lies.
	outcomes [][]outcome
}

// tellAll tells lies, several at a time.
func (h *honest) tellAll(all []lie) *telling {
	told := &telling{done: make(chan struct{}), outcomes: make([][]outcome, len(all))}
	var next atomic.Int32
	var telling sync.WaitGroup
	for range liars {
		telling.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(all); i = int(next.Add(1)) - 1 {
				p := &pluggedLie{lie: all[i], honest: h, mark: fmt.Sprintf("lies: %d.", i)}
				told.outcomes[i] = p.tell(uint32(1000 + 10*i))
			}
		})
	}
	go func() {
		telling.Wait()
		close(told.done)
	}()
	return told
}

// judge prints a line for each lie and one for each kind, and fails where something was wrong, or
// too little reached us to prove anything.
func (told *telling) judge(t *testing.T) {
	t.Helper()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	var kinds []string
	count := map[string][3]int{}
	for _, o := range slices.Concat(told.outcomes...) {
		n := count[o.kind]
		if n[0] == 0 {
			kinds = append(kinds, o.kind)
		}
		n[0]++
		if o.kernel {
			n[1]++
		}
		if o.ours {
			n[2]++
		}
		count[o.kind] = n
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\n", o.kind, o.name, o.shown, o.took.Round(time.Millisecond))
		for _, wrong := range o.wrong {
			t.Errorf("%s, %s: %s", o.kind, o.name, wrong)
		}
	}
	fmt.Fprintf(w, "\t\t\t\nkind\ttold\ttaken by the kernel\tseen by us\n")
	reached := 0
	for _, kind := range kinds {
		n := count[kind]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", kind, n[0], n[1], n[2])
		if n[2] > 0 {
			reached++
		}
	}
	_ = w.Flush()
	t.Logf("\n%s", table.String())
	if reached < len(kinds) {
		t.Errorf("only %d of %d kinds of lies reached us", reached, len(kinds))
	}
}
