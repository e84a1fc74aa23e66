//go:build !pkcs11

package hsm

import "naisen/recorder/seal"

// Open says that there is no PKCS#11 in this build.
func Open(Config) (seal.Safe, error) { return nil, ErrNotBuilt }
