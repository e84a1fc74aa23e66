package secure

import (
	"crypto/sha1" // HMAC-SHA1 is what RFC 3711 has
	"encoding"
	"encoding/binary"
	"hash"
)

// Scratch is the room that one packet's transform works in. One for all the Contexts of a goroutine keeps it in the processor's cache, where a
// Context of its own would be fetched from memory for each packet of several hundred calls. It keeps no key between two packets.
type Scratch struct {
	hash   hash.Hash
	resume encoding.BinaryUnmarshaler // the same hash
	state  [sha1StateSize]byte        // what resume reads
	counter,
	stream [16]byte
	nonce [12]byte
	aad   [12]byte
	roc   [4]byte
	sum   [sha1.Size]byte
}

const sha1StateSize = 96 // "sha" 0x01, five words, one block of data, the length: crypto/sha1's MarshalBinary

// NewScratch makes one.
func NewScratch() *Scratch {
	h := sha1.New()
	s := &Scratch{hash: h}
	s.resume, _ = h.(encoding.BinaryUnmarshaler)
	copy(s.state[:], "sha\x01")
	binary.BigEndian.PutUint64(s.state[sha1StateSize-8:], sha1.BlockSize) // one block, the padded key, is always behind it
	return s
}

// chain is a SHA-1 that has taken in one block.
type chain [sha1.Size]byte

// padded gives the chain behind an HMAC key (RFC 2104) combined with a pad.
func padded(key []byte, pad byte) chain {
	var block [sha1.BlockSize]byte
	copy(block[:], key)
	for i := range block {
		block[i] ^= pad
	}
	h := sha1.New()
	h.Write(block[:])
	var c chain
	if m, ok := h.(encoding.BinaryMarshaler); ok {
		if state, err := m.MarshalBinary(); err == nil && len(state) == sha1StateSize {
			copy(c[:], state[4:])
		}
	}
	return c
}

// begin continues a chain.
func (s *Scratch) begin(c *chain) {
	copy(s.state[4:], c[:])
	_ = s.resume.UnmarshalBinary(s.state[:]) // it fails for another length or magic only; the reference vectors would see it
}

// mac is HMAC-SHA1 over a message and, unless tail is nil, four octets behind it. It stands in sum until the next call.
func (s *Scratch) mac(inner, outer *chain, message, tail []byte) []byte {
	s.begin(inner)
	s.hash.Write(message)
	s.hash.Write(tail)
	first := s.hash.Sum(s.sum[:0])
	s.begin(outer)
	s.hash.Write(first)
	return s.hash.Sum(s.sum[:0])
}
