package virtual

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/tokendesk/tokendesk/devices"
)

// Serve lets other processes use and control the keys of the bus through a listener, until ctx
// ends: Dial is the other side. A client that goes away, by SIGKILL too, gives back what it had
// open. Serve closes the listener and returns ctx's error when every connection has ended.
//
// Whoever can connect can do everything: the socket's file permissions are its only guard.
func Serve(ctx context.Context, l net.Listener, bus *Bus) error {
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("serve virtual keys: %w", err)
		}
		clients.Go(func() { newClient(bus, conn).run(ctx) })
	}
}

// client is the server's side of one connection.
type client struct {
	bus  *Bus
	conn net.Conn
	// hid is what this connection has open, one key at most.
	hid devices.HID
}

func newClient(bus *Bus, conn net.Conn) *client { return &client{bus: bus, conn: conn} }

// run answers requests until the connection or ctx ends.
func (c *client) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	requests := make(chan request)
	cancels := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		defer cancel()
		c.read(ctx, requests, cancels)
	})
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer reader.Wait()
	defer stop()
	defer c.conn.Close()
	out := json.NewEncoder(c.conn)
	for {
		select {
		case <-ctx.Done():
			c.letGo()
			return
		case <-cancels: // came after the answer
		case r := <-requests:
			// The client failed to hear the answer: its end shows at the next request.
			_ = out.Encode(c.answer(ctx, r, cancels))
		}
	}
}

// read hands requests and cancels on in their order, so a cancel is seen while the request before
// it runs, or after that was answered; never by the next one.
func (c *client) read(ctx context.Context, requests chan<- request, cancels chan<- struct{}) {
	in := json.NewDecoder(c.conn)
	for {
		var r request
		if in.Decode(&r) != nil {
			return
		}
		next, stop := requests, (chan<- struct{})(nil)
		if r.Ask == askCancel {
			next, stop = nil, cancels
		}
		select {
		case next <- r:
		case stop <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// answer runs one request; a cancel ends it early. Every request is answered, so the client
// always knows what was done.
func (c *client) answer(ctx context.Context, r request, cancels <-chan struct{}) response {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan response, 1)
	go func() { done <- c.do(ctx, r) }()
	for {
		select {
		case answer := <-done:
			return answer
		case <-cancels:
			cancel()
		}
	}
}

func (c *client) do(ctx context.Context, r request) response {
	var answer response
	switch r.Ask {
	case askOpen, askSet, askGet, askRead, askClose:
		answer.fail(c.use(ctx, r, &answer))
	case askList:
		infos, err := c.bus.List(ctx)
		answer.Infos = infos
		answer.fail(err)
	case askKeys:
		for _, k := range c.bus.Keys() {
			answer.Keys = append(answer.Keys, k.State())
		}
	case askAdd:
		answer.fail(c.add(r.Options))
	default:
		answer.fail(c.control(r, &answer))
	}
	return answer
}

// use is what a host does with a key.
func (c *client) use(ctx context.Context, r request, answer *response) error {
	if r.Ask == askOpen {
		if c.hid != nil || r.Info == nil {
			return errors.New("open needs a connection of its own and an info")
		}
		hid, err := c.bus.Open(ctx, *r.Info)
		if err == nil {
			c.hid = hid
		}
		return err
	}
	if c.hid == nil {
		return devices.ErrClosed
	}
	var n int
	var err error
	report := make([]byte, max(0, min(r.Length, frameSize)))
	switch r.Ask {
	case askSet:
		return c.hid.SetFeature(ctx, r.Report)
	case askGet:
		n, err = c.hid.GetFeature(ctx, report)
	case askRead:
		n, err = c.hid.ReadInput(ctx, report)
	case askClose:
		return c.letGo()
	}
	answer.Report = report[:n]
	return err
}

// letGo closes what is open.
func (c *client) letGo() error {
	if c.hid == nil {
		return nil
	}
	hid := c.hid
	c.hid = nil
	return hid.Close()
}

func (c *client) add(o *Options) error {
	if o == nil {
		return errors.New("add needs options")
	}
	if err := o.check(); err != nil {
		return fmt.Errorf("add key: %w", err)
	}
	return c.bus.Add(New(*o))
}

// control is what a person does to a key.
func (c *client) control(r request, answer *response) error {
	k, ok := c.bus.Key(r.Serial)
	if !ok {
		return fmt.Errorf("there is no key %d", r.Serial)
	}
	switch r.Ask {
	case askPlug:
		c.bus.Plug(k)
	case askUnplug:
		c.bus.Unplug(k)
	case askTouch:
		typed, err := k.Touch(r.Slot)
		answer.Typed = typed
		return err
	case askFault:
		if r.Fault == nil {
			return errors.New("fault needs a fault")
		}
		k.Misbehave(*r.Fault)
	default:
		return fmt.Errorf("unknown request %q", r.Ask)
	}
	return nil
}
