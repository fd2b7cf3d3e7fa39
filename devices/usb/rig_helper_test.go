//go:build rig && linux && cgo && !nousb

package usb_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/devices/usb"
)

// asDaemon makes this binary a stand-in for the daemon: a process that holds the key as the daemon
// does, takes orders on its standard input, and can be killed.
const asDaemon = "TOKENDESK_RIG_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		holdKeys(os.Stdin, os.Stdout)
		return
	}
	if kind := os.Getenv(asReader); kind != "" {
		holdReader(kind, os.Stdin, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// holdKeys carries out one order a line and answers with one line each.
func holdKeys(orders io.Reader, answers io.Writer) {
	bus := usb.New()
	defer bus.Close()
	var held devices.HID
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		var err error
		switch lines.Text() {
		case "open":
			held, err = openKeyboard(bus)
		case "reader":
			err = useReader(bus)
		case "close":
			err = held.Close()
		case "list":
			_, err = bus.List(context.Background())
		default:
			err = fmt.Errorf("unknown order %q", lines.Text())
		}
		fmt.Fprintln(answers, answer(err))
	}
}

// openKeyboard opens the first keyboard interface of the bus.
func openKeyboard(bus *usb.Bus) (devices.HID, error) {
	infos, err := bus.List(context.Background())
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		if info.Interface == 0 {
			return bus.Open(context.Background(), info)
		}
	}
	return nil, devices.ErrUnplugged
}

// useReader opens the first virtual card reader and closes it again.
func useReader(bus *usb.Bus) error {
	infos, err := bus.ListReaders(context.Background())
	if err != nil {
		return err
	}
	for _, info := range infos {
		if ours(info) {
			link, err := bus.OpenReader(context.Background(), info)
			if err != nil {
				return err
			}
			return link.Close()
		}
	}
	return devices.ErrUnplugged
}

func answer(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// holder is such a process, seen from the test.
type holder struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// startHolder runs a holder as user and group; it ends with the test at the latest.
func startHolder(t *testing.T, user, group uint32) *holder {
	t.Helper()
	return startAs(t, asDaemon+"=1", user, group)
}

// startAs runs this binary with the environment that makes it what it is to be.
func startAs(t *testing.T, env string, user, group uint32) *holder {
	t.Helper()
	h := &holder{t: t, cmd: exec.Command("/proc/self/exe")}
	h.cmd.Env = []string{env}
	h.cmd.Stderr = os.Stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: user, Gid: group},
	}
	var err error
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewScanner(out)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	return h
}

// ask gives an order and returns the answer.
func (h *holder) ask(order string) string {
	h.t.Helper()
	if _, err := fmt.Fprintln(h.in, order); err != nil {
		h.t.Fatal(err)
	}
	if !h.out.Scan() {
		h.t.Fatalf("no answer to %q: the process died", order)
	}
	return h.out.Text()
}

// do is ask for an order that must be carried out.
func (h *holder) do(order string) {
	h.t.Helper()
	if got := h.ask(order); got != "done" {
		h.t.Fatalf("%s: %s", order, got)
	}
}

// kill is SIGKILL: nothing of the process's own runs after it.
func (h *holder) kill() {
	if h.cmd.ProcessState != nil {
		return
	}
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// refuses says whether an answer is about this error.
func refuses(answer string, err error) bool { return strings.HasSuffix(answer, err.Error()) }
