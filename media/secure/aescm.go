package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" // HMAC-SHA1 is what RFC 3711 has
	"crypto/subtle"
	"encoding/binary"
)

// counterMode is AES-CM with HMAC-SHA1 of one direction's SRTP or SRTCP (RFC 3711 sections 4.1.1 and 4.2.1, RFC 6188).
type counterMode struct {
	block        cipher.Block
	salt         [14]byte
	inner, outer chain
	tag          int // octets
}

func newCounterMode(k Key, labels byte, tag int) (*counterMode, error) {
	keyLen, _, _ := k.suite.lengths()
	session, err := derive(k, labels+labelEncryption, keyLen)
	if err != nil {
		return nil, err
	}
	salt, err := derive(k, labels+labelSalt, 14)
	if err != nil {
		return nil, err
	}
	auth, err := derive(k, labels+labelAuthentication, sha1.Size)
	if err != nil {
		return nil, err
	}
	c := &counterMode{inner: padded(auth, 0x36), outer: padded(auth, 0x5c), tag: tag}
	copy(c.salt[:], salt)
	c.block, err = aes.NewCipher(session)
	return c, err
}

// crypt encrypts or decrypts data in place: index is the packet's 48 bits.
func (c *counterMode) crypt(s *Scratch, data []byte, ssrc uint32, index uint64) {
	iv := s.counter[:]
	copy(iv, c.salt[:])
	binary.BigEndian.PutUint32(iv[4:], binary.BigEndian.Uint32(iv[4:])^ssrc)
	high := binary.BigEndian.Uint64(iv[6:]) ^ index // octets 6 to 13 hold the index in their lower 48 bits
	binary.BigEndian.PutUint64(iv[6:], high)
	for n := uint16(0); len(data) > 0; n++ {
		binary.BigEndian.PutUint16(iv[14:], n)
		c.block.Encrypt(s.stream[:], iv)
		data = data[subtle.XORBytes(data, data, s.stream[:]):]
	}
}

func (c *counterMode) sealRTP(s *Scratch, pkt []byte, head int, ssrc uint32, index uint64, mki []byte) []byte {
	c.crypt(s, pkt[head:], ssrc, index)
	binary.BigEndian.PutUint32(s.roc[:], uint32(index>>16))
	sum := c.mac(s, pkt, s.roc[:])
	return append(append(pkt, mki...), sum...)
}

func (c *counterMode) openRTP(s *Scratch, pkt []byte, head int, ssrc uint32, index uint64, mki []byte) ([]byte, bool) {
	body, tag, ok := c.split(pkt, mki)
	if !ok || len(body) < head {
		return nil, false
	}
	binary.BigEndian.PutUint32(s.roc[:], uint32(index>>16))
	if subtle.ConstantTimeCompare(c.mac(s, body, s.roc[:]), tag) != 1 {
		return nil, false
	}
	c.crypt(s, body[head:], ssrc, index)
	return body, true
}

// sealRTCP encrypts all behind the first eight octets and adds E and the index (RFC 3711 section 3.4).
func (c *counterMode) sealRTCP(s *Scratch, pkt []byte, ssrc, index uint32, mki []byte) []byte {
	c.crypt(s, pkt[rtcpHead:], ssrc, uint64(index))
	pkt = binary.BigEndian.AppendUint32(pkt, encryptedFlag|index)
	sum := c.mac(s, pkt, nil)
	return append(append(pkt, mki...), sum...)
}

func (c *counterMode) openRTCP(s *Scratch, pkt []byte, ssrc uint32, mki []byte) ([]byte, bool) {
	body, tag, ok := c.split(pkt, mki)
	if !ok || len(body) < rtcpHead+4 || subtle.ConstantTimeCompare(c.mac(s, body, nil), tag) != 1 {
		return nil, false
	}
	last := binary.BigEndian.Uint32(body[len(body)-4:])
	body = body[:len(body)-4]
	if last&encryptedFlag != 0 {
		c.crypt(s, body[rtcpHead:], ssrc, uint64(last&^encryptedFlag))
	}
	return body, true
}

// control says where the index stands in an SRTCP packet.
func (c *counterMode) control(length, mki int) int { return length - c.tag - mki - 4 }

func (c *counterMode) mac(s *Scratch, message, tail []byte) []byte {
	return s.mac(&c.inner, &c.outer, message, tail)[:c.tag]
}

// split takes the tag and the MKI off; false if the MKI is not ours.
func (c *counterMode) split(pkt, mki []byte) (body, tag []byte, ok bool) {
	end := len(pkt) - c.tag
	if end < len(mki) {
		return nil, nil, false
	}
	body = pkt[:end-len(mki)]
	return body, pkt[end:], subtle.ConstantTimeCompare(pkt[len(body):end], mki) == 1
}
