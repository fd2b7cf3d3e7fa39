package directory

import (
	"context"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// The desk asks little: a few links are plenty, and one that rested for long may be dead without
// knowing it (firewalls forget).
const (
	maxLinks = 4
	maxRest  = time.Minute
)

// pool keeps links that are bound as the service account.
type pool struct {
	open  func(context.Context) (*link, error)
	slots chan struct{}

	mu   sync.Mutex
	rest []*link
}

func newPool(open func(context.Context) (*link, error)) *pool {
	return &pool{open: open, slots: make(chan struct{}, maxLinks)}
}

// do does work on a link. When one that rested turns out to be broken, another is tried, at last a
// new one: work may run more than once, and only asks.
func (p *pool) do(ctx context.Context, work func(*ldap.Conn) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		l, fresh, err := p.take(ctx)
		if err != nil {
			return err
		}
		err = l.within(ctx, work)
		if spoken(err) {
			p.put(l)
			return err
		}
		l.drop()
		if fresh || ctx.Err() != nil {
			return err
		}
	}
}

// take returns the link that rested least, or a new one.
func (p *pool) take(ctx context.Context) (l *link, fresh bool, err error) {
	now := time.Now()
	for l := p.pop(); l != nil; l = p.pop() {
		if l.alive(now) {
			return l, false, nil
		}
		l.drop()
	}
	l, err = p.open(ctx)
	return l, true, err
}

func (p *pool) pop() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rest) == 0 {
		return nil
	}
	l := p.rest[len(p.rest)-1]
	p.rest = p.rest[:len(p.rest)-1]
	return l
}

func (p *pool) put(l *link) {
	l.used = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, l)
}

// close drops what rests.
func (p *pool) close() {
	for l := p.pop(); l != nil; l = p.pop() {
		l.drop()
	}
}
