package verifier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// sitePause is between two tries to tell a desk what it did not take; a desk of an older version
// takes none, and is asked again after oldPause.
const (
	sitePause = 500 * time.Millisecond
	oldPause  = 10 * time.Minute
)

// siteNews is closed at the next change of any site's index.
func (v *Verifier) siteNews() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sites
}

func (v *Verifier) sitesChanged() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.sites)
	v.sites = make(chan struct{})
}

// told is how far a desk's copy of its site's index is, as far as we know.
type told struct {
	// known: the desk was asked in this session.
	known bool
	// anew: it has a copy of something else, or none.
	anew bool
	rev  int64
}

// tellSite keeps the desk's copy of its site's index fresh until ctx is done.
func (f *follower) tellSite(ctx context.Context, at told, pause time.Duration) {
	for ctx.Err() == nil {
		news := f.siteNews()
		if pause == 0 {
			pause = f.tellAll(ctx, &at)
		}
		if pause > 0 { // a desk that is in trouble is not hurried
			news = nil
		}
		wait := time.NewTimer(cmp.Or(pause, oldPause))
		select {
		case <-news:
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
		pause = 0
	}
}

// tellAll tells what there is to tell, and how long to wait when that did not work.
func (f *follower) tellAll(ctx context.Context, at *told) time.Duration {
	pause, err := f.tellOnce(ctx, at)
	if err != nil {
		*at = told{}
		f.log.Debug("tell a desk of its site", "desk", f.desk, "err", err)
	}
	return pause
}

// tellOnce tells all there is to tell. It returns how long to wait when the desk did not take it.
func (f *follower) tellOnce(ctx context.Context, at *told) (time.Duration, error) {
	if trusted, err := f.isTrusted(); !trusted || err != nil {
		return time.Minute, err
	}
	if !at.known {
		if pause, err := f.greet(ctx, at); pause > 0 || err != nil {
			return pause, err
		}
	}
	for {
		index, err := f.siteSince(f.desk, f.site, at.rev)
		if err != nil {
			return sitePause, err
		}
		if at.rev == index.Rev && !at.anew {
			return 0, nil
		}
		answer, err := f.callSite(ctx, index)
		if err != nil {
			return sitePause, err
		}
		if answer.Index != index.Index || answer.Rev != index.Rev {
			*at = told{}
			return sitePause, nil // it cannot take all of it yet
		}
		if err := f.confirm(index, answer); err != nil {
			return sitePause, err
		}
		*at = told{known: true, rev: answer.Rev}
	}
}

// greet asks the desk, unless it is of a version that cannot be asked.
func (f *follower) greet(ctx context.Context, at *told) (time.Duration, error) {
	err := f.ask(ctx, at)
	switch {
	case errors.Is(err, feed.ProblemNowhere):
		return oldPause, nil
	case err != nil:
		return sitePause, err
	}
	return 0, nil
}

// ask hears how far the desk's copy is, and gives it the key of its tags.
func (f *follower) ask(ctx context.Context, at *told) error {
	name, err := f.indexName(f.site)
	if err != nil {
		return err
	}
	index := feed.SiteIndex{Index: name, After: -1, Rev: -1, TagKey: f.tagKey(f.desk)}
	answer, err := f.callSite(ctx, index)
	if err != nil {
		return err
	}
	newest, err := f.siteRev(f.site)
	if err != nil {
		return err
	}
	*at = told{known: true, rev: answer.Rev}
	if answer.Index != index.Index || answer.Rev > newest {
		*at = told{known: true, anew: true}
	}
	return nil
}

// isTrusted: a desk that an operator revoked is told nothing any more.
func (f *follower) isTrusted() (trusted bool, err error) {
	err = f.file.View(func(tx *boltfile.Tx) error {
		row, known, err := load[deskRow](tx, deskTable, []byte(f.desk))
		trusted = known && row.Revoked.IsZero()
		return err
	})
	return trusted, err
}

// confirm keeps what the desk knows of orders about its own tokens. It enters the single writer
// only when there are some.
func (f *follower) confirm(index feed.SiteIndex, answer feed.SiteAnswer) error {
	for _, token := range index.Tokens {
		if token.Desk == f.desk && token.Order.ID != "" {
			return f.file.Update(func(tx *boltfile.Tx) error {
				return heard(tx, f.desk, index.Tokens, answer.Position)
			})
		}
	}
	return nil
}

// callSite makes one call over a connection of its own: the one the feed comes on may be renewed
// meanwhile, and is not to be kept by a call under way.
func (f *follower) callSite(ctx context.Context, index feed.SiteIndex) (feed.SiteAnswer, error) {
	w := newWire(f.followedBy(f.desk), func() *tls.Certificate { return f.face(f.tries) }, f.dial)
	defer w.close()
	return w.site(ctx, index)
}

func (w wire) site(ctx context.Context, index feed.SiteIndex) (feed.SiteAnswer, error) {
	body, err := index.Encode()
	if err != nil {
		return feed.SiteAnswer{}, err
	}
	defer clear(body)
	data, err := w.call(ctx, http.MethodPut, feed.PathSite, body, 0)
	if err != nil {
		return feed.SiteAnswer{}, fmt.Errorf("tell of the site: %w", err)
	}
	return feed.DecodeSiteAnswer(data)
}

// telling tells the desk of its site until the function it returns is called. The desk is asked how
// far it is before that begins.
func (f *follower) telling(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var at told
	pause := time.Minute
	if trusted, err := f.isTrusted(); trusted && err == nil {
		if pause, err = f.greet(ctx, &at); err != nil {
			f.log.Debug("ask a desk of its site", "desk", f.desk, "err", err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.tellSite(ctx, at, pause)
	}()
	return func() {
		cancel()
		<-done
	}
}
