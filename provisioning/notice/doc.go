// Package notice sends people the notices that changes queue, by mail and by text message, and
// delivers a passcode that was asked for by mail.
//
// A notice is marked as being sent before the network is touched, and what became of it is recorded
// after; whatever happens between, it is sent once more at most, and that one says that it may be
// the second. A passcode is sent from memory while somebody waits, and is never queued. The package
// refuses to know why somebody is told something, and decides nothing.
package notice
