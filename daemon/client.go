package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"
)

// Client talks to a running daemon over its admin socket.
type Client struct{ http *http.Client }

// NewClient returns a client of the daemon behind a socket.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialAdmin(ctx, socket) }
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// How often and how long it is tried again when many stand in line at the socket.
const (
	lineTries = 200
	linePause = 5 * time.Millisecond
)

// dialAdmin opens the socket. A unix socket with a full line says no at once, where others wait.
func dialAdmin(ctx context.Context, socket string) (conn net.Conn, err error) {
	for range lineTries {
		var d net.Dialer
		if conn, err = d.DialContext(ctx, "unix", socket); !errors.Is(err, unix.EAGAIN) {
			return conn, err
		}
		time.Sleep(linePause)
	}
	return nil, err
}

// Status asks how the desk is doing.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, http.MethodGet, "/status", nil, &s)
}

// Metrics writes the figures for a monitoring, in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context, to io.Writer) error {
	return c.stream(ctx, "list of figures", http.MethodGet, "/metrics", nil, to)
}

// Officers lists the officers.
func (c *Client) Officers(ctx context.Context) ([]OfficerRow, error) {
	var rows []OfficerRow
	return rows, c.call(ctx, http.MethodGet, "/officers", nil, &rows)
}

// Order carries out "add", "pin", "disable" or "enable" on an officer. A refusal is an AdminError.
func (c *Client) Order(ctx context.Context, act string, order OfficerOrder) error {
	return c.call(ctx, http.MethodPost, "/officers/"+act, order, nil)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// stream writes an answer as it comes. After an error what was written is not the whole of it.
func (c *Client) stream(ctx context.Context, what, method, path string, in any,
	to io.Writer) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(to, resp.Body); err != nil {
		return fmt.Errorf("the %s broke off: %w", what, err)
	}
	return nil
}

// send returns the answer to an order that was carried out; the caller closes it.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://desk"+path, &body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the daemon does not answer (is it running, and are you root?): %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var refusal AdminError
	if err := json.NewDecoder(resp.Body).Decode(&refusal); err != nil {
		return nil, fmt.Errorf("the daemon answered %s", resp.Status)
	}
	return nil, refusal
}
