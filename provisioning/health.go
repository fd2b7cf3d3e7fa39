package provisioning

import "time"

// Health is what Ready shows about the things the desk depends on.
type Health struct {
	// Verifier: Up when it called within its long poll; Behind counts leaves it has not acked.
	VerifierUp   bool
	VerifierSeen time.Time
	Behind       int64
	// Directory can look people up.
	DirectoryUp bool
	// ClockSynced: the clock was set by the network since boot. No due date is made while it is not.
	ClockSynced bool
	// TokensInDrawer counts tokens in stock.
	TokensInDrawer int
	// Endings are certificates that end soon or have ended, the first to end first.
	Endings []Ending
	// Protection is what keeps the desk's keys from whoever has its disk: "file", "host" or "tpm";
	// empty when nobody looked.
	Protection string
	// Standing is why the desk as a whole issues nothing, or nil.
	Standing *Refusal
	// BackupTrouble: the newest backup failed, or was never finished.
	BackupTrouble bool
}
