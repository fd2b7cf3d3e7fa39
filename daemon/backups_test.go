package daemon

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupCutOff: a stream that ends too soon is no backup, however much of it came.
func TestBackupCutOff(t *testing.T) {
	// The path of a unix socket is short; t.TempDir can be long.
	dir, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = (&late{ResponseWriter: w}).Write(bytes.Repeat([]byte("x"), 100_000))
		panic(http.ErrAbortHandler)
	})}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	var got bytes.Buffer
	err = NewClient(socket).Backup(t.Context(), BackupOrder{}, &got)
	if err == nil || !strings.Contains(err.Error(), "the backup broke off") {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
}

// full is a disk with room for so many bytes.
type full struct{ left int }

var errFull = errors.New("no space left on device")

// Write implements io.Writer.
func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

// TestBackupToAFullDisk errs wherever the disk is full, and the next one goes well.
func TestBackupToAFullDisk(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	desk := w.found("one")
	for _, room := range []int{0, 10, 2000, 30_000} {
		err := desk.Backup(t.Context(), "operator:test", "", &full{room})
		if !errors.Is(err, errFull) {
			t.Errorf("with room for %d: %v", room, err)
		}
	}
	desk.backup("good.backup")
}

// TestBackupCommand: the words of the hook, and what cannot be one.
func TestBackupCommand(t *testing.T) {
	c := BackupConfig{After: "scp -q {file} vault:in/{file}.part"}
	if got := strings.Join(c.Command("/b/x y"), "|"); got != "scp|-q|/b/x y|vault:in//b/x y.part" {
		t.Error(got)
	}
	if len(BackupConfig{}.Command("f")) > 0 {
		t.Error("nothing configured is something to run")
	}
	for _, bad := range []BackupConfig{{After: "scp vault:"}, {Keep: -1}} {
		if bad.check() == nil {
			t.Errorf("%+v passed", bad)
		}
	}
}
