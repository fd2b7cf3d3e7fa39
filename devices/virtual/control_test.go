package virtual

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tokendesk/tokendesk/devices"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("VIRTUAL_TEST_HOLD"); path != "" {
		hold(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// hold opens the first key behind the socket, says so, and never lets go.
func hold(path string) {
	remote := Dial(path)
	infos, err := remote.List(context.Background())
	if err != nil || len(infos) == 0 {
		os.Exit(1)
	}
	hid, err := remote.Open(context.Background(), infos[0])
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString("open\n")
	_, _ = hid.ReadInput(context.Background(), make([]byte, reportSize))
}

// TestKilledClientLetsGo kills a process that has the key open and waits in a read.
func TestKilledClientLetsGo(t *testing.T) {
	b, k := ready(t)
	remote := served(t, b)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "VIRTUAL_TEST_HOLD="+remote.path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	infos, err := remote.List(t.Context())
	want(t, "list", err, nil)
	_, err = remote.Open(t.Context(), infos[0])
	want(t, "open what the other process has", err, devices.ErrBusy)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	limit := time.After(10 * time.Second)
	for k.holder() {
		select {
		case <-limit:
			t.Fatal("the key is still held")
		case <-time.After(time.Millisecond):
		}
	}
	hid, err := remote.Open(t.Context(), infos[0])
	want(t, "open", err, nil)
	want(t, "close", hid.Close(), nil)
}

// holder is whether the key is open.
func (k *Key) holder() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.socket.holder != nil
}

func TestRemoteControls(t *testing.T) {
	remote := served(t, NewBus())
	ctx := t.Context()
	want(t, "add", remote.Add(ctx, Options{Serial: 5, Delivered: true}), nil)
	if err := remote.Add(ctx, Options{Serial: 5}); err == nil {
		t.Error("a second key 5 was added")
	}
	if err := remote.Add(ctx, Options{Product: 1}); err == nil {
		t.Error("a key with product id 1 was added")
	}
	_, err := remote.Touch(ctx, 5, 1)
	want(t, "touch what is not plugged in", err, devices.ErrUnplugged)
	want(t, "plug", remote.Plug(ctx, 5), nil)
	if typed, err := remote.Touch(ctx, 5, 1); len(typed) != 44 || err != nil {
		t.Errorf("touch typed %q, %v", typed, err)
	}
	_, err = remote.Touch(ctx, 5, 2)
	want(t, "touch an empty slot", err, ErrSilent)
	if err := remote.Plug(ctx, 6); err == nil {
		t.Error("a key nobody has was plugged in")
	}
	want(t, "fault", remote.Misbehave(ctx, 5, Fault{Held: true}), nil)
	infos, err := remote.List(ctx)
	want(t, "list", err, nil)
	_, err = remote.Open(ctx, infos[0])
	want(t, "open a held key", err, devices.ErrBusy)
	state, err := remote.Key(ctx, 5)
	want(t, "key", err, nil)
	wanted := KeyState{Serial: 5, Product: 0x0407, Plugged: true, Sequence: 1,
		Slots: [2]SlotState{{Configured: true, Digits: 6, Counter: 1, Enter: true,
			SerialVisible: true, AllowUpdate: true}}}
	if diff := cmp.Diff(wanted, state); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	want(t, "unplug", remote.Unplug(ctx, 5), nil)
	if infos, err := remote.List(ctx); len(infos) != 0 || err != nil {
		t.Errorf("listed %v, %v", infos, err)
	}
}

// TestServerGone: the keys were in that process, so they are unplugged.
func TestServerGone(t *testing.T) {
	b, _ := ready(t)
	path := t.TempDir() + "/keys"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, b) }()
	remote := Dial(path)
	h := openFirst(t, remote)
	cancel()
	want(t, "Serve", <-done, context.Canceled)
	_, err = h.hid.GetFeature(t.Context(), make([]byte, reportSize))
	want(t, "get", err, devices.ErrUnplugged)
	want(t, "close", h.hid.Close(), nil)
	if _, err := remote.List(t.Context()); err == nil {
		t.Error("a server that is gone listed")
	}
}

// TestCancelDoesNotReachTheNextRequest cancels reads at every moment around their answer.
func TestCancelDoesNotReachTheNextRequest(t *testing.T) {
	b, k := ready(t)
	h := openFirst(t, served(t, b))
	defer h.hid.Close()
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond)
		_, err := h.hid.ReadInput(ctx, make([]byte, reportSize))
		cancel()
		want(t, "read", err, devices.ErrTimeout)
		h.get()
	}
	mustTouch(t, k, 1)
	if line := h.line(); line != rfcCodes[0] {
		t.Errorf("typed %q", line)
	}
}

// TestNonsenseRequests get an answer and do no harm.
func TestNonsenseRequests(t *testing.T) {
	b, k := ready(t)
	remote := served(t, b)
	conn, err := net.Dial("unix", remote.path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := json.NewDecoder(conn)
	for _, text := range []string{
		`{"Ask":"dance"}`, `{"Ask":"open"}`, `{"Ask":"get"}`, `{"Ask":"get","Length":-1}`,
		`{"Ask":"add"}`, `{"Ask":"fault","Serial":12345678}`, `{}`,
	} {
		if _, err := conn.Write([]byte(text + "\n")); err != nil {
			t.Fatal(err)
		}
		var answer response
		if err := in.Decode(&answer); err != nil || answer.Error == "" {
			t.Errorf("%s was answered %+v, %v", text, answer, err)
		}
	}
	// A cancel that comes after the answer, or before any request, is nobody's.
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(`{"Ask":"cancel"}{"Ask":"list"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	var listed response
	if err := in.Decode(&listed); err != nil || listed.Error != "" || len(listed.Infos) != 2 {
		t.Errorf("a list after a cancel was answered %+v, %v", listed, err)
	}
	if !k.Plugged() || !k.Slots()[0].Configured {
		t.Error("the key changed")
	}
}
