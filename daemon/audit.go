package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/audit"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// AuditQuery asks for entries, newest first.
type AuditQuery struct {
	audit.Filter
	// Before is where an earlier page ended; 0 begins at the newest. Limit is at most MaxAuditPage.
	Before int64 `json:"before"`
	Limit  int   `json:"limit"`
}

// MaxAuditPage is the most one page lists.
const MaxAuditPage = 1000

// AuditPage is one page of entries. Next asks for the one after it; 0 says that there is none.
type AuditPage struct {
	Entries []store.Logged `json:"entries"`
	Next    int64          `json:"next"`
}

// AuditCheck is what a check of the whole log saw.
type AuditCheck struct {
	store.Audit
	// Kept are the sizes of the checkpoints that were held against it.
	Kept []int64 `json:"kept"`
}

// auditList lists entries. Who looked is an entry itself.
func (a admin) auditList(w http.ResponseWriter, r *http.Request) {
	var query AuditQuery
	err := understand(r, maxAdminBody, &query)
	if err == nil && query.Before == 0 {
		err = a.desk.audited(r.Context(), orderedBy(r), "audit.list", query.Person)
	}
	var page AuditPage
	if err == nil {
		page, err = a.desk.auditPage(r.Context(), query)
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, page)
}

// audited puts on record that an operator looked. A person who is known is the one it is about.
func (d *Desk) audited(ctx context.Context, by string, act provisioning.Act,
	about provisioning.PersonID) error {
	_, err := d.store.Do(ctx, func(s provisioning.Snapshot) (provisioning.Change, error) {
		at, synced := d.clock()
		e := provisioning.Entry{At: at, Synced: synced, Desk: provisioning.DeskID(d.parts.Config.Desk),
			Actor: by, Act: act, Rule: "audit.operator", Outcome: "done"}
		if _, known := provisioning.Get[provisioning.Person](s, string(about)); known {
			e.Person = about
		}
		return provisioning.NewChange(e), nil
	})
	return err
}

// auditStep is how many entries are read at a time.
const auditStep = 256

func (d *Desk) auditPage(ctx context.Context, q AuditQuery) (AuditPage, error) {
	limit := q.Limit
	if limit < 1 || limit > MaxAuditPage {
		limit = MaxAuditPage
	}
	to := d.store.Head()
	if q.Before > 0 {
		to = min(to, q.Before-1)
	}
	page := AuditPage{Entries: []store.Logged{}}
	for to > 0 {
		from := max(to-auditStep, 0)
		entries, err := d.store.Entries(ctx, from, int(to-from))
		if err != nil {
			return page, err
		}
		for i := len(entries) - 1; i >= 0; i-- {
			if entry := entries[i]; q.wants(entry) {
				page.Entries = append(page.Entries, entry)
				if len(page.Entries) == limit {
					page.Next = entry.Position
					return page, nil
				}
			}
		}
		to = from
	}
	return page, nil
}

// wants: what was erased is listed only when nothing is asked of it.
func (q AuditQuery) wants(l store.Logged) bool {
	if l.Erased {
		return q.Filter == (audit.Filter{})
	}
	return q.Takes(l.Entry)
}

// auditVerify recomputes the whole log and holds against it what somebody kept of it.
func (a admin) auditVerify(w http.ResponseWriter, r *http.Request) {
	var kept []string
	if err := understand(r, maxAdminBody, &kept); err != nil {
		a.fail(w, err)
		return
	}
	check, err := a.desk.auditCheck(r.Context(), kept)
	if errors.Is(err, store.ErrLog) || errors.Is(err, feed.ErrFork) ||
		errors.Is(err, feed.ErrCheckpoint) {
		a.desk.log.Error("the log does not verify", "err", err)
		err = AdminError{"log", "THE LOG DOES NOT VERIFY: " + err.Error()}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, check)
}

func (d *Desk) auditCheck(ctx context.Context, kept []string) (check AuditCheck, err error) {
	if check.Audit, err = d.store.Audit(ctx); err != nil {
		return check, err
	}
	for _, signed := range kept {
		checkpoint, err := d.openKept(ctx, signed)
		if err == nil {
			err = d.store.Prove(checkpoint)
		}
		if err != nil {
			return check, err
		}
		check.Kept = append(check.Kept, checkpoint.Size)
	}
	return check, nil
}

// auditExport writes the log without personal data, a line for each leaf. That it left the desk is
// an entry.
func (a admin) auditExport(w http.ResponseWriter, r *http.Request) {
	if err := a.desk.audited(r.Context(), orderedBy(r), "audit.export", ""); err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	if err := a.desk.export(r.Context(), unhurried{w}); err != nil {
		// Without its end an export is refused by whoever checks it.
		a.desk.log.Error("an export was cut short", "err", err)
	}
}

func (d *Desk) export(ctx context.Context, w io.Writer) error {
	lines, people := json.NewEncoder(w), audit.NewPseudonyms()
	checkpoint, err := d.store.Export(ctx, func(n int64, leaf feed.Leaf,
		entry *provisioning.Entry) error {
		return lines.Encode(people.Line(n, leaf, entry))
	})
	if err != nil {
		return err
	}
	return lines.Encode(audit.End{Checkpoint: string(checkpoint)})
}

// AuditList lists entries.
func (c *Client) AuditList(ctx context.Context, q AuditQuery) (AuditPage, error) {
	var page AuditPage
	return page, c.call(ctx, http.MethodPost, "/audit/list", q, &page)
}

// AuditVerify recomputes the whole log and holds signed checkpoints against it.
func (c *Client) AuditVerify(ctx context.Context, kept []string) (AuditCheck, error) {
	var check AuditCheck
	if kept == nil {
		kept = []string{}
	}
	return check, c.call(ctx, http.MethodPost, "/audit/verify", kept, &check)
}

// AuditExport writes the log without personal data to out.
func (c *Client) AuditExport(ctx context.Context, out io.Writer) error {
	return c.stream(ctx, "export", http.MethodPost, "/audit/export", nil, out)
}
