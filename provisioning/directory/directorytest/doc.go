// Package directorytest holds what tests of people need: invented people, Debian's slapd with them
// in it, a line that can be made to stall, and one conformance suite for every kind of directory. It
// refuses to know how a directory is implemented.
package directorytest
