package daemon

import (
	"context"
	"io"
	"net/http"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/systemd"
)

// maxConfig bounds the text of a configuration in an order.
const maxConfig = 1 << 20

// BackupOrder asks for a backup. Config is the text of the configuration file, which whoever asks
// has read.
type BackupOrder struct {
	Config string `json:"config"`
}

// BackupReport tells the desk what became of it.
type BackupReport struct {
	File     string `json:"file,omitempty"`
	Position int64  `json:"position,omitempty"`
	Size     int64  `json:"size,omitempty"`
	Written  bool   `json:"written"`
	Failure  string `json:"failure,omitempty"`
}

func (a admin) backups(mux *http.ServeMux) {
	mux.HandleFunc("POST /backup", long(a.backup))
	mux.HandleFunc("POST /backup/outcome", a.backupEnded)
}

// late holds back the answer's head until the first byte, so that a refusal can still be told.
type late struct {
	http.ResponseWriter
	begun bool
}

// Write implements io.Writer.
func (l *late) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.Header().Set("Content-Type", "application/octet-stream")
	}
	return l.ResponseWriter.Write(p)
}

func (a admin) backup(w http.ResponseWriter, r *http.Request) {
	var order BackupOrder
	if err := understand(r, maxConfig, &order); err != nil {
		a.fail(w, err)
		return
	}
	to := &late{ResponseWriter: w}
	err := a.desk.Backup(r.Context(), orderedBy(r), order.Config, to)
	switch {
	case err == nil:
	case to.begun:
		a.desk.log.Error("a backup broke off", "why", err, systemd.BackupFailed.Attr())
		panic(http.ErrAbortHandler) // the client must not take half a file for a whole one.
	default:
		a.fail(w, err)
	}
}

func (a admin) backupEnded(w http.ResponseWriter, r *http.Request) {
	var report BackupReport
	err := understand(r, maxConfig, &report)
	if err == nil {
		err = a.desk.BackupEnded(r.Context(), orderedBy(r), provisioning.BackupOutcome(report))
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, struct{}{})
}

// Backup asks the daemon for a backup and writes it. An error means that what was written is not
// one.
func (c *Client) Backup(ctx context.Context, order BackupOrder, to io.Writer) error {
	return c.stream(ctx, "backup", http.MethodPost, "/backup", order, to)
}

// BackupEnded tells the daemon what became of a backup.
func (c *Client) BackupEnded(ctx context.Context, report BackupReport) error {
	return c.call(ctx, http.MethodPost, "/backup/outcome", report, nil)
}
