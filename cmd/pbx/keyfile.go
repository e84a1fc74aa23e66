package main

import (
	"crypto/rand"
	"errors"
	"os"
)

// keyOf keeps 32 random bytes in a file. With them digest nonces survive a restart (else every phone would be challenged at once), and
// temporary GRUUs.
func keyOf(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == 32 {
		return key, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	return key, os.WriteFile(path, key, 0o600)
}
