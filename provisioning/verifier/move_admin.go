package verifier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Two calls of the admin socket are answered with the state: pathMove takes a moveOrder by POST,
// pathBackup takes nothing.
const (
	pathMove   = "/move"
	pathBackup = "/backup"
)

type moveOrder struct {
	Target  feed.Bundle `json:"target"`
	Instead bool        `json:"instead,omitzero"`
}

// serveMove gives the state out for another verifier.
func (v *Verifier) serveMove(w http.ResponseWriter, r *http.Request) {
	var o moveOrder
	if err := readBody(r, maxOrder, &o); err != nil {
		v.refuse(w, r, err)
		return
	}
	v.log.Info("an operator's order", "act", "move", "key", feed.KeyID(o.Target.VerifierKey))
	v.give(w, func(to io.Writer) error { return v.MoveOut(o.Target, o.Instead, to) })
}

// serveBackup gives the state out for the escrow key.
func (v *Verifier) serveBackup(w http.ResponseWriter, _ *http.Request) {
	v.log.Info("an operator's order", "act", "backup")
	v.give(w, v.Backup)
}

// give sends what is written. It is sealed: whoever reads the socket along learns nothing.
func (v *Verifier) give(w http.ResponseWriter, write func(io.Writer) error) {
	// It takes as long as the state is large.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	to := &begun{Writer: w}
	err := write(to)
	switch {
	case err != nil && to.began:
		v.log.Error("give the state out", "err", err)
		panic(http.ErrAbortHandler) // the other end sees that it is not whole
	case err != nil:
		reply(w, http.StatusConflict, "application/json", outcome{Refused: err.Error()})
	}
}

// begun remembers whether anything was written.
type begun struct {
	io.Writer
	began bool
}

// Write implements io.Writer.
func (b *begun) Write(data []byte) (int, error) {
	b.began = true
	return b.Writer.Write(data)
}

// MoveOut implements Mover.
func (c *AdminClient) MoveOut(target feed.Bundle, instead bool, to io.Writer) error {
	return c.take(pathMove, moveOrder{target, instead}, to)
}

// Backup implements Mover.
func (c *AdminClient) Backup(to io.Writer) error { return c.take(pathBackup, nil, to) }

// take gives an order and reads what is given out.
func (c *AdminClient) take(path string, order any, to io.Writer) error {
	body, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("encode an order: %w", err)
	}
	slow := *c.http
	slow.Timeout = 0
	resp, err := slow.Post("http://verifierd"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("reach the running verifier: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return moveRefusal(resp)
	}
	if _, err := io.Copy(to, resp.Body); err != nil {
		return fmt.Errorf("read what the running verifier gives out: %w", err)
	}
	return nil
}

func moveRefusal(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, feed.MaxMeta))
	if err != nil {
		return fmt.Errorf("read the outcome: %w", err)
	}
	var done outcome
	if json.Unmarshal(data, &done) == nil && done.Refused != "" {
		return fmt.Errorf("the running verifier refused: %s", done.Refused)
	}
	return feed.DecodeProblem(data, resp.StatusCode)
}
