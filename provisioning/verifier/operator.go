package verifier

import (
	"net"

	"github.com/tokendesk/tokendesk/daemon/operator"
)

// operators is a listener to which only operators come: whoever else opened the socket is hung up
// on before a word.
type operators struct{ net.Listener }

// Accept implements net.Listener.
func (o operators) Accept() (net.Conn, error) {
	for {
		conn, err := o.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if _, ok := operator.Of(conn); ok {
			return conn, nil
		}
		_ = conn.Close()
	}
}
