//go:build race

package portertest

// Race says that everything runs slower than what is measured.
const Race = true
