// Package kiosk serves the counter's screen: routes, forms and sessions. It turns requests into
// provisioning orders and snapshots into the view models of kiosk/pages.
//
// Its rules of the screen:
//
//   - The server is the truth. A page is a pure function of the newest snapshot, so that Back, a
//     reload and a second tab all show where the visit really is.
//   - Every act is POST, 303, GET. A rendered form carries an op id; posting it again, five times
//     at once or after a crash, repeats nothing and leads to the same page.
//   - One officer is unlocked at one counter. The newest unlocking owns it, every other page locks.
//   - While the screen faces the person it holds no officer's cookie at all: taking it back needs
//     the officer's PIN.
//   - The server owns every deadline; a page only mirrors it. Nothing times out during a write.
//   - No one-time password, seed or PIN is ever in a page, a stream, an address or a log. A passcode
//     is on one page: the turned screen, for half a minute after its person asked to see it there.
//
// It refuses to know devices beyond a card's tap, files, and the rules; it reaches visits, officers
// and people only through the small interfaces it declares.
package kiosk
