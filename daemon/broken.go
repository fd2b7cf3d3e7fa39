package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/kiosk"
)

// tellFor is how long the pages that are open have to hear that the disk failed.
const tellFor = time.Second

// broken is the way a desk ends whose disk failed: nothing is known of the last commit, so the file
// must be read anew by a new start.
type broken struct {
	why  error
	over chan struct{}
}

// commit stands around each commit.
func (d *Desk) commit(commit func() error) error {
	if own := d.parts.commit; own != nil {
		return d.metrics.timed(func() error { return own(commit) })
	}
	return d.metrics.timed(commit)
}

// fail is what the store calls, once.
func (d *Desk) fail(err error) {
	if d.parts.Fatal != nil {
		d.parts.Fatal(err)
	}
	if d.kiosk != nil {
		d.kiosk.Down()
	}
	if d.self != nil {
		d.self.Down()
	}
	d.broken.why = err
	close(d.broken.over)
}

// tellAtStart is how long a desk that cannot start says why to whoever stands at the screen.
const tellAtStart = 10 * time.Second

// giveUp ends a desk that could not begin. When its disk is the reason, the screens are told.
func (d *Desk) giveUp(ctx context.Context, screen net.Listener, err error) error {
	select {
	case <-d.broken.over:
		d.sayDown(ctx, screen, d.kiosk.Handler(), err)
	default:
	}
	return errors.Join(err, d.store.Close())
}

// SayDown tells whoever stands at the screen for some seconds that the disk is bad, if Open failed
// for that. It answers on the screen's socket and on no other.
func SayDown(ctx context.Context, p Parts, err error) {
	if !badDisk(err) {
		return
	}
	d := &Desk{parts: p, log: p.Log}
	screen, failed := d.socket(socketDesk, p.Config.Listen)
	if failed != nil {
		p.Log.Error("no screen is told", "err", failed)
		return
	}
	d.sayDown(ctx, screen, kiosk.NewDown(p.Log), err)
}

func (d *Desk) sayDown(ctx context.Context, screen net.Listener, pages http.Handler, err error) {
	d.log.Error("the desk cannot begin, and tells the screens", append(Classify(err), "err", err)...)
	ctx, stop := context.WithTimeout(ctx, tellAtStart)
	defer stop()
	if err := d.serve(ctx, screen, pages); err != nil {
		d.log.Error("the screens were not told", "err", err)
	}
}

// badDisk says whether it was the disk that failed.
func badDisk(err error) bool {
	for _, reason := range []error{boltfile.ErrCommit, syscall.EROFS, syscall.EIO, syscall.ENOSPC,
		syscall.EDQUOT} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// untilBroken ends the desk when its disk failed and the pages were told.
func (d *Desk) untilBroken(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.broken.over:
	}
	select {
	case <-ctx.Done():
	case <-time.After(tellFor):
	}
	return fmt.Errorf("the desk cannot write to its disk: %w", d.broken.why)
}
