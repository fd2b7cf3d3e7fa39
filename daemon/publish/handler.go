package publish

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Handler answers the calls of contract v1 and nothing else.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(feed.PathMeta, s.call(http.MethodGet, s.meta))
	mux.Handle(feed.PathRecords, s.call(http.MethodGet, s.records))
	mux.Handle(feed.PathAcks, s.call(http.MethodPost, s.acks))
	if s.Renewals != nil {
		mux.Handle(feed.PathBundle, s.call("", s.bundle))
	}
	s.tell(mux)
	mux.Handle(feed.PathSite, s.call(http.MethodPut, s.site))
	mux.Handle("/", s.call("", func(http.ResponseWriter, *http.Request) error {
		return feed.ProblemNowhere
	}))
	return mux
}

// call is what every call has in common: who may, which version, and how an error is told.
func (s *Server) call(method string,
	do func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(feed.HeaderVersion, strconv.Itoa(feed.Version))
		w.Header().Set("Cache-Control", "no-store")
		err := s.admit(r, method)
		if err == nil {
			s.follower.Store(r.TLS.PeerCertificates[0])
			s.seen.Store(time.Now().UnixMilli())
			err = do(w, r)
		}
		if err != nil {
			s.refuse(w, r, err)
		}
	})
}

func (s *Server) admit(r *http.Request, method string) error {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return feed.ProblemClient
	}
	// A pin may have been dropped since the handshake.
	if s.Renewals != nil && !s.Renewals.Admits(feed.Pin(r.TLS.PeerCertificates[0])) {
		return feed.ProblemClient
	}
	if method != "" && r.Method != method {
		return feed.ProblemMethod
	}
	if v := r.Header.Get(feed.HeaderVersion); v != "" {
		if theirs, err := strconv.Atoi(v); err != nil || !feed.Compatible(theirs) {
			return feed.ProblemVersion
		}
	}
	return nil
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var problem *feed.Problem
	switch {
	case errors.As(err, &problem):
	case r.Context().Err() != nil:
		// The client is gone and hears nothing, or the desk is stopping.
		problem = feed.ProblemStopping
	default:
		s.Log.ErrorContext(r.Context(), "serve the feed", "path", r.URL.Path, "err", err)
		problem = feed.ProblemInternal
	}
	if problem.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", feed.MediaProblem)
	w.WriteHeader(problem.Status)
	_ = json.NewEncoder(w).Encode(problem)
}

func (s *Server) meta(w http.ResponseWriter, r *http.Request) error {
	meta := s.Meta()
	if meta.Instance.ID != "" {
		meta.Instance.Address = reachedAt(r)
	}
	return send(w, meta)
}

func (s *Server) records(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := s.asked(r)
	if err != nil {
		return err
	}
	if wait := preferredWait(r); wait > 0 && after >= s.Source.FeedHead() {
		if err := s.poll(r, after, wait); err != nil {
			return err
		}
	}
	// Asked for first: a checkpoint is never by a key that was announced after it.
	keys, _ := s.announced()
	page, err := s.page(r.Context(), after, limit)
	if err != nil {
		return err
	}
	page.Keys = keys
	s.mu.Lock()
	s.sent[feed.Pin(r.TLS.PeerCertificates[0])] = string(keys)
	s.mu.Unlock()
	return send(w, page)
}

// asked reads the query and holds it against the feed as it is now.
func (s *Server) asked(r *http.Request) (after int64, limit int, err error) {
	query := r.URL.Query()
	after, err = strconv.ParseInt(query.Get("after"), 10, 64)
	if err != nil || after < 0 {
		return 0, 0, feed.ProblemRequest.With("after is a position, from 0 on")
	}
	limit = feed.MaxLeaves
	if l := query.Get("limit"); l != "" {
		if limit, err = strconv.Atoi(l); err != nil || limit < 1 {
			return 0, 0, feed.ProblemRequest.With("limit is a number, from 1 on")
		}
		limit = min(limit, feed.MaxLeaves)
	}
	if name := query.Get("feed"); name != "" && name != s.Meta().Feed {
		return 0, 0, feed.ProblemOtherFeed
	}
	if after > s.Source.Head() {
		return 0, 0, feed.ProblemBeyond
	}
	return after, limit, nil
}

// preferredWait reads "Prefer: wait=30" (RFC 7240 section 4.3).
func preferredWait(r *http.Request) time.Duration {
	for _, header := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			seconds, err := strconv.ParseUint(value, 10, 16)
			if strings.EqualFold(name, "wait") && err == nil {
				return min(time.Duration(seconds)*time.Second, maxWait)
			}
		}
	}
	return 0
}

// poll waits until the feed has news after a position, or the wait is over. A client has one poll
// at a time. One that was not sent the keys in force does not wait: they may have been announced
// between two of its polls.
func (s *Server) poll(r *http.Request, after int64, wait time.Duration) error {
	client := feed.Pin(r.TLS.PeerCertificates[0])
	if !s.begin(client) {
		return feed.ProblemBusy.With("another long poll of this client is under way")
	}
	defer s.end(client)
	keys, renewed := s.announced()
	if !s.wasSent(client, keys) {
		return nil
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		changed := s.Source.FeedChanged()
		if s.Source.FeedHead() > after {
			return nil
		}
		select {
		case <-changed:
		case <-renewed:
			return nil
		case <-over.C:
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

func (s *Server) wasSent(client string, keys []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[client] == string(keys)
}

func (s *Server) begin(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling[client] {
		return false
	}
	s.polling[client] = true
	return true
}

func (s *Server) end(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.polling, client)
}

// page reads leaves until there are enough, or the next would make the page too large. It carries
// at least one leaf if there is one.
func (s *Server) page(ctx context.Context, after int64, limit int) (feed.Page, error) {
	leaves, err := s.Source.Leaves(ctx, after, limit)
	if err != nil {
		return feed.Page{}, err
	}
	size := 0
	for i, leaf := range leaves {
		if size += wireSize(leaf); size > feed.MaxPage && i > 0 {
			leaves = leaves[:i]
			break
		}
	}
	end := after + int64(len(leaves))
	checkpoint, err := s.Source.Checkpoint(end)
	if err != nil {
		return feed.Page{}, err
	}
	return feed.Page{Feed: s.Meta().Feed, After: after, Leaves: leaves, Checkpoint: checkpoint,
		Head: max(s.Source.Head(), end)}, nil
}

// wireSize is no less than what the leaf takes as JSON: base64 makes four bytes of three, and the
// names and quotes around a record are fewer than 300.
func wireSize(leaf feed.Leaf) int {
	size := 100
	for _, r := range leaf.Records {
		size += 300 + len(r.ID) + len(r.Desk) + len(r.Kind) + len(r.Credential) + len(r.State) +
			len(r.Sealed)*4/3
	}
	return size
}

// acked is the answer to an ack.
type acked struct {
	Acked int64 `json:"acked"`
}

// read takes a body of at most so many bytes.
func read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err == nil {
		return body, nil
	}
	clear(body) // a part of it may be secret
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, feed.ProblemTooLarge
	}
	return nil, feed.ProblemRequest
}

func (s *Server) acks(w http.ResponseWriter, r *http.Request) error {
	body, err := read(w, r, feed.MaxAck)
	if err != nil {
		return err
	}
	ack, err := feed.DecodeAck(body)
	switch {
	case err != nil:
		return feed.ProblemRequest.With(err.Error())
	case ack.Feed != s.Meta().Feed:
		return feed.ProblemOtherFeed
	case ack.Position > s.Source.Head():
		return feed.ProblemBeyond
	}
	if err := s.Acks.Acknowledge(r.Context(), ack); err != nil {
		return err
	}
	if s.Renewals != nil && ack.Keys > 0 {
		s.Renewals.Taken(ack.Keys)
	}
	return send(w, acked{ack.Position})
}

func send(w http.ResponseWriter, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", feed.MediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that is gone asks again
	return nil
}
