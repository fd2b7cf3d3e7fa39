package porter_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/tokendesk/tokendesk/daemon/porter"
)

// visitor is one end of a connection that knows whether it was closed.
type visitor struct {
	net.Conn
	from   string
	closed bool
}

func (v *visitor) RemoteAddr() net.Addr { return address(v.from) }
func (v *visitor) Close() error         { v.closed = true; return nil }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) + ":1" }

// door is a listener through which visitors come.
type door struct{ come []*visitor }

func (d *door) Accept() (net.Conn, error) {
	if len(d.come) == 0 {
		return nil, net.ErrClosed
	}
	v := d.come[0]
	d.come = d.come[1:]
	return v, nil
}
func (d *door) Close() error   { return nil }
func (d *door) Addr() net.Addr { return address("here") }

// Who is closed when the gate is full, of visitors from a, b and c in some phase.
func TestWhoIsSpared(t *testing.T) {
	const silent, resting, busy = http.StateNew, http.StateIdle, http.StateActive
	type v struct {
		from  string
		state http.ConnState
	}
	for name, c := range map[string]struct {
		held []v
		// comes is where the next one comes from; gone is who is closed, -1 for nobody but the next.
		comes string
		gone  int
	}{
		"the oldest silent one":           {[]v{{"a", silent}, {"a", silent}, {"a", silent}}, "a", 0},
		"of who has most":                 {[]v{{"b", silent}, {"a", silent}, {"a", silent}}, "c", 1},
		"silent before resting":           {[]v{{"a", resting}, {"a", resting}, {"b", silent}}, "a", 2},
		"resting when nobody is silent":   {[]v{{"a", busy}, {"a", resting}, {"b", resting}}, "b", 1},
		"the next when all are busy":      {[]v{{"a", busy}, {"a", busy}, {"b", busy}}, "c", -1},
		"busy ones count for their place": {[]v{{"b", silent}, {"a", busy}, {"a", silent}}, "b", 2},
	} {
		d := &door{}
		g := porter.New(d, len(c.held))
		var all []*visitor
		enter := func(from string) net.Conn {
			in := &visitor{from: from}
			all = append(all, in)
			d.come = append(d.come, in)
			conn, _ := g.Accept()
			return conn
		}
		for _, v := range c.held {
			porter.State(enter(v.from), v.state)
		}
		enter(c.comes)
		for i, v := range all {
			if want := i == c.gone || c.gone < 0 && i == len(c.held); v.closed != want {
				t.Errorf("%s: visitor %d is closed: %v", name, i, v.closed)
			}
		}
	}
}

// Whoever leaves makes room, once.
func TestLeavingMakesRoom(t *testing.T) {
	d := &door{}
	g := porter.New(d, 2)
	var held []net.Conn
	for i := range 10 {
		in := &visitor{from: fmt.Sprint(i)}
		d.come = append(d.come, in)
		c, err := g.Accept()
		if err != nil {
			t.Fatal(err)
		}
		porter.State(c, http.StateActive)
		if held = append(held, c); len(held) == 2 {
			_ = held[0].Close()
			_ = held[0].Close()
			held = held[1:]
		}
	}
	d.come = []*visitor{{from: "x"}, {from: "y"}}
	if c, err := g.Accept(); err != nil || c.RemoteAddr() != address("x") {
		t.Errorf("the free place was not given: %v", err)
	} else {
		porter.State(c, http.StateActive)
	}
	if _, err := g.Accept(); err == nil {
		t.Error("a place was given that there is not")
	}
}
