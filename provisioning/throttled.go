package provisioning

import (
	"strings"
	"time"
)

// Throttled counts the accounts and the addresses for which TryRecovery takes no more tries now.
func Throttled(s Snapshot, site Site, at time.Time) (n int) {
	for t := range All[Tries](s) {
		what, _, _ := strings.Cut(t.Of, "/")
		most, limited := map[string]int{"recovery-account": site.Recovery.PerAccount,
			"recovery-address": site.Recovery.PerAddress}[what]
		if limited && at.Sub(t.Since) < TriesFor && t.Count >= most {
			n++
		}
	}
	return n
}
