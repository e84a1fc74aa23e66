package carrier

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// srtp is AES_CM_128_HMAC_SHA1_80 of RFC 3711 for one direction, without a replay list: written here so that a fault of the switch's own
// library shows.
type srtp struct {
	block cipher.Block
	salt  [14]byte
	auth  []byte
	mki   []byte // on each packet, between ciphertext and tag
	roc   uint32
	last  uint16
	begun bool
}

const authTag = 10

// newSRTP derives the session keys (RFC 3711 section 4.3) from key||salt.
func newSRTP(master, mki []byte) (*srtp, error) {
	if len(master) != 30 {
		return nil, fmt.Errorf("%w: SRTP key of %d bytes", ErrSyntax, len(master))
	}
	block, err := aes.NewCipher(master[:16])
	if err != nil {
		return nil, err
	}
	derive := func(label byte, n int) []byte {
		var iv [16]byte
		copy(iv[:], master[16:])
		iv[7] ^= label
		out := make([]byte, n)
		cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
		return out
	}
	s := &srtp{auth: derive(1, 20), mki: mki}
	copy(s.salt[:], derive(2, 14))
	s.block, err = aes.NewCipher(derive(0, 16))
	return s, err
}

func (s *srtp) crypt(pkt []byte, roc uint32) {
	var iv [16]byte
	copy(iv[:], s.salt[:])
	for i := range 4 {
		iv[4+i] ^= pkt[8+i]
		iv[8+i] ^= byte(roc >> (24 - 8*i))
	}
	iv[12] ^= pkt[2]
	iv[13] ^= pkt[3]
	at := 12 + 4*int(pkt[0]&15)
	if pkt[0]&16 != 0 && len(pkt) >= at+4 {
		at += 4 + 4*int(binary.BigEndian.Uint16(pkt[at+2:]))
	}
	if at <= len(pkt) {
		cipher.NewCTR(s.block, iv[:]).XORKeyStream(pkt[at:], pkt[at:])
	}
}

func (s *srtp) sum(pkt []byte, roc uint32) []byte {
	h := hmac.New(sha1.New, s.auth)
	h.Write(pkt)
	h.Write(binary.BigEndian.AppendUint32(nil, roc))
	return h.Sum(nil)[:authTag]
}

// protect encrypts one packet.
func (s *srtp) protect(pkt []byte) []byte {
	seq := binary.BigEndian.Uint16(pkt[2:])
	if s.begun && seq < s.last && s.last-seq > 1<<15 {
		s.roc++
	}
	s.last, s.begun = seq, true
	s.crypt(pkt, s.roc)
	tag := s.sum(pkt, s.roc)
	return append(append(pkt, s.mki...), tag...)
}

// open authenticates and decrypts one packet in place.
func (s *srtp) open(b []byte) ([]byte, error) {
	n := len(b) - authTag - len(s.mki)
	if n < 12 {
		return nil, fmt.Errorf("%w: SRTP of %d bytes", ErrSyntax, len(b))
	}
	if string(b[n:n+len(s.mki)]) != string(s.mki) {
		return nil, fmt.Errorf("%w: MKI %x", ErrSyntax, b[n:n+len(s.mki)])
	}
	seq := binary.BigEndian.Uint16(b[2:])
	roc := s.roc
	if s.begun && seq < s.last && s.last-seq > 1<<15 {
		roc++
	}
	if subtle.ConstantTimeCompare(s.sum(b[:n], roc), b[n+len(s.mki):]) != 1 {
		return nil, fmt.Errorf("%w: SRTP authentication", ErrSyntax)
	}
	s.roc, s.last, s.begun = roc, seq, true
	s.crypt(b[:n], roc)
	return b[:n], nil
}

// crypto is one a=crypto line (RFC 4568 section 9.1).
type crypto struct {
	tag, suite string
	master     []byte
	lifetime   string
	mki        []byte
}

func parseCrypto(value string) (crypto, error) {
	bad := fmt.Errorf("%w: crypto", ErrSyntax) // never the key
	f := strings.Split(value, " ")
	if len(f) < 3 {
		return crypto{}, bad
	}
	c := crypto{tag: f[0], suite: f[1]}
	key, ok := strings.CutPrefix(f[2], "inline:")
	parts := strings.Split(key, "|")
	var err error
	if c.master, err = base64.StdEncoding.DecodeString(parts[0]); err != nil || !ok || len(c.master) != 30 {
		return crypto{}, bad
	}
	for _, p := range parts[1:] {
		id, n, isMKI := strings.Cut(p, ":")
		if !isMKI {
			c.lifetime = p
			continue
		}
		var v, size int
		if _, err := fmt.Sscan(id+" "+n, &v, &size); err != nil || size < 1 || size > 4 {
			return crypto{}, bad
		}
		c.mki = binary.BigEndian.AppendUint32(nil, uint32(v))[4-size:]
	}
	return c, nil
}

func newMaster() []byte {
	b := make([]byte, 30)
	_, _ = rand.Read(b) // never fails
	return b
}
