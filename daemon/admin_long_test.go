package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestLongOrders: what may take long is answered by a server that gives nobody any time: neither is
// the answer cut off, nor the order ended before.
func TestLongOrders(t *testing.T) {
	desk := openDesk(t, func(*Config) {})
	socket := desk.parts.Config.Admin
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: admin{desk}.handler(), ConnContext: withOperator,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, ReadTimeout: 1,
		WriteTimeout: 1}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	c, ctx := NewClient(socket), t.Context()
	for name, order := range map[string]func() error{
		"list":   func() error { _, err := c.AuditList(ctx, AuditQuery{}); return err },
		"verify": func() error { _, err := c.AuditVerify(ctx, nil); return err },
		"export": func() error { return c.AuditExport(ctx, io.Discard) },
		"erase": func() error {
			_, err := c.Erase(ctx, EraseOrder{Person: "E1", Reason: "left"})
			return err
		},
		"renew":  func() error { _, err := c.Renew(ctx, RenewDesk, RenewOrder{}); return err },
		"backup": func() error { return c.Backup(ctx, BackupOrder{}, io.Discard) },
	} {
		var refused AdminError
		if err := order(); err != nil && (!errors.As(err, &refused) || refused.Code == "internal") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The order itself goes on, too, while nobody reads.
	slow := httptest.NewUnstartedServer(long(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(100 * time.Millisecond):
			answer(w, struct{}{})
		}
	}))
	slow.Config.ReadTimeout, slow.Config.ReadHeaderTimeout = 1, headerTimeout
	slow.Start()
	defer slow.Close()
	resp, err := http.Get(slow.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); len(text) == 0 {
		t.Error("the order was ended before its time")
	}
}

// writes is a connection that remembers its newest deadline.
type writes struct {
	http.ResponseWriter
	until time.Time
}

func (w *writes) SetWriteDeadline(at time.Time) error { w.until = at; return nil }

// TestUnhurried: each write has its own time.
func TestUnhurried(t *testing.T) {
	w := &writes{ResponseWriter: httptest.NewRecorder()}
	for range 2 {
		w.until = time.Time{}
		_, err := unhurried{w}.Write([]byte("x"))
		if err != nil || time.Until(w.until) < orderPeriod/2 {
			t.Errorf("until %v, %v", w.until, err)
		}
	}
}

// TestRenewDuringBackup: a renewal does not wait until a backup is written, and the backup opens
// all the same.
func TestRenewDuringBackup(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.found("one")
	ctx, stop := context.WithTimeout(t.Context(), enough)
	defer stop()
	var file bytes.Buffer
	first := true
	err := b.Backup(ctx, "operator:test", "", writerFunc(func(p []byte) (int, error) {
		if first {
			first = false
			r := Renewal{Config: b.parts.Config, Client: NewClient(b.parts.Config.Admin), Patience: enough,
				Say: func(string) {}}
			if err := r.Run(ctx, RenewDesk); err != nil {
				t.Errorf("while a backup is written: %v", err)
			}
		}
		return file.Write(p)
	}))
	if err != nil {
		t.Fatal(err)
	}
	path := b.path("during.backup")
	if err := writeNew(path, 0o600, file.Bytes()); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBackup(t.Context(), path, b.private); err != nil {
		t.Error(err)
	}
}

// writerFunc implements io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
