//go:build race

package directory_test

// raceDetector says that the tests run slower than what they measure.
const raceDetector = true
