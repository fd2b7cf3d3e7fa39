package provisioning

import "time"

// Ending is a certificate that ends within a month, or has ended. It names what it is for.
type Ending struct {
	What EndingOf
	Ends time.Time
	// Over says that it has ended.
	Over bool
}

// EndingOf is what a certificate is for.
type EndingOf string

// The certificates a desk looks at.
const (
	// EndingFeed is its own, towards the verifier; EndingVerifier is what the verifier calls with.
	EndingFeed     EndingOf = "feed"
	EndingVerifier EndingOf = "verifier"
	// EndingDirectory, EndingMail, EndingSMS and EndingMailbox are those of the authorities that
	// vouch for the servers.
	EndingDirectory EndingOf = "directory"
	EndingMail      EndingOf = "mail"
	EndingSMS       EndingOf = "sms"
	EndingMailbox   EndingOf = "mailbox"
	// EndingSelf is what the unattended view is served with.
	EndingSelf EndingOf = "self"
)
