package kiosk

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// What is remembered of posted forms. After that, and after a restart, the op id in the store does.
const (
	maxPosts = 512
	postLife = 15 * time.Minute
)

// posts remembers what each posted form led to.
type posts struct {
	mu   sync.Mutex
	kept map[postKey]*post
}

// postKey is one rendered form: op ids are unguessable, so whoever has one was shown the form.
type postKey struct {
	path string
	op   provisioning.OpID
}

// post is the first posting of a form, and its answer once done is closed.
type post struct {
	at     time.Time
	body   [sha256.Size]byte
	done   chan struct{}
	answer *answer
}

// answer is a redirect with the cookies that came along.
type answer struct {
	location string
	cookies  []string
}

func newPosts() *posts { return &posts{kept: map[postKey]*post{}} }

// claim returns the post of a key and whether the caller is the first, who must settle it.
func (p *posts) claim(key postKey, body [sha256.Size]byte, now time.Time) (*post, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.kept[key]; ok {
		return known, false
	}
	p.sweep(now)
	first := &post{at: now, body: body, done: make(chan struct{})}
	p.kept[key] = first
	return first, true
}

// settle keeps the answer for those who wait and those who come later. Without one the form may be
// posted again.
func (p *posts) settle(key postKey, first *post, a *answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first.answer = a
	if a == nil {
		delete(p.kept, key)
	}
	close(first.done)
}

func (p *posts) sweep(now time.Time) {
	for key, kept := range p.kept {
		if now.Sub(kept.at) > postLife || len(p.kept) >= maxPosts && kept.answer != nil {
			delete(p.kept, key)
		}
	}
}

// once gives one effect to a form however often it is posted: the first posting is carried out, the
// others wait for it and get the same redirect. Cookies are given again only to the very same body:
// the body of an unlocking has the PIN in it.
func (s *Server) once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		sum := sha256.Sum256(body)
		defer clear(body)
		if err != nil || r.ParseForm() != nil || !tidy(r.PostForm) {
			s.fail(w, r, errBadForm)
			return
		}
		straighten(r.PostForm)
		op := r.PostForm.Get("op")
		if op == "" {
			next.ServeHTTP(w, r) // the routes that need one refuse.
			return
		}
		s.replay(w, r, next, postKey{r.URL.Path, provisioning.OpID(op)}, sum)
	})
}

func (s *Server) replay(
	w http.ResponseWriter, r *http.Request, next http.Handler, key postKey, sum [sha256.Size]byte,
) {
	first, mine := s.posts.claim(key, sum, s.now())
	if mine {
		rec := &recorder{ResponseWriter: w}
		defer func() { s.posts.settle(key, first, rec.answer()) }()
		next.ServeHTTP(rec, r)
		return
	}
	select {
	case <-first.done:
	case <-r.Context().Done():
		return
	}
	a := first.answer
	if a == nil {
		next.ServeHTTP(w, r) // the first ended in an error and had no effect that could repeat.
		return
	}
	if sum == first.body {
		for _, cookie := range a.cookies {
			w.Header().Add("Set-Cookie", cookie)
		}
	}
	http.Redirect(w, r, a.location, http.StatusSeeOther)
}

// recorder notes a redirect that passes through it.
type recorder struct {
	http.ResponseWriter
	redirect *answer
	// void: whoever posted was not let in, so that nothing is remembered of the form.
	void bool
}

// WriteHeader implements http.ResponseWriter.
func (rec *recorder) WriteHeader(code int) {
	if code == http.StatusSeeOther && rec.redirect == nil {
		h := rec.Header()
		rec.redirect = &answer{location: h.Get("Location"), cookies: slices.Clone(h["Set-Cookie"])}
	}
	rec.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController through.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) answer() *answer {
	if rec.void {
		return nil
	}
	return rec.redirect
}

// turnedAway sends somebody home who may not ask for this. What they posted was not carried out, and
// still may be by whoever the form was made for.
func turnedAway(w http.ResponseWriter, r *http.Request) error {
	for at := w; at != nil; {
		if rec, ok := at.(*recorder); ok {
			rec.void = true
			break
		}
		inner, ok := at.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		at = inner.Unwrap()
	}
	return redirect(w, r, pages.PathHome)
}
