package provisioning

import "time"

// CardExpired says whether a card is no longer good: it is to the end of its last day, in the
// site's zone. until is that day; the hour it is written with does not count, and zero means for good.
func CardExpired(until, at time.Time, zone *time.Location) bool {
	if until.IsZero() {
		return false
	}
	year, month, day := until.Date()
	return !at.Before(time.Date(year, month, day+1, 0, 0, 0, 0, zone))
}

// CardExpired says whether a card is no longer good at this site.
func (s Site) CardExpired(until, at time.Time) bool { return CardExpired(until, at, s.zone()) }
