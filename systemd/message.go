package systemd

import "log/slog"

// Message is a class of events that an operator may have to act on: the MESSAGE_ID of its lines in
// the journal. tokendesk.catalog says of each what happened and what to do, for journalctl -x.
type Message string

// The classes. A text of the catalogue may name fields of the line; each is in the comment here.
const (
	// TokensDoubtful: nobody can vouch for tokens. DOUBTFUL is how many.
	TokensDoubtful Message = "5f1e0c3a9d4b4a77b2d0e6c8f19a3b51"
	// WriteFailed: a change did not become durable, and the process ends.
	WriteFailed Message = "8c27d6b10e5f4c02a3b94f7d21e8c6a4"
	// StoreNewer: the file of the store is of a newer version than the program.
	StoreNewer Message = "6b113cac23a14ed28ab5f6c2369dee0f"
	// StoreDamaged: the file of the store is not what was written, or not what this key wrote.
	StoreDamaged Message = "1eedc5718a414b809c6d84de6fdf5fb8"
	// StoreLocked: another process has the store open.
	StoreLocked Message = "544e5486107c4e169c27f0b770f14d94"
	// OfficerLocked: so many PINs were wrong that no more are taken. OFFICER is who.
	OfficerLocked Message = "365287a3a6ef4f609ab80df48ff58ce9"
	// RecoveriesThrottled: so many tries at the unattended view failed that no more are taken of an
	// account or from an address.
	RecoveriesThrottled Message = "7a33dbbec4164bc6a9f6f98e114aafb1"
	// DeskAlarm: a desk did what an honest one does not. DESK is which, KIND and WHY are what.
	DeskAlarm Message = "ee7ab053047d42ee95414f960bb4e598"
	// DeskRevoked: an operator revoked a desk. DESK is which, SUSPENDED how much of it was suspended.
	DeskRevoked Message = "b2f1bd1f926f4da2adfe3682fa47a3ca"
	// CertificateEnds: a certificate ends within a month, or has ended. CERTIFICATE is which, ENDS is
	// when, STOPS is what no longer works then, RENEW is the command.
	CertificateEnds Message = "042d5a00e957409681dfe07c28fc8f2f"
	// BackupFailed: no backup was made, or it did not leave the box. WHY is why.
	BackupFailed Message = "b8b06016fedd44e7b01af18c800b0f6a"
	// DeskHalted: the verifier told this desk to stop, or to go on. STANDING is which, in words.
	DeskHalted Message = "3c0b7d94e1f24a6f9a5d8e2b47c61f08"
	// DeskAccepted: the verifier follows a desk that was restored. LEARNED is how many tokens and
	// passcodes it was told of.
	DeskAccepted Message = "b84e6f1d07c94c53a2f7d90e5b3a6c12"
	// CopyAnswers: a copy of a desk that was restored elsewhere answers. DESK is which, URL is where,
	// INSTANCE is which run of which machine.
	CopyAnswers Message = "7e2d50c8a1b64f39b8d4c6f0e9275a13"
)

// Attr is the field that puts a line of the log into the class.
func (m Message) Attr() slog.Attr { return slog.String("MESSAGE_ID", string(m)) }
