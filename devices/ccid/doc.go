// Package ccid drives smart-card readers: the messages of USB CCID 1.1 over devices.CCID, the
// exchange of command and response on readers of TPDU level (T=0) and of APDU level, and a
// devices.TapSource that reads the number of every card laid on a reader.
//
// A number identifies, it does not authenticate. A UID is sent in clear before anything is proven,
// and cards whose UID can be written are sold; so is a file that anybody may read. Whoever uses a
// tap compares the face: the officer, with the portrait and the printed card.
//
// It is pure Go, keeps no record of what passes through, and refuses to know persons, USB
// libraries, and the secure messaging of any card.
package ccid
