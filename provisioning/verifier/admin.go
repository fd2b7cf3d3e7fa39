package verifier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/tokendesk/tokendesk/daemon/porter"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Admin is what an operator at this machine may do: on the file while nobody runs, or through the
// socket of the process that does.
type Admin interface {
	Status() (Status, error)
	Trust(card feed.DeskCard, bounds Bounds, newFeed bool) error
	SetBounds(desk string, bounds Bounds) error
	RevokeDesk(desk string, since time.Time) ([]Suspended, error)
	AcceptRestore(card feed.RestoreCard, sure bool) (Acceptance, error)
	ClearAlarm(desk, reason string) (Alarm, error)
	// Erase forgets a user whose desk cannot.
	Erase(user string) (Forgotten, error)
	AddCaller(name string, role Role, pin string) error
	RemoveCaller(name string) error
	// Renew carries out one step of the renewal of a key.
	Renew(o RenewOrder) error
	// Checkpoint is the newest note a desk signed of its log, as it was kept here.
	Checkpoint(desk string) ([]byte, error)
}

var (
	_ Admin = (*Verifier)(nil)
	_ Admin = (*AdminClient)(nil)
)

// order is one act of an operator.
type order struct {
	Act     string        `json:"act"`
	Card    feed.DeskCard `json:"card,omitzero"`
	Bounds  Bounds        `json:"bounds,omitzero"`
	NewFeed bool          `json:"new_feed,omitzero"`
	Desk    string        `json:"desk,omitzero"`
	Since   time.Time     `json:"since,omitzero"`
	Reason  string        `json:"reason,omitzero"`
	User    string        `json:"user,omitzero"`
	Caller  Caller        `json:"caller,omitzero"`
	Renew   RenewOrder    `json:"renew,omitzero"`
	// Restore is accepted if Sure, and weighed otherwise.
	Restore feed.RestoreCard `json:"restore,omitzero"`
	Sure    bool             `json:"sure,omitzero"`
}

// outcome is what came of it.
type outcome struct {
	Refused   string      `json:"refused,omitempty"`
	Status    Status      `json:"status,omitzero"`
	Suspended []Suspended `json:"suspended,omitempty"`
	Accept    Acceptance  `json:"accept,omitzero"`
	Alarm     Alarm       `json:"alarm,omitzero"`
	Forgotten Forgotten   `json:"forgotten,omitzero"`
	// Checkpoint is a signed note.
	Checkpoint []byte `json:"checkpoint,omitempty"`
}

// ServeAdmin takes orders on a Unix socket until ctx is done. The operator is root, or whom this
// process runs as: by the file's mode, and by what the kernel says of the other end.
func (v *Verifier) ServeAdmin(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+PathMetrics, v.metricsHandler())
	mux.HandleFunc("POST "+pathMove, v.serveMove)
	mux.HandleFunc("POST "+pathBackup, v.serveBackup)
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := readBody(r, maxOrder, &o); err != nil {
			v.refuse(w, r, err)
			return
		}
		done, err := v.obey(o)
		if err != nil {
			done.Refused = err.Error()
		}
		reply(w, http.StatusOK, "application/json", done)
	})
	return v.serve(ctx, porter.New(operators{listener}, maxConnections), mux)
}

func (v *Verifier) obey(o order) (done outcome, err error) {
	v.log.Info("an operator's order", "act", o.Act, "desk", o.Desk+o.Card.Desk,
		"caller", o.Caller.Name)
	switch o.Act {
	case "status":
		done.Status, err = v.Status()
	case "trust":
		err = v.Trust(o.Card, o.Bounds, o.NewFeed)
	case "set-bounds":
		err = v.SetBounds(o.Desk, o.Bounds)
	case "revoke-desk":
		done.Suspended, err = v.RevokeDesk(o.Desk, o.Since)
	case "accept-restore":
		done.Accept, err = v.AcceptRestore(o.Restore, o.Sure)
	case "clear-alarm":
		done.Alarm, err = v.ClearAlarm(o.Desk, o.Reason)
	case "erase":
		done.Forgotten, err = v.Erase(o.User)
	case "checkpoint":
		done.Checkpoint, err = v.Checkpoint(o.Desk)
	case "add-caller":
		err = v.AddCaller(o.Caller.Name, o.Caller.Role, o.Caller.Pin)
	case "remove-caller":
		err = v.RemoveCaller(o.Caller.Name)
	case "renew":
		err = v.Renew(o.Renew)
	default:
		err = fmt.Errorf("this verifier cannot %q: it is another version", o.Act)
	}
	return done, err
}

const (
	maxOrder    = 64 << 10
	maxOutcome  = 64 << 20
	orderPeriod = time.Minute
)

// AdminClient gives orders through the socket.
type AdminClient struct{ http *http.Client }

// NewAdminClient talks to the socket at a path.
func NewAdminClient(path string) *AdminClient {
	return &AdminClient{&http.Client{Timeout: orderPeriod, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

// Status implements Admin.
func (c *AdminClient) Status() (Status, error) {
	done, err := c.order(order{Act: "status"})
	return done.Status, err
}

// Trust implements Admin.
func (c *AdminClient) Trust(card feed.DeskCard, bounds Bounds, newFeed bool) error {
	_, err := c.order(order{Act: "trust", Card: card, Bounds: bounds, NewFeed: newFeed})
	return err
}

// RevokeDesk implements Admin.
func (c *AdminClient) RevokeDesk(desk string, since time.Time) ([]Suspended, error) {
	done, err := c.order(order{Act: "revoke-desk", Desk: desk, Since: since})
	return done.Suspended, err
}

// AcceptRestore implements Admin.
func (c *AdminClient) AcceptRestore(card feed.RestoreCard, sure bool) (Acceptance, error) {
	done, err := c.order(order{Act: "accept-restore", Restore: card, Sure: sure})
	return done.Accept, err
}

// ClearAlarm implements Admin.
func (c *AdminClient) ClearAlarm(desk, reason string) (Alarm, error) {
	done, err := c.order(order{Act: "clear-alarm", Desk: desk, Reason: reason})
	return done.Alarm, err
}

// Erase implements Admin.
func (c *AdminClient) Erase(user string) (Forgotten, error) {
	done, err := c.order(order{Act: "erase", User: user})
	return done.Forgotten, err
}

// AddCaller implements Admin.
func (c *AdminClient) AddCaller(name string, role Role, pin string) error {
	_, err := c.order(order{Act: "add-caller", Caller: Caller{Name: name, Role: role, Pin: pin}})
	return err
}

// RemoveCaller implements Admin.
func (c *AdminClient) RemoveCaller(name string) error {
	_, err := c.order(order{Act: "remove-caller", Caller: Caller{Name: name}})
	return err
}

// Metrics writes the figures of the running verifier for a monitoring.
func (c *AdminClient) Metrics(to io.Writer) error {
	resp, err := c.http.Get("http://verifierd" + PathMetrics)
	if err != nil {
		return fmt.Errorf("reach the running verifier: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the running verifier answered %s", resp.Status)
	}
	_, err = io.Copy(to, resp.Body)
	return err
}

// Renew implements Admin.
func (c *AdminClient) Renew(o RenewOrder) error {
	_, err := c.order(order{Act: "renew", Renew: o})
	return err
}

func (c *AdminClient) order(o order) (done outcome, err error) {
	body, err := json.Marshal(o)
	if err != nil {
		return outcome{}, fmt.Errorf("encode an order: %w", err)
	}
	resp, err := c.http.Post("http://verifierd/", "application/json", bytes.NewReader(body))
	if err != nil {
		return outcome{}, fmt.Errorf("reach the running verifier: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxOutcome))
	switch {
	case err != nil:
		return outcome{}, fmt.Errorf("read the outcome: %w", err)
	case resp.StatusCode != http.StatusOK:
		return outcome{}, feed.DecodeProblem(data, resp.StatusCode)
	}
	if err := json.Unmarshal(data, &done); err != nil {
		return outcome{}, fmt.Errorf("read the outcome: %w", err)
	}
	if done.Refused != "" {
		return outcome{}, fmt.Errorf("the running verifier refused: %s", done.Refused)
	}
	return done, nil
}
