package verifier

import (
	"cmp"
	"crypto/x509"
	"maps"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/systemd"
)

// KeysStatus is how the keys of a verifier are.
type KeysStatus struct {
	// Renewals are those under way.
	Renewals []RenewalStatus `json:"renewals,omitempty"`
	// Ends are the certificates and when each ends, the first to end first.
	Ends []End `json:"ends,omitempty"`
	// Protection is what keeps the keys of this machine from whoever has its disk.
	Protection systemd.Protection `json:"protection,omitzero"`
}

// RenewalStatus is one renewal under way.
type RenewalStatus struct {
	What string `json:"what"`
	// Stage is "announced" while the new key is told, "switched" while the old one still counts.
	Stage string `json:"stage"`
	// Waits are the desks it waits for.
	Waits []string `json:"waits,omitempty"`
}

// End is when one certificate ends.
type End struct {
	// What is "follower", "api", "caller" or "feed"; Name is whose, a caller's or a desk's.
	What string    `json:"what"`
	Name string    `json:"name,omitempty"`
	Ends time.Time `json:"ends"`
}

// The stages of a renewal.
const (
	StageAnnounced = "announced"
	StageSwitched  = "switched"
)

// keysStatus gathers all that.
func (v *Verifier) keysStatus() (s KeysStatus, err error) {
	if s.Renewals, err = v.renewals(); err != nil {
		return s, err
	}
	s.Protection = systemd.ProtectionOf(fileStateKey, fileFeedKey)
	s.Ends, err = v.ends()
	return s, err
}

func (v *Verifier) renewals() (list []RenewalStatus, err error) {
	b := v.InForce()
	behind, err := v.behind()
	if err != nil {
		return nil, err
	}
	switch {
	case b.NextFollowerPin != "":
		list = append(list, RenewalStatus{RenewFollower, StageAnnounced, behind})
	case b.OldFollowerPin != "":
		list = append(list, RenewalStatus{RenewFollower, StageSwitched, behind})
	}
	if v.sealingRenewed() {
		waits, err := v.mayStillSeal()
		if err != nil {
			return nil, err
		}
		list = append(list, RenewalStatus{RenewSealing, StageSwitched, waits})
	}
	if len(v.apiCertificates()) > 1 {
		stage := StageAnnounced
		if v.apiSwitched() {
			stage = StageSwitched
		}
		list = append(list, RenewalStatus{What: RenewAPI, Stage: stage})
	}
	return list, nil
}

// ends lists every certificate this verifier shows or is shown, as far as it has seen them.
func (v *Verifier) ends() ([]End, error) {
	list := []End{{RenewFollower, "", v.followerCertificate().Leaf.NotAfter},
		{RenewAPI, "", v.apiCertificate().Leaf.NotAfter}}
	err := v.file.View(func(tx *boltfile.Tx) error {
		return each(tx, callerTable, func(_ string, c Caller) error {
			if !c.Ends.IsZero() {
				list = append(list, End{RenewCaller, c.Name, c.Ends})
			}
			return nil
		})
	})
	v.mu.Lock()
	links := maps.Clone(v.links)
	v.mu.Unlock()
	for desk, link := range links {
		if !link.ends.IsZero() {
			list = append(list, End{endFeed, desk, link.ends})
		}
	}
	slices.SortFunc(list, func(a, b End) int {
		return cmp.Or(a.Ends.Compare(b.Ends), cmp.Compare(a.What+a.Name, b.What+b.Name))
	})
	return list, err
}

// shownBy remembers when the certificate of a desk ends.
func (v *Verifier) shownBy(desk string, cert *x509.Certificate) {
	v.setLink(desk, func(l *Link) { l.ends = cert.NotAfter })
}
