//go:build !linux

package capture

import "errors"

// reserve gives zeroed memory.
func reserve(size int) (mem []byte, release func([]byte), err error) {
	return make([]byte, size), nil, nil
}

func lock([]byte) error { return errors.ErrUnsupported }

func discard(mem []byte) { clear(mem) }
