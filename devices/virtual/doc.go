// Package virtual is a software YubiKey and a software card reader, with the faults of real ones
// on command. A key can be plugged into a Bus of this process, reached through a socket from
// another process, or exported to a kernel over USB/IP.
//
// It is written from the published protocol, which the comments name by its constants (Yubico's
// ykdef.h and YubiKit), and never from our drivers: it is the independent oracle that tells
// whether a driver was right. It refuses to know the desk, its nouns and its secret types: like a
// real key it holds seeds in its own memory, and in its state file when it is given one. It is for
// tests and demonstrations; nothing in it guards anything.
package virtual
