package daemon

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// EndRow is one certificate that ends soon or has ended, as the operator sees it.
type EndRow struct {
	What string    `json:"what"`
	Ends time.Time `json:"ends"`
	Over bool      `json:"over"`
	// Renew is what to do; Stops what no longer works once it has ended.
	Renew string `json:"renew"`
	Stops string `json:"stops"`
}

// renewals of certificates, in words for the operator.
var endWords = map[provisioning.EndingOf]struct{ renew, stops string }{
	provisioning.EndingFeed: {"tokendesk renew feed",
		"the verifier does not call any more: nothing that is issued comes into force"},
	provisioning.EndingVerifier: {"verifierd renew follower, on the verifier's machine",
		"the verifier is not let in any more: nothing that is issued comes into force"},
	provisioning.EndingDirectory: {"put the directory's new CA where [ldap] ca says, and restart",
		"people cannot be looked up"},
	provisioning.EndingMail: {"put the mail server's new CA where [mail] ca says, and restart",
		"no mail leaves"},
	provisioning.EndingSMS: {"put the gateway's new CA where [sms] ca says, and restart",
		"no text message leaves"},
	provisioning.EndingMailbox: {"put the mail server's new CA where [mailbox] ca says, and restart",
		"no request by mail is read"},
	provisioning.EndingSelf: {"put a new certificate where [self] cert says, and restart",
		"browsers refuse the unattended view"},
}

// endings are the certificates that somebody has to see to, the first to end first. A file that
// cannot be read is somebody else's complaint.
func (d *Desk) endings() []provisioning.Ending {
	now := d.parts.Clock.Now()
	ends := d.fileEnds.in(d.parts.Config, now)
	if leaf, err := feedLeaf(d.keys.now().Feed); err == nil {
		ends[provisioning.EndingFeed] = leaf.NotAfter
	}
	if follower := d.feed.Follower(); follower != nil {
		ends[provisioning.EndingVerifier] = follower.NotAfter
	}
	var list []provisioning.Ending
	for what, at := range ends {
		if feed.EndsSoon(at, now) {
			list = append(list, provisioning.Ending{What: what, Ends: at, Over: !now.Before(at)})
		}
	}
	slices.SortFunc(list, func(a, b provisioning.Ending) int {
		return cmp.Or(a.Ends.Compare(b.Ends), cmp.Compare(a.What, b.What))
	})
	return list
}

// fileEnds is when the certificates in files end. Every page of the desk asks; the files are
// looked at once a minute.
type fileEnds struct {
	mu   sync.Mutex
	at   time.Time
	ends map[provisioning.EndingOf]time.Time
}

// lookEvery is how long what was read counts.
const lookEvery = time.Minute

func (f *fileEnds) in(c Config, now time.Time) map[provisioning.EndingOf]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if age := now.Sub(f.at); age < 0 || age >= lookEvery {
		f.at = now
		f.ends = map[provisioning.EndingOf]time.Time{
			provisioning.EndingDirectory: lastOf(c.LDAP.CA), provisioning.EndingMail: lastOf(c.Mail.CA),
			provisioning.EndingSMS: lastOf(c.SMS.CA), provisioning.EndingMailbox: lastOf(c.Mailbox.CA),
			provisioning.EndingSelf: firstOf(c.Self.Cert)}
	}
	return maps.Clone(f.ends)
}

func certificatesIn(path string) (list []*x509.Certificate) {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			list = append(list, cert)
		}
	}
	return list
}

// lastOf is when the last of the authorities in a file ends: one that is renewed stands beside the
// old one.
func lastOf(path string) (last time.Time) {
	for _, cert := range certificatesIn(path) {
		if cert.NotAfter.After(last) {
			last = cert.NotAfter
		}
	}
	return last
}

// firstOf is when the chain in a file ends: with the first of its certificates.
func firstOf(path string) (first time.Time) {
	for _, cert := range certificatesIn(path) {
		if first.IsZero() || cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	return first
}

func (d *Desk) endRows() []EndRow {
	rows := []EndRow{}
	for _, e := range d.endings() {
		words := endWords[e.What]
		rows = append(rows, EndRow{string(e.What), e.Ends, e.Over, words.renew, words.stops})
	}
	return rows
}

// warnEvery is how often the journal hears of a certificate that ends.
const warnEvery = 24 * time.Hour

// warnEnds tells the journal, at the start and once a day.
func (d *Desk) warnEnds(ctx context.Context) error {
	tick := time.NewTicker(warnEvery)
	defer tick.Stop()
	for {
		for _, row := range d.endRows() {
			d.log.Warn("a certificate ends", "certificate", row.What,
				"ends", row.Ends.UTC().Format(time.DateOnly), "over", row.Over, "renew", row.Renew,
				"stops", row.Stops, systemd.CertificateEnds.Attr())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// protection is what keeps the desk's keys from whoever has its disk.
func protection() systemd.Protection {
	return systemd.ProtectionOf(credDesk, credLog, credFeed, credSite)
}
