//go:build !linux

package secret

// privatePage is part of the heap here: only Linux is asked to leave memory out of its core dumps.
func privatePage() []byte { return make([]byte, 4096) }
