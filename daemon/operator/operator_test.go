package operator

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestOf(t *testing.T) {
	for network, address := range map[string]string{
		"unix": filepath.Join(t.TempDir(), "socket"), "tcp": "127.0.0.1:0"} {
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		here, err := net.Dial(network, listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		there, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		uid, ok := Of(there)
		if ok != (network == "unix") || ok && uid != os.Geteuid() {
			t.Errorf("%s: user %d is an operator: %v", network, uid, ok)
		}
		_, _, _ = here.Close(), there.Close(), listener.Close()
	}
}
