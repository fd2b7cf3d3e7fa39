package verifier

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// operators is a listener to which only operators come: whoever else opened the socket is hung up
// on before a word.
type operators struct{ net.Listener }

// Accept implements net.Listener.
func (o operators) Accept() (net.Conn, error) {
	for {
		conn, err := o.Listener.Accept()
		if err != nil || isOperator(conn) {
			return conn, err
		}
		_ = conn.Close()
	}
}

// isOperator asks the kernel who opened the other end.
func isOperator(conn net.Conn) bool {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var peer *unix.Ucred
	asked := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if asked != nil || err != nil {
		return false
	}
	return peer.Uid == 0 || int(peer.Uid) == os.Geteuid()
}
