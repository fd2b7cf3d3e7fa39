// Package operator tells who an operator is: whoever the kernel names at the other end of a socket
// of this machine, and is root or the user the program runs as.
//
// It refuses to know what an operator may order.
package operator

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Of asks the kernel who opened the other end (unix(7), SO_PEERCRED), and says whether that is an
// operator. A connection that a listener wrapped is looked into, if it can be (NetConn).
func Of(conn net.Conn) (uid int, ok bool) {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn()
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, false
	}
	var peer *unix.Ucred
	asked := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if asked != nil || err != nil {
		return 0, false
	}
	uid = int(peer.Uid)
	return uid, uid == 0 || uid == os.Geteuid()
}
