package feed

import (
	"encoding/json"
	"fmt"
)

// The names of the wire.
const (
	// PathMeta, PathRecords and PathAcks are the three calls.
	PathMeta    = "/sync/v1/meta"
	PathRecords = "/sync/v1/records"
	PathAcks    = "/sync/v1/acks"
	// MediaType of messages; MediaProblem of errors.
	MediaType    = "application/vnd.tokendesk.sync.v1+json"
	MediaProblem = "application/problem+json"
	// HeaderVersion carries the contract version each end speaks.
	HeaderVersion = "Tokendesk-Sync-Version"
)

// Problem is an error answer (RFC 9457). It is matched by Type.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is for people.
	Detail string `json:"detail,omitempty"`
}

// The problems of contract v1.
var (
	ProblemVersion   = problem("version", 400, "The two ends speak versions too far apart")
	ProblemRequest   = problem("request", 400, "The request is malformed")
	ProblemClient    = problem("client", 403, "The client certificate may not do this")
	ProblemNowhere   = problem("nowhere", 404, "There is nothing here")
	ProblemMethod    = problem("method", 405, "This cannot be done here")
	ProblemOtherFeed = problem("other-feed", 409, "The feed is not the one asked for")
	ProblemTooLarge  = problem("too-large", 413, "The message is too large")
	ProblemBeyond    = problem("beyond-head", 416, "The position is beyond the end of the feed")
	ProblemBusy      = problem("busy", 429, "Too many requests")
	ProblemInternal  = problem("internal", 500, "The request could not be served")
	ProblemStopping  = problem("stopping", 503, "The service is stopping")
)

func problem(name string, status int, title string) *Problem {
	return &Problem{Type: "urn:tokendesk:problem:" + name, Title: title, Status: status}
}

// With returns the problem with a detail for people.
func (p *Problem) With(detail string) *Problem {
	q := *p
	q.Detail = detail
	return &q
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return fmt.Sprintf("%s: %s", p.Title, p.Detail)
}

// Is matches on the type alone.
func (p *Problem) Is(target error) bool {
	other, ok := target.(*Problem)
	return ok && other.Type == p.Type
}

// DecodeProblem reads a problem that came with an HTTP status. What is not a problem document still
// becomes one: a proxy may have answered.
func DecodeProblem(data []byte, status int) *Problem {
	var p Problem
	if len(data) > MaxMeta || json.Unmarshal(data, &p) != nil || p.Type == "" {
		return &Problem{Type: "about:blank", Title: "The other end refused", Status: status}
	}
	p.Status = status
	return &p
}

// Compatible says whether two ends may talk: they speak at most one version apart.
func Compatible(theirs int) bool { return theirs >= Version-1 && theirs <= Version+1 }
