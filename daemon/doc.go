// Package daemon puts the desk together: it reads the configuration and the keys, opens the store,
// wires the parts to each other, starts them, and stops them in reverse. It is the only package
// that knows everyone; it holds no rule and no page.
//
// It answers the operator on a socket of its own, renews the desk's keys while they are in use, and
// gives out and takes back backups.
//
// It refuses to invent missing state: Init makes a new desk, Restore makes one of a backup, Open
// opens one that exists.
package daemon
