package sip

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// Marks makes keyed marks: HMAC-SHA-256 (RFC 2104), of which nobody makes one without the key. It is safe for concurrent use. What was begun
// with the key is kept for the next mark, since to begin costs more than the mark.
type Marks struct {
	key   []byte
	begun sync.Pool // of *marker
}

type marker struct {
	mac       hash.Hash
	text, sum []byte
}

// NewMarks keeps a copy of the key.
func NewMarks(key []byte) *Marks { return &Marks{key: append([]byte(nil), key...)} }

// Append appends the 32 bytes of the mark of text to dst.
func (m *Marks) Append(dst, text []byte) []byte {
	k, _ := m.begun.Get().(*marker)
	if k == nil {
		k = &marker{mac: hmac.New(sha256.New, m.key)}
	}
	k.text = append(k.text[:0], text...) // what is handed to an interface is moved to the heap, and this is there already
	k.mac.Reset()
	k.mac.Write(k.text)
	k.sum = k.mac.Sum(k.sum[:0])
	dst = append(dst, k.sum...)
	m.begun.Put(k)
	return dst
}
