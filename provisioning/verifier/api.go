package verifier

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/tokendesk/tokendesk/daemon/porter"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The calls of the API.
const (
	// PathVerify takes a VerifyRequest by POST and answers with a VerifyAnswer.
	PathVerify = "/v1/verify"
	// PathStatus answers a GET with a Status.
	PathStatus = "/v1/status"
	// PathEnrolled takes an EnrolledRequest by POST: it ends the passcodes of a user who enrolled a
	// device elsewhere. The answer is the same for every user.
	PathEnrolled = "/v1/enrolled"
)

// The limits of one call.
const (
	maxBody = 4 << 10
	maxUser = 128
	maxOTP  = 64
)

// VerifyAnswer is all a caller learns: not whether the user exists, has a token, must wait, or
// typed what was right once.
type VerifyAnswer struct {
	Accepted bool `json:"accepted"`
}

// verifyRequest is decoded and at once taken apart: the OTP moves into its own type.
type verifyRequest struct {
	User string `json:"user"`
	OTP  string `json:"otp"`
	// For is feed.PurposeEnrol while a device is being enrolled, and empty otherwise.
	For string `json:"for,omitempty"`
}

// EnrolledRequest names a user who has a new device.
type EnrolledRequest struct {
	User string `json:"user"`
}

// EnrolledAnswer says nothing.
type EnrolledAnswer struct{}

// Handler answers callers over TLSConfig.
func (v *Verifier) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(PathVerify, v.call(http.MethodPost, RoleVerify, v.serveVerify))
	mux.Handle(PathStatus, v.call(http.MethodGet, RoleHelpdesk,
		func(_ *http.Request, _ Caller) (any, error) { return v.Status() }))
	mux.Handle(PathEnrolled, v.call(http.MethodPost, RoleEnrol, v.serveEnrolled))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		v.refuse(w, r, feed.ProblemNowhere)
	})
	return mux
}

// call is what every call has in common: who may, how, and how the answer or an error is told.
func (v *Verifier) call(method string, role Role,
	do func(*http.Request, Caller) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := v.admitted(r, method, role, do)
		if err != nil {
			v.refuse(w, r, err)
			return
		}
		reply(w, http.StatusOK, "application/json", answer)
	})
}

func (v *Verifier) admitted(r *http.Request, method string, role Role,
	do func(*http.Request, Caller) (any, error)) (any, error) {
	caller, ok, err := v.caller(r.TLS)
	switch {
	case err != nil:
		return nil, err
	case !ok || caller.Role != role:
		return nil, feed.ProblemClient
	case r.Method != method:
		return nil, feed.ProblemMethod
	}
	return do(r, caller)
}

func (v *Verifier) serveVerify(r *http.Request, caller Caller) (any, error) {
	var req verifyRequest
	if err := readBody(r, maxBody, &req); err != nil {
		return nil, err
	}
	if req.User == "" || len(req.User) > maxUser || req.OTP == "" || len(req.OTP) > maxOTP {
		return nil, feed.ProblemRequest.With("user and otp are needed")
	}
	if req.For != "" && req.For != feed.PurposeEnrol {
		return nil, feed.ProblemRequest.With("for is enrol, or left out")
	}
	accepted, err := v.VerifyFor(r.Context(), caller.Name, req.User, secret.NewOTP(req.OTP), req.For)
	if errors.Is(err, ErrTooMany) {
		return nil, feed.ProblemBusy.With(ErrTooMany.Error())
	}
	return VerifyAnswer{accepted}, err
}

func (v *Verifier) serveEnrolled(r *http.Request, _ Caller) (any, error) {
	var req EnrolledRequest
	if err := readBody(r, maxBody, &req); err != nil {
		return nil, err
	}
	if req.User == "" || len(req.User) > maxUser {
		return nil, feed.ProblemRequest.With("user is needed")
	}
	return EnrolledAnswer{}, v.Enrolled(req.User)
}

// readBody reads exactly one JSON value of known members.
func readBody(r *http.Request, limit int64, into any) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return feed.ProblemRequest
	case int64(len(data)) > limit:
		return feed.ProblemTooLarge
	}
	defer clear(data)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return feed.ProblemRequest.With("the body is not the JSON expected")
	}
	if _, err := d.Token(); err != io.EOF {
		return feed.ProblemRequest.With("something follows the JSON expected")
	}
	return nil
}

// refuse tells an error. What is not a problem of the contract is logged and told as a fixed one.
func (v *Verifier) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var problem *feed.Problem
	if errors.Is(err, ErrMoved) {
		err = feed.ProblemMoved
	}
	if !errors.As(err, &problem) {
		v.log.Error("answer a call", "path", r.URL.Path, "err", err)
		problem = feed.ProblemInternal
	}
	if problem.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	reply(w, problem.Status, feed.MediaProblem, problem)
}

func reply(w http.ResponseWriter, status int, mediaType string, message any) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(message) // a caller that is gone hears nothing
}

// Serve answers callers on a plain listener until ctx is done, over TLSConfig.
func (v *Verifier) Serve(ctx context.Context, listener net.Listener) error {
	bounded := porter.New(listener, maxConnections)
	return v.serve(ctx, tls.NewListener(bounded, v.TLSConfig()), v.Handler())
}

const (
	headTimeout = 5 * time.Second
	talkTimeout = 15 * time.Second
	idleTimeout = 2 * time.Minute
	stopTimeout = 5 * time.Second
	maxHeader   = 16 << 10
	// maxConnections are held at once: more than the callers of a site have, who keep theirs.
	maxConnections = 2048
)

func (v *Verifier) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: headTimeout, ReadTimeout: talkTimeout,
		WriteTimeout: talkTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ConnState: porter.State, ErrorLog: slog.NewLogLogger(v.log.Handler(), slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve callers: %w", err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := errors.Join(srv.Shutdown(late), srv.Close())
	<-served
	return err
}
