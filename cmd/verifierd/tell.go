package main

import (
	"errors"
	"log/slog"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/systemd"
)

// tell puts the end of the daemon into a class of events, where there is one for its reason: journalctl
// -x then says what to do.
func tell(log *slog.Logger, err error) {
	for reason, class := range map[error]systemd.Message{
		boltfile.ErrNewer: systemd.StoreNewer, boltfile.ErrDamaged: systemd.StoreDamaged,
		boltfile.ErrWrongKey: systemd.StoreDamaged, boltfile.ErrLocked: systemd.StoreLocked,
		boltfile.ErrCommit: systemd.WriteFailed,
	} {
		if errors.Is(err, reason) {
			log.Error("the verifier ends", class.Attr(), "err", err)
		}
	}
}
