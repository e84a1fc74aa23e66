//go:build !linux

package pipeline

// lowerPriority: threads have no priority of their own here.
func lowerPriority() {}
