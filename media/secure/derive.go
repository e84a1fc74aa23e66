package secure

import (
	"crypto/aes"
	"encoding/binary"
)

// Labels of the session keys (RFC 3711 section 4.3.2).
const (
	labelEncryption     = 0
	labelAuthentication = 1
	labelSalt           = 2
	labelControl        = 3 // added to the label for those of SRTCP
)

// derive gives n octets of a session key by the AES-CM pseudo-random function with a key derivation rate of zero (RFC 3711 section 4.3.3;
// RFC 6188 section 3 for AES-256, RFC 7714 section 11 for GCM, whose 96-bit salt counts as if followed by zeros).
func derive(k Key, label byte, n int) ([]byte, error) {
	keyLen, saltLen, _ := k.suite.lengths()
	block, err := aes.NewCipher(k.material[:keyLen])
	if err != nil {
		return nil, err
	}
	var in [aes.BlockSize]byte
	copy(in[:14], k.material[keyLen:keyLen+saltLen])
	in[7] ^= label
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i*aes.BlockSize < n; i++ {
		binary.BigEndian.PutUint16(in[14:], uint16(i))
		block.Encrypt(out[i*aes.BlockSize:], in[:])
	}
	return out[:n], nil
}
