package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"naisen/sip"
)

// A nonce is base64url of: 8 bytes issue time (Unix ms), 8 random bytes, 16 bytes of HMAC-SHA-256 over both, the source address and
// the realm. No state is kept until one was used with a right response, so a flood of requests without credentials costs no memory.
// The port is not bound: a NAT may change it between challenge and answer.
const (
	nonceIDBytes  = 16
	nonceMACBytes = 16
	nonceBytes    = nonceIDBytes + nonceMACBytes
	nonceSkew     = 2 * time.Second // wall clock set back between minting and checking
)

type nonceID [nonceIDBytes]byte

func (id nonceID) issued() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8])))
}

type minter struct{ marks *sip.Marks }

func (m minter) appendMAC(dst []byte, id nonceID, src netip.Addr, realm string) []byte {
	var room [256]byte
	var sum [32]byte
	a := src.Unmap().As16()
	text := append(append(append(room[:0], id[:]...), a[:]...), realm...)
	return append(dst, m.marks.Append(sum[:0], text)[:nonceMACBytes]...)
}

func (m minter) mint(now time.Time, src netip.Addr, realm string) string {
	var id nonceID
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli()))
	_, _ = rand.Read(id[8:]) // never fails (crypto/rand, Go 1.24)
	var raw [nonceBytes]byte
	return base64.RawURLEncoding.EncodeToString(m.appendMAC(append(raw[:0], id[:]...), id, src, realm))
}

// open tells whether we minted text for that source and realm at most ttl ago.
func (m minter) open(text string, now time.Time, ttl time.Duration, src netip.Addr, realm string) (nonceID, bool) {
	var raw [nonceBytes + 4]byte
	var id nonceID
	if len(text) != base64.RawURLEncoding.EncodedLen(nonceBytes) {
		return id, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(text))
	if err != nil || n != nonceBytes {
		return id, false
	}
	copy(id[:], raw[:])
	var mac [nonceMACBytes]byte
	if subtle.ConstantTimeCompare(raw[nonceIDBytes:nonceBytes], m.appendMAC(mac[:0], id, src, realm)) != 1 {
		return id, false
	}
	age := now.Sub(id.issued())
	return id, age >= -nonceSkew && age < ttl
}

// counts remembers the highest nc of each nonce that was used with a right response (RFC 7616 section 3.4.5: replay). It holds at most
// max nonces: the one first used longest ago gives way, and everything issued up to its time that is not in the table is stale
// from then on. So the bound costs a fresh challenge, never a replay.
type counts struct {
	mu    sync.Mutex
	max   int
	high  map[nonceID]uint32
	order []usedNonce // by time of first use; head is the next to go
	head  int
	floor time.Time // nonces issued at or before it and unknown here are stale
}

type usedNonce struct {
	id   nonceID
	used int64 // Unix milliseconds
}

func newCounts(limit int) *counts {
	return &counts{max: limit, high: make(map[nonceID]uint32)}
}

// use records nc and tells whether it was higher than any before on this nonce.
func (c *counts) use(id nonceID, nc uint32, now time.Time, ttl time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.head < len(c.order) && now.UnixMilli()-c.order[c.head].used > (ttl+nonceSkew).Milliseconds() {
		c.drop()
	}
	if last, ok := c.high[id]; ok {
		if nc <= last {
			return false
		}
		c.high[id] = nc
		return true
	}
	if !id.issued().After(c.floor) {
		return false
	}
	if len(c.high) >= c.max {
		if t := c.order[c.head].id.issued(); t.After(c.floor) {
			c.floor = t
		}
		c.drop()
	}
	c.high[id] = nc
	c.order = append(c.order, usedNonce{id, now.UnixMilli()})
	return true
}

func (c *counts) drop() {
	delete(c.high, c.order[c.head].id)
	c.head++
	if c.head > 64 && c.head*2 > len(c.order) {
		c.order = append(c.order[:0], c.order[c.head:]...)
		c.head = 0
	}
}

func (c *counts) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.high)
}
