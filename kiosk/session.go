package kiosk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// sessionID is the one thing a session holds. What the id may do is the counter's to say: an
// officer's id, a person's and a locked screen's differ, and each change of hands makes a new one.
const sessionID = "id"

// sessionLife is one working day. The deadlines that matter are the counter's.
const sessionLife = 12 * time.Hour

// newSessions returns the session manager. It is built by hand because scs.New starts a goroutine
// that nobody could wait for.
func newSessions(now func() time.Time, stays func(id string) bool) *scs.SessionManager {
	return &scs.SessionManager{
		Lifetime: sessionLife,
		Store:    &sessionStore{now: now, stays: stays, kept: map[string]kept{}},
		Codec:    scs.GobCodec{},
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusInternalServerError)
		},
		HashTokenInStore: true,
		Cookie: scs.SessionCookie{
			Name: "screen", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		},
	}
}

// screenOf is the id of the session, made at its first use.
func (s *Server) screenOf(r *http.Request) string {
	id := s.sessions.GetString(r.Context(), sessionID)
	if id == "" {
		id = newID()
		s.sessions.Put(r.Context(), sessionID, id)
	}
	return id
}

// handOver gives the session a new id and a new cookie: whoever held the old one holds nothing.
func (s *Server) handOver(r *http.Request) (string, error) {
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		return "", err
	}
	id := newID()
	s.sessions.Put(r.Context(), sessionID, id)
	return id, nil
}

// maxSessions bounds the store: a counter has one browser, a test bench a few.
const maxSessions = 256

// sessionStore keeps sessions in memory. They die with the process, as an unlocked desk must.
type sessionStore struct {
	now func() time.Time
	// stays says whether a session with this id is never put out; nil for none.
	stays func(id string) bool
	mu    sync.Mutex
	kept  map[string]kept
}

type kept struct {
	data   []byte
	expiry time.Time
	// from is the address it began at.
	from string
}

var _ scs.CtxStore = (*sessionStore)(nil)

// fromKey is where a request's context says what address it came from.
type fromKey struct{}

// remembering loads and keeps the session of each request.
func (s *Server) remembering(next http.Handler) http.Handler {
	inner := s.sessions.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), fromKey{}, addressOf(r))))
	})
}

// Find implements scs.Store.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.kept[token]
	if !ok || s.now().After(k.expiry) {
		return nil, false, nil
	}
	return k.data, true, nil
}

// FindCtx implements scs.CtxStore.
func (s *sessionStore) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return s.Find(token)
}

// Commit implements scs.Store.
func (s *sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// CommitCtx implements scs.CtxStore. When the store is full, room is made at the address that has
// most sessions: somebody who begins one after the other puts nobody out but themself. On this box all
// have one address; the session that has the counter stays in any case.
func (s *sessionStore) CommitCtx(
	ctx context.Context, token string, data []byte, expiry time.Time,
) error {
	from, _ := ctx.Value(fromKey{}).(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.kept[token]
	if ok {
		from = known.from
	} else if len(s.kept) >= maxSessions {
		s.drop()
	}
	s.kept[token] = kept{data: data, expiry: expiry, from: from}
	return nil
}

// drop forgets the session nearest its end of the address that has most.
func (s *sessionStore) drop() {
	held, stay := map[string]int{}, map[string]bool{}
	for _, k := range s.kept {
		held[k.from]++
	}
	for {
		var first string
		for token, k := range s.kept {
			best, more := s.kept[first], held[k.from]-held[s.kept[first].from]
			if !stay[token] && (first == "" || more > 0 || more == 0 && k.expiry.Before(best.expiry)) {
				first = token
			}
		}
		if first == "" || !s.held(s.kept[first]) {
			delete(s.kept, first)
			return
		}
		stay[first] = true
	}
}

// held says whether a session is one that stays.
func (s *sessionStore) held(k kept) bool {
	if s.stays == nil {
		return false
	}
	_, values, err := scs.GobCodec{}.Decode(k.data)
	id, _ := values[sessionID].(string)
	return err == nil && s.stays(id)
}

// Delete implements scs.Store.
func (s *sessionStore) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, token)
	return nil
}

// DeleteCtx implements scs.CtxStore.
func (s *sessionStore) DeleteCtx(_ context.Context, token string) error { return s.Delete(token) }

// newID is 16 random bytes in hex.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead.
	return hex.EncodeToString(b)
}
