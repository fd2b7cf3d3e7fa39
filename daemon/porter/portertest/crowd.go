// Package portertest is what strangers do to a listener: thousands of connections that say nothing,
// requests letter by letter, broken ones, and another user at a socket of the operator's. The tests
// of every listener share it. It knows no program of ours.
package portertest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// NeedsCrowd skips the test where a crowd cannot come, or where something else would be measured.
func NeedsCrowd(t testing.TB, size int) {
	t.Helper()
	if Race {
		t.Skip("what a crowd costs is measured without the race detector")
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < uint64(size)+5000 {
		t.Skipf("only %d descriptors are allowed here: a crowd of %d needs more", limit.Cur, size)
	}
}

// Crowd opens connections to a TCP address, or to the path of a Unix socket, that say nothing, until
// the test ends. They cost this process a descriptor each and nothing else, so what it grows by is
// the server's.
func Crowd(t testing.TB, address string, size int) {
	t.Helper()
	family, to := syscall.AF_UNIX, syscall.Sockaddr(&syscall.SockaddrUnix{Name: address})
	if !strings.HasPrefix(address, "/") {
		tcp, err := netip.ParseAddrPort(address)
		if err != nil {
			t.Fatal(err)
		}
		family, to = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(tcp.Port()), Addr: tcp.Addr().As4()}
	}
	for range size {
		fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(fmt.Errorf("make a socket: %w", err))
		}
		t.Cleanup(func() { _ = syscall.Close(fd) })
		if err := syscall.Connect(fd, to); err != nil {
			t.Fatal(fmt.Errorf("connect: %w", err))
		}
	}
}

// Used is the memory this process holds for what lives now, in bytes.
func Used() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse + stats.StackInuse
}

// Descriptors counts what this process holds open.
func Descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// AsNobody does something as a user who is nobody here, on a thread that is thrown away after. The
// test is skipped where only root could become one.
func AsNobody(t testing.TB, do func()) {
	t.Helper()
	if syscall.Geteuid() != 0 {
		t.Skip("another user can be become by root alone")
	}
	const nobody = 65534
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		_, _, err := syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0)
		for _, call := range []uintptr{syscall.SYS_SETRESGID, syscall.SYS_SETRESUID} {
			if err == 0 {
				_, _, err = syscall.RawSyscall(call, nobody, nobody, nobody)
			}
		}
		if err != 0 {
			done <- err
			return
		}
		do()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatalf("become nobody: %v", err)
	}
}

// Dial opens a Unix socket by itself, so that it is this thread that does.
func Dial(path string) (net.Conn, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("connect: %w", err)
	}
	return fileConn(fd)
}
