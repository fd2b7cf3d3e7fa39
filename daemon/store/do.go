package store

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/go-memdb"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
)

// request is one call of Do.
type request struct {
	decide   func(provisioning.Snapshot) (provisioning.Change, error)
	position int64
	err      error
	// panicked is what decide panicked with, for the goroutine it belongs to.
	panicked any
	done     bool
}

// queue holds the requests that wait for the writer.
type queue struct {
	mu      sync.Mutex
	waiting []*request
}

func (q *queue) add(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
}

func (q *queue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.waiting
	q.waiting = nil
	return batch
}

// Do implements provisioning.Ledger. Whoever gets the writer's lock commits for all that wait: each
// decides on what those before it decided, and one sync serves them all.
func (s *Store) Do(ctx context.Context,
	decide func(provisioning.Snapshot) (provisioning.Change, error)) (int64, error) {
	r := &request{decide: func(now provisioning.Snapshot) (provisioning.Change, error) {
		if err := ctx.Err(); err != nil {
			return provisioning.Change{}, err
		}
		return decide(now)
	}}
	s.queue.add(r)
	if fatal := s.serve(r); fatal != nil {
		s.fatal(fatal)
	}
	if r.panicked != nil {
		panic(r.panicked)
	}
	return r.position, r.err
}

// serve returns when the request is done. Its error ends the store, and is returned to one caller.
func (s *Store) serve(r *request) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	if r.done {
		return nil
	}
	return s.commit(s.queue.take())
}

// commit decides, writes and shows a batch. The order is the promise: the file is synced before
// memory changes.
func (s *Store) commit(batch []*request) error {
	txn := s.mem.Txn(true)
	defer txn.Abort() // does nothing after Commit
	defer s.requeue(batch)
	head := snapshot{txn}.Position()
	var plans []plan
	var accepted []*request
	for _, r := range batch {
		p, ok := s.decide(txn, r)
		if !ok {
			continue
		}
		p.show(txn, head+int64(len(plans)))
		plans, accepted = append(plans, p), append(accepted, r)
		r.position = head + int64(len(plans))
	}
	if len(plans) == 0 {
		return nil
	}
	if err := s.write(plans, head); err != nil {
		s.stopped = true
		for _, r := range accepted {
			r.position, r.err, r.done = 0, err, true
		}
		return err
	}
	txn.Commit()
	for _, r := range accepted {
		r.done = true
	}
	return nil
}

// stopAfter ends the store after a write beside Do whose outcome is unknown, unless it ended before.
func (s *Store) stopAfter(err error) {
	if errors.Is(err, boltfile.ErrCommit) && s.stop() {
		s.fatal(err)
	}
}

// stop says whether it is this call that stopped the store.
func (s *Store) stop() bool {
	s.writer.Lock()
	defer s.writer.Unlock()
	first := !s.stopped
	s.stopped = true
	return first
}

// requeue gives back what a batch left undone because a decision ended the goroutine that ran it:
// each of those has a caller waiting for the lock, who will serve it.
func (s *Store) requeue(batch []*request) {
	for _, r := range batch {
		if !r.done {
			s.queue.add(r)
		}
	}
}

// decide runs one decision on what is pending and makes its change ready.
func (s *Store) decide(txn *memdb.Txn, r *request) (p plan, ok bool) {
	defer func() {
		if r.done = !ok; r.done && r.err == nil {
			r.panicked = recover()
		}
	}()
	if s.stopped {
		r.err = ErrStopped
		return plan{}, false
	}
	now := snapshot{txn.Snapshot()}
	change, err := r.decide(now)
	if err == nil {
		p, err = s.ready(change)
	}
	if err == nil {
		err = p.own(now)
	}
	if err != nil {
		r.err = err
		return plan{}, false
	}
	return p, true
}

// write makes plans durable in one commit.
func (s *Store) write(plans []plan, head int64) error {
	signed, next := s.signed, head+int64(len(plans))
	err := s.file.Update(func(tx *boltfile.Tx) error {
		for i, p := range plans {
			if err := p.write(tx, s.file, head+int64(i)); err != nil {
				return err
			}
		}
		if next/checkpointEvery == signed/checkpointEvery {
			return nil
		}
		return s.sign(tx, next)
	})
	if err != nil {
		s.signed = signed
	}
	return err
}
