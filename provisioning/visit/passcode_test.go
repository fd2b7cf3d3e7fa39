package visit

import (
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

func (v *vault) SealPasscode(r feed.Record, b feed.PasscodeBody) (feed.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r.Kind, r.Sealed = feed.KindPasscode, []byte("sealed")
	return r, nil
}
