package verifier

import (
	"context"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// Renew is how the certificate is renewed.
func (e End) Renew() string {
	switch e.What {
	case RenewCaller:
		return "verifierd caller renew " + e.Name
	case endFeed:
		return "tokendesk renew feed, on desk " + e.Name
	}
	return "verifierd renew " + e.What
}

// Stops is what no longer works once it has ended.
func (e End) Stops() string {
	switch e.What {
	case RenewCaller:
		return "caller " + e.Name + " is refused"
	case endFeed:
		return "desk " + e.Name + " cannot be followed"
	case RenewAPI:
		return "no caller can sign anybody in"
	}
	return "no desk can be followed"
}

// endFeed is the certificate of a desk.
const endFeed = "feed"

// warnEvery is how often the journal hears of a certificate that ends.
const warnEvery = 24 * time.Hour

// warnEnds tells the journal, at the start and once a day.
func (v *Verifier) warnEnds(ctx context.Context) error {
	tick := time.NewTicker(warnEvery)
	defer tick.Stop()
	for {
		ends, err := v.ends()
		if err != nil {
			return err
		}
		for _, e := range ends {
			if feed.EndsSoon(e.Ends, v.clock()) {
				v.log.Warn("a certificate ends", "certificate", e.What+" "+e.Name,
					"ends", e.Ends.UTC().Format(time.DateOnly), "renew", e.Renew(), "stops", e.Stops(),
					systemd.CertificateEnds.Attr())
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
