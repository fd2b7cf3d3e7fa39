package kiosk

import "github.com/tokendesk/tokendesk/kiosk/pages"

// endingViews are the certificates that somebody has to see to.
func endingViews(sc scenery) (list []pages.EndingView) {
	for _, e := range sc.health.Endings {
		list = append(list, pages.EndingView{What: string(e.What), Date: sc.date(e.Ends),
			Over: e.Over})
	}
	return list
}
