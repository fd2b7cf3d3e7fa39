// Package kiosk serves the counter's screen: routes, forms and sessions. It turns requests into
// provisioning orders and snapshots into the view models of kiosk/pages.
//
// It refuses to know devices beyond a card's tap, files, and the rules; it reaches visits, officers
// and people only through the small interfaces it declares.
package kiosk
