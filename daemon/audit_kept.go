package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// errForeign answers a note that says nothing of this log. It is no proof against it, nor for it.
var errForeign = AdminError{"note", "the log fits together, but a note is signed with a key that " +
	"this log does not know, or is of another feed, and was not held against it; that is so for " +
	"notes of other desks and from before a restore: take the newest (verifierd desk checkpoint). " +
	"If this desk was never restored and the note is its own, the log is not the one that was signed"}

// openKept reads a checkpoint that somebody kept of this log, by a key it is or was signed with.
func (d *Desk) openKept(ctx context.Context, signed string) (feed.Checkpoint, error) {
	keys := d.keys.now()
	public := []string{keys.LogKey}
	if keys.LogBeside != nil {
		public = append(public, keys.LogKeyBeside)
	}
	checkpoint, err := openNote(signed, public)
	if errors.Is(err, errForeign) {
		if public, err = d.formerLogKeys(ctx, public); err == nil {
			checkpoint, err = openNote(signed, public)
		}
	}
	if err == nil && checkpoint.Origin != d.store.Origin() {
		err = errForeign
	}
	return checkpoint, err
}

// openNote tells a note of another key from one whose signature is wrong.
func openNote(signed string, public []string) (feed.Checkpoint, error) {
	keys := make([]note.Verifier, len(public))
	for i, key := range public {
		var err error
		if keys[i], err = note.NewVerifier(key); err != nil {
			return feed.Checkpoint{}, fmt.Errorf("read a log key of the desk: %w", err)
		}
	}
	var unknown *note.UnverifiedNoteError
	if _, err := note.Open([]byte(signed), note.VerifierList(keys...)); errors.As(err, &unknown) {
		return feed.Checkpoint{}, errForeign
	}
	return feed.OpenCheckpoint([]byte(signed), keys...)
}

// formerLogKeys adds the keys that the log says it was signed with: each renewal is on record with
// the public key that was in use.
func (d *Desk) formerLogKeys(ctx context.Context, public []string) ([]string, error) {
	for logged, err := range d.store.Newest(ctx) {
		if err != nil {
			return nil, err
		}
		e := logged.Entry
		switch e.Act {
		case provisioning.ActKeyAnnounce, provisioning.ActKeySwitch, provisioning.ActKeyRetire:
		default:
			continue
		}
		key := e.Detail["key"]
		if e.Detail["what"] == RenewLog && !slices.Contains(public, key) {
			public = append(public, key)
		}
	}
	return public, nil
}
