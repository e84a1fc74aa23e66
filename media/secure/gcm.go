package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

const gcmTag = 16 // octets; RFC 7714 has no shorter one

// galois is AEAD_AES_GCM of one direction's SRTP or SRTCP (RFC 7714).
type galois struct {
	aead cipher.AEAD
	salt [12]byte
}

func newGalois(k Key, labels byte) (*galois, error) {
	keyLen, saltLen, _ := k.suite.lengths()
	session, err := derive(k, labels+labelEncryption, keyLen)
	if err != nil {
		return nil, err
	}
	salt, err := derive(k, labels+labelSalt, saltLen)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	g := &galois{}
	copy(g.salt[:], salt)
	g.aead, err = cipher.NewGCM(block)
	return g, err
}

// nonce combines two zero octets, SSRC and the 48-bit index with the salt (sections 8.1 and 9.1: SRTCP's index is padded with zeros).
func (g *galois) nonce(s *Scratch, ssrc uint32, index uint64) []byte {
	n := s.nonce[:]
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint64(n[4:], uint64(ssrc&0xffff)<<48|index)
	n[0], n[1] = 0, 0
	subtle.XORBytes(n, n, g.salt[:])
	return n
}

func (g *galois) sealRTP(s *Scratch, pkt []byte, head int, ssrc uint32, index uint64, mki []byte) []byte {
	return append(g.aead.Seal(pkt[:head], g.nonce(s, ssrc, index), pkt[head:], pkt[:head]), mki...)
}

func (g *galois) openRTP(s *Scratch, pkt []byte, head int, ssrc uint32, index uint64, mki []byte) ([]byte, bool) {
	body, ok := g.strip(pkt, mki)
	if !ok || len(body) < head+gcmTag {
		return nil, false
	}
	out, err := g.aead.Open(body[:head], g.nonce(s, ssrc, index), body[head:], body[:head])
	return out, err == nil
}

// sealRTCP authenticates the first eight octets and the word of E and index, which follows the tag (section 9).
func (g *galois) sealRTCP(s *Scratch, pkt []byte, ssrc, index uint32, mki []byte) []byte {
	copy(s.aad[:], pkt[:rtcpHead])
	binary.BigEndian.PutUint32(s.aad[rtcpHead:], encryptedFlag|index)
	out := g.aead.Seal(pkt[:rtcpHead], g.nonce(s, ssrc, uint64(index)), pkt[rtcpHead:], s.aad[:])
	return append(append(out, s.aad[rtcpHead:]...), mki...)
}

// openRTCP takes encrypted packets only: nobody agrees to others here.
func (g *galois) openRTCP(s *Scratch, pkt []byte, ssrc uint32, mki []byte) ([]byte, bool) {
	body, ok := g.strip(pkt, mki)
	if !ok || len(body) < rtcpHead+gcmTag+4 {
		return nil, false
	}
	last := binary.BigEndian.Uint32(body[len(body)-4:])
	if last&encryptedFlag == 0 {
		return nil, false
	}
	copy(s.aad[:], pkt[:rtcpHead])
	binary.BigEndian.PutUint32(s.aad[rtcpHead:], last)
	out, err := g.aead.Open(body[:rtcpHead], g.nonce(s, ssrc, uint64(last&^encryptedFlag)), body[rtcpHead:len(body)-4], s.aad[:])
	return out, err == nil
}

func (g *galois) control(length, mki int) int { return length - mki - 4 }

// strip takes the MKI off, which stands last; false if it is not ours.
func (g *galois) strip(pkt, mki []byte) ([]byte, bool) {
	end := len(pkt) - len(mki)
	if end < 0 {
		return nil, false
	}
	return pkt[:end], subtle.ConstantTimeCompare(pkt[end:], mki) == 1
}
