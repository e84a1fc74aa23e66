//go:build !linux

package speech

// bound: elsewhere the time limit alone holds.
func bound(int) error { return nil }
