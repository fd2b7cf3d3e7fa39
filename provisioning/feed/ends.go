package feed

import "time"

// WarnFor is how long before the end of a certificate somebody is told.
const WarnFor = 30 * 24 * time.Hour

// EndsSoon says whether something that ends is to be renewed now: it has ended, or does within
// WarnFor.
func EndsSoon(ends, now time.Time) bool { return !ends.IsZero() && !now.Add(WarnFor).Before(ends) }
