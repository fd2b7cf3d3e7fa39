package verifier

import (
	"crypto/tls"
	"errors"
	"path/filepath"
	"time"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// beginAPI puts another certificate beside the one the API is served with, for callers to trust.
func (v *Verifier) beginAPI() error {
	now := v.apiCertificate()
	if len(v.apiCertificates()) > 1 {
		return nil
	}
	// From here on the pin says which one is served, so that two of them confuse nobody.
	if err := v.serveAPI(now); err != nil {
		return err
	}
	hosts := append([]string{}, now.Leaf.DNSNames...)
	for _, ip := range now.Leaf.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	if _, err := v.makePair("api", Identity{Name: v.InForce().Name, Hosts: hosts,
		Now: v.clock()}); err != nil {
		return err
	}
	return v.reload()
}

// apiCertificates are all there are, oldest first.
func (v *Verifier) apiCertificates() []tls.Certificate {
	v.keys.RLock()
	defer v.keys.RUnlock()
	return v.apis
}

// apiSwitched says whether the API is served with the newest.
func (v *Verifier) apiSwitched() bool {
	all := v.apiCertificates()
	return feed.Pin(all[len(all)-1].Leaf) == feed.Pin(v.apiCertificate().Leaf)
}

func (v *Verifier) serveAPI(cert *tls.Certificate) error {
	return boltfile.Replace(filepath.Join(v.dir, fileAPIPin), 0o644,
		[]byte(feed.Pin(cert.Leaf)+"\n"))
}

// switchAPI serves the API with the newest certificate. The old one stays beside it.
func (v *Verifier) switchAPI() error {
	all := v.apiCertificates()
	if err := v.serveAPI(&all[len(all)-1]); err != nil {
		return err
	}
	return v.reload()
}

// retireAPI gives up the certificates the API is not served with. The newest must be in use.
func (v *Verifier) retireAPI() error {
	if !v.apiSwitched() {
		return errors.New("the new certificate is not in use yet; switch first")
	}
	all := v.apiCertificates()
	var err error
	for _, old := range all[:len(all)-1] {
		err = errors.Join(err, dropPair(v.dir, "api", feed.Pin(old.Leaf)))
	}
	return errors.Join(err, v.reload())
}

// ErrNoCaller says that nobody of that name may call.
var ErrNoCaller = errors.New("no such caller")

// beginCaller lets a caller call with a second certificate.
func (v *Verifier) beginCaller(name, pin string, ends time.Time) error {
	if len(pin) != 2*32 {
		return ErrCaller
	}
	return v.file.Update(func(tx *boltfile.Tx) error {
		var old []Caller
		err := each(tx, callerTable, func(_ string, c Caller) error {
			if c.Name == name {
				old = append(old, c)
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case len(old) == 0:
			return ErrNoCaller
		case len(old) > 1:
			return errors.New("the caller has two certificates already; retire the old one first")
		}
		// The new one is the newer one, whatever the clock says.
		added := v.clock()
		if !added.After(old[0].Added) {
			added = old[0].Added.Add(time.Nanosecond)
		}
		return save(tx, callerTable, []byte(pin), Caller{Name: name, Role: old[0].Role, Pin: pin,
			Added: added, Ends: ends})
	})
}

// retireCaller refuses all but the newest certificate of a caller from now on.
func (v *Verifier) retireCaller(name string) error {
	return v.file.Update(func(tx *boltfile.Tx) error {
		var newest Caller
		err := each(tx, callerTable, func(_ string, c Caller) error {
			if c.Name == name && !c.Added.Before(newest.Added) {
				newest = c
			}
			return nil
		})
		if err != nil {
			return err
		}
		return dropCallers(tx, name, func(c Caller) bool { return c.Pin != newest.Pin })
	})
}

// dropCallers refuses the certificates of a caller that are chosen.
func dropCallers(tx *boltfile.Tx, name string, chosen func(Caller) bool) error {
	var pins []string
	known := false
	err := each(tx, callerTable, func(key string, c Caller) error {
		known = known || c.Name == name
		if c.Name == name && chosen(c) {
			pins = append(pins, key)
		}
		return nil
	})
	if err == nil && !known {
		err = ErrNoCaller
	}
	for _, pin := range pins {
		err = errors.Join(err, tx.Delete(callerTable, []byte(pin)))
	}
	return err
}

// learn remembers when a caller's certificate ends, the first time it is seen.
func (v *Verifier) learn(c Caller, ends time.Time) error {
	if c.Ends.Equal(ends) {
		return nil
	}
	return v.file.Update(func(tx *boltfile.Tx) error {
		row, ok, err := load[Caller](tx, callerTable, []byte(c.Pin))
		if err != nil || !ok {
			return err
		}
		row.Ends = ends
		return save(tx, callerTable, []byte(c.Pin), row)
	})
}
