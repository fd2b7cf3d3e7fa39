package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/secret"
	"github.com/tokendesk/tokendesk/systemd"
)

// Status is what `tokendesk status` shows.
type Status struct {
	Desk         string    `json:"desk"`
	Site         string    `json:"site"`
	Feed         string    `json:"feed"`
	Position     int64     `json:"position"`
	Acked        int64     `json:"acked"`
	VerifierUp   bool      `json:"verifier_up"`
	VerifierSeen time.Time `json:"verifier_seen"`
	DirectoryUp  bool      `json:"directory_up"`
	ClockSynced  bool      `json:"clock_synced"`
	Tokens       int       `json:"tokens"`
	OpenLoans    int       `json:"open_loans"`
	Passcodes    int       `json:"passcodes"`
	Doubtful     []string  `json:"doubtful"`
	Checkpoint   string    `json:"checkpoint"`
	// Printer is how the printer of slips is; empty without one.
	Printer string `json:"printer,omitempty"`
	// Readers are the card readers; none means that numbers are typed.
	Readers []ReaderRow `json:"readers"`
	// NoticesWaiting are still to be sent, NoticesDead were given up; Requests came by mail.
	NoticesWaiting int `json:"notices_waiting"`
	NoticesDead    int `json:"notices_dead"`
	Requests       int `json:"requests"`
	// Tasks are to be seen to at the screen: what the verifier did not take.
	Tasks int `json:"tasks"`
	// Ends are certificates that end soon or have ended; Protection is what keeps the keys from
	// whoever has the disk.
	Ends       []EndRow           `json:"ends,omitempty"`
	Protection systemd.Protection `json:"protection,omitzero"`
	// Epoch counts how often the log was begun anew by a restore.
	Epoch int `json:"epoch,omitempty"`
	// Standing is why the desk issues nothing, in words; empty while it may. Backup is how backups go.
	Standing string       `json:"standing,omitempty"`
	Backup   BackupStatus `json:"backup"`
}

// OfficerRow is one officer, as the operator sees and names them. PIN is set in a request only.
type OfficerRow struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Person      string    `json:"person"`
	Supervisor  bool      `json:"supervisor"`
	Disabled    bool      `json:"disabled"`
	LockedUntil time.Time `json:"locked_until"`
	// Locked: so many tries failed that no more are taken until an operator unlocks the officer.
	Locked bool `json:"locked"`
	// Token is the serial of the officer's own token, and whether it is their key now: "ready",
	// "doubtful" when its enrolment was cut short, or "idle" when it is no longer on loan to them.
	Token      string `json:"token"`
	TokenState string `json:"token_state"`
}

// The states of an officer's token, as the operator sees them.
const (
	TokenReady    = "ready"
	TokenDoubtful = "doubtful"
	TokenIdle     = "idle"
)

// OfficerOrder is what the operator asks for. The PIN travels from terminal to socket on this box.
type OfficerOrder struct {
	OfficerRow
	PIN string `json:"pin,omitempty"`
}

// AdminError is the answer to an order that was refused or failed.
type AdminError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error implements error.
func (e AdminError) Error() string { return e.Message }

// admin serves the operator's command on a unix socket that only root and the daemon's own user may
// open, and that knows by the kernel's word who is on the other side.
type admin struct{ desk *Desk }

func (a admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", a.status)
	mux.HandleFunc("GET /metrics", a.metrics)
	mux.HandleFunc("GET /officers", a.officers)
	mux.HandleFunc("POST /officers/{act}", a.officer)
	a.handleRenewals(mux)
	a.backups(mux)
	mux.HandleFunc("POST /erase", long(a.erase))
	mux.HandleFunc("GET /erasures", a.erasures)
	mux.HandleFunc("POST /audit/list", long(a.auditList))
	mux.HandleFunc("POST /audit/verify", long(a.auditVerify))
	mux.HandleFunc("POST /audit/export", long(a.auditExport))
	return forOperators(mux)
}

// listenAdmin makes the socket. A socket left by a killed daemon is taken over; one that answers
// belongs to a living daemon and is refused.
func listenAdmin(path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("another daemon answers on %s", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("take over the admin socket: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the admin socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("make the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func (a admin) status(w http.ResponseWriter, r *http.Request) {
	status, err := a.desk.Status(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, status)
}

func (a admin) metrics(w http.ResponseWriter, r *http.Request) {
	a.desk.metrics.handler().ServeHTTP(w, r)
}

func (a admin) officers(w http.ResponseWriter, r *http.Request) {
	rows := []OfficerRow{}
	for _, o := range a.desk.officers.List() {
		rows = append(rows, a.row(o))
	}
	answer(w, rows)
}

func (a admin) row(o provisioning.Officer) OfficerRow {
	row := OfficerRow{ID: string(o.ID), Name: o.Name, Person: string(o.Person),
		Supervisor: o.Supervisor, Disabled: o.Disabled, LockedUntil: o.LockedUntil,
		Locked: o.LockedOut()}
	s := a.desk.Snapshot()
	key, has := provisioning.Get[provisioning.OfficerKey](s, string(o.ID))
	if !has {
		return row
	}
	row.Token, row.TokenState = provisioning.SerialOf(key.Token), TokenIdle
	if _, counts := provisioning.KeyOf(s, o.ID); counts {
		row.TokenState = TokenReady
	} else if key.State == provisioning.KeyIntended {
		row.TokenState = TokenDoubtful
	}
	return row
}

func (a admin) officer(w http.ResponseWriter, r *http.Request) {
	var order OfficerOrder
	err := understand(r, maxAdminBody, &order)
	if err == nil {
		err = a.carryOut(r.Context(), orderedBy(r), r.PathValue("act"), order)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, struct{}{})
}

func (a admin) carryOut(ctx context.Context, by, act string, order OfficerOrder) error {
	id := provisioning.OfficerID(order.ID)
	switch act {
	case "add":
		if order.ID == "" || order.Name == "" {
			return AdminError{"malformed", "an officer needs an id and a name"}
		}
		return a.desk.officers.Add(ctx, by, provisioning.Officer{ID: id, Name: order.Name,
			Person: provisioning.PersonID(order.Person), Supervisor: order.Supervisor},
			secret.NewPIN(order.PIN))
	case "pin":
		return a.desk.officers.SetPIN(ctx, by, id, secret.NewPIN(order.PIN))
	case "disable":
		return a.desk.officers.Disable(ctx, by, id)
	case "enable":
		return a.desk.officers.Enable(ctx, by, id)
	case "unlock":
		return a.desk.officers.Lift(ctx, by, id)
	case "token-lost":
		return a.desk.officers.DropKey(ctx, by, id)
	}
	return AdminError{"unknown", "there is no such act"}
}

// sentences are what the operator reads for a refusal.
var sentences = map[provisioning.Code]string{
	officer.CodePINWeak:    "a PIN has 6 to 12 digits, and is not one digit repeated or a run; nothing was changed",
	officer.CodeTaken:      "an officer with this id exists; nothing was changed",
	officer.CodePINUnknown: "there is no such officer; nothing was changed",
	officer.CodeKeyNone:    "this officer has no token as a key; nothing was changed",
}

func (a admin) fail(w http.ResponseWriter, err error) {
	var known AdminError
	if errors.As(err, &known) {
		status := http.StatusUnprocessableEntity
		if known == errMalformed {
			status = http.StatusBadRequest
		}
		refuse(w, status, known)
		return
	}
	var refusal *provisioning.Refusal
	if errors.As(err, &refusal) {
		message, ok := sentences[refusal.Code]
		if !ok {
			message = refusal.Error()
		}
		refuse(w, http.StatusUnprocessableEntity, AdminError{string(refusal.Code), message})
		return
	}
	a.desk.log.Error("an order of the operator failed", "err", err)
	refuse(w, http.StatusInternalServerError, AdminError{"internal", "it failed; the journal says why"})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, e AdminError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e)
}
