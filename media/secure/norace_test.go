//go:build !race

package secure

const raceDetector = false
