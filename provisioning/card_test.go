package provisioning_test

import (
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// TestACardIsGoodToTheEndOfItsLastDay in the site's zone, which is not that of the date.
func TestACardIsGoodToTheEndOfItsLastDay(t *testing.T) {
	macau := time.FixedZone("Macau", 8*3600)
	west := time.FixedZone("West", -9*3600)
	last := time.Date(2026, 8, 31, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		until, at time.Time
		zone      *time.Location
		want      bool
	}{
		"no date":                     {time.Time{}, last, macau, false},
		"the day before":              {last, time.Date(2026, 8, 30, 12, 0, 0, 0, macau), macau, false},
		"as the last day begins":      {last, time.Date(2026, 8, 31, 0, 0, 0, 0, macau), macau, false},
		"midnight UTC of it":          {last, last, macau, false},
		"after midnight UTC of it":    {last, last.Add(time.Second), macau, false},
		"its last second":             {last, time.Date(2026, 8, 31, 23, 59, 59, 0, macau), macau, false},
		"the day after":               {last, time.Date(2026, 9, 1, 0, 0, 0, 0, macau), macau, true},
		"the day after, before UTC's": {last, time.Date(2026, 8, 31, 17, 0, 0, 0, time.UTC), macau, true},
		"in the west it is yet today": {last, time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC), west, false},
		"in the west, the day after":  {last, time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC), west, true},
		"an hour beside the day": {time.Date(2026, 8, 31, 4, 0, 0, 0, time.UTC),
			time.Date(2026, 8, 31, 23, 0, 0, 0, macau), macau, false},
		"long ago": {time.Unix(0, 0).UTC(), last, macau, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := provisioning.CardExpired(c.until, c.at, c.zone); got != c.want {
				t.Errorf("expired: %v, want %v", got, c.want)
			}
			site := provisioning.Site{Location: c.zone}
			if got := site.CardExpired(c.until, c.at); got != c.want {
				t.Errorf("the site says %v, want %v", got, c.want)
			}
		})
	}
}
