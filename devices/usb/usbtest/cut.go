package usbtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Cut boots, runs the program, and ends the power when now says so: qemu is killed in the middle of
// whatever it does. now is asked again and again, with a way to read the files of Work. A program
// that ends by itself before that ends the test. Cut returns the folder that was Work.
func Cut(t testing.TB, g Guest, now func(read func(name string) string) bool) (work string) {
	t.Helper()
	b := g.boot(t)
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- b.qemu.Wait() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !now(b.read) {
		select {
		case err := <-ended:
			t.Fatalf("the guest ended before the power did (%v, %v)\n%s\n%s", err, b.ctx.Err(), b.console(),
				b.read("output"))
		case <-tick.C:
		}
	}
	if err := b.qemu.Process.Signal(os.Kill); err != nil {
		t.Fatalf("cut the power: %v", err)
	}
	<-ended
	t.Logf("the power was cut after %.1f s, boot included (%.1f s of processor)", time.Since(began).Seconds(),
		b.qemu.ProcessState.UserTime().Seconds())
	return filepath.Join(b.work, "share")
}
