package secure

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	replayWindow  = 128 // packets; RFC 3711 section 3.3.2 asks for at least 64
	maxSources    = 64  // SSRCs that one key may carry
	rtpHead       = 12
	rtcpHead      = 8
	encryptedFlag = 1 << 31 // E of SRTCP
	maxRTCPIndex  = 1<<31 - 1
)

// transform is a cipher with its authentication, in place: what is sealed grows at its end.
type transform interface {
	sealRTP(s *Scratch, pkt []byte, head int, ssrc uint32, index uint64, mki []byte) []byte
	openRTP(s *Scratch, pkt []byte, head int, ssrc uint32, index uint64, mki []byte) ([]byte, bool)
	sealRTCP(s *Scratch, pkt []byte, ssrc, index uint32, mki []byte) []byte
	openRTCP(s *Scratch, pkt []byte, ssrc uint32, mki []byte) ([]byte, bool)
	control(length, mki int) int
}

// Context transforms one direction of one leg: it either protects or unprotects, never both.
// It is not safe for concurrent use, RTP against RTCP included.
// As long as the key stays the same, keep the Context: the rollover counters live in it.
type Context struct {
	rtp, rtcp transform
	scratch   *Scratch
	last      *source // the one of the last packet: a leg has one source nearly always
	left      uint64  // packets that the key may still carry (RFC 3711 section 9.2, the lifetime of RFC 4568 section 6.1)
	mki       []byte
	tail      int // octets that SRTP adds
	tailRTC   int // octets that SRTCP adds
	sources   map[uint32]*source
	key       Key
}

// source is what is known of one SSRC.
type source struct {
	ssrc      uint32
	roc       uint32 // of sequence
	sequence  uint16 // highest authenticated or sent
	seen      bool   // an RTP packet was authenticated or sent
	restored  bool   // the two floors count
	packets   window // received RTP
	reports   window // received RTCP
	rtcpIndex uint32 // highest sent or authenticated
	floor     uint64 // RTP index of the State restored: not newer means a replay
	rtcpFloor uint32 // the same for SRTCP
}

// NewContext makes the transform of one direction. ErrSuite for the zero Key.
func NewContext(k Key) (*Context, error) {
	c := &Context{key: k, sources: map[uint32]*source{}, left: k.packets()}
	c.mki = c.key.mki[:k.mkiLen:k.mkiLen]
	c.tail, c.tailRTC = overhead(k.suite)
	err := ErrSuite
	switch k.suite {
	case AESCM80, AESCM32, AES256CM80, AES256CM32:
		c.rtp, err = newCounterMode(k, 0, c.tail)
		if err == nil {
			c.rtcp, err = newCounterMode(k, labelControl, 10)
		}
	case GCM128, GCM256:
		c.rtp, err = newGalois(k, 0)
		if err == nil {
			c.rtcp, err = newGalois(k, labelControl)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("secure: context: %w", err)
	}
	c.tail += k.mkiLen
	c.tailRTC += k.mkiLen
	return c, nil
}

// Work lets the Context use a Scratch that it shares with others of the same goroutine; without it, it makes one of its own.
func (c *Context) Work(s *Scratch) *Context {
	c.scratch = s
	return c
}

// overhead gives the octets that a suite adds to RTP and to RTCP. The _32 suites shorten the RTP tag only (RFC 4568 section 6.2.2).
func overhead(s Suite) (rtpTail, rtcpTail int) {
	switch s {
	case AESCM32, AES256CM32:
		return 4, 14
	case GCM128, GCM256:
		return gcmTag, gcmTag + 4
	}
	return 10, 14
}

// Suite of the key in use.
func (c *Context) Suite() Suite { return c.key.suite }

// Uses reports whether the Context was made with this key.
func (c *Context) Uses(k Key) bool { return c.key.Equal(k) }

// Overhead is the greatest number of octets that protecting adds: give dst the capacity len(pkt)+Overhead() and nothing allocates.
func (c *Context) Overhead() int { return max(c.tail, c.tailRTC) }

// ProtectRTP encrypts pkt into dst, which may share pkt's array if its capacity suffices, and returns the packet to send.
// ErrMalformed; ErrExhausted. A sequence number must never be given twice with different content: the key stream would repeat.
func (c *Context) ProtectRTP(dst, pkt []byte) ([]byte, error) {
	head := rtpShape(pkt)
	if head == 0 {
		return nil, ErrMalformed
	}
	s, err := c.admit(binary.BigEndian.Uint32(pkt[8:]))
	if err != nil {
		return nil, err
	}
	seq := binary.BigEndian.Uint16(pkt[2:])
	roc := s.rocOf(seq)
	index := uint64(roc)<<16 | uint64(seq)
	if c.left == 0 || roc == 0 && s.roc == math.MaxUint32 {
		return nil, fmt.Errorf("%w: protect", ErrExhausted)
	}
	c.left--
	out := c.rtp.sealRTP(c.room(), into(dst, pkt, c.tail), head, s.ssrc, index, c.mki)
	s.advance(seq)
	return out, nil
}

// UnprotectRTP authenticates and decrypts pkt into dst (may share pkt's array).
// ErrMalformed, ErrAuth or ErrReplay: drop the packet, nothing was learned from it. ErrExhausted: too many sources, or packets beyond
// the lifetime that the peer gave its key.
func (c *Context) UnprotectRTP(dst, pkt []byte) ([]byte, error) {
	head := rtpShape(pkt)
	if head == 0 || len(pkt) < head+c.tail {
		return nil, ErrMalformed
	}
	ssrc, seq := binary.BigEndian.Uint32(pkt[8:]), binary.BigEndian.Uint16(pkt[2:])
	s := c.find(ssrc)
	index := uint64(seq)
	if s != nil {
		roc := s.rocOf(seq)
		if index |= uint64(roc) << 16; roc == 0 && s.roc == math.MaxUint32 {
			return nil, ErrExhausted
		}
		if !s.packets.fresh(index) || s.restored && index <= s.floor {
			return nil, ErrReplay
		}
	} else if len(c.sources) >= maxSources {
		return nil, ErrExhausted
	}
	if c.left == 0 {
		return nil, ErrExhausted
	}
	out, ok := c.rtp.openRTP(c.room(), into(dst, pkt, 0), head, ssrc, index, c.mki)
	if !ok {
		return nil, ErrAuth
	}
	if s == nil {
		s, _ = c.admit(ssrc)
	}
	c.left--
	s.packets.accept(index)
	s.advance(seq)
	return out, nil
}

// ProtectRTCP encrypts a compound RTCP packet into dst. Errors as ProtectRTP.
func (c *Context) ProtectRTCP(dst, pkt []byte) ([]byte, error) {
	if !rtcpShape(pkt) {
		return nil, ErrMalformed
	}
	s, err := c.admit(binary.BigEndian.Uint32(pkt[4:]))
	if err != nil {
		return nil, err
	}
	if s.rtcpIndex >= maxRTCPIndex || c.left == 0 {
		return nil, fmt.Errorf("%w: protect", ErrExhausted)
	}
	s.rtcpIndex++
	return c.rtcp.sealRTCP(c.room(), into(dst, pkt, c.tailRTC), s.ssrc, s.rtcpIndex, c.mki), nil
}

// UnprotectRTCP authenticates and decrypts an SRTCP packet into dst. Errors as UnprotectRTP.
func (c *Context) UnprotectRTCP(dst, pkt []byte) ([]byte, error) {
	if !rtcpShape(pkt) || len(pkt) < rtcpHead+c.tailRTC {
		return nil, ErrMalformed
	}
	ssrc := binary.BigEndian.Uint32(pkt[4:])
	index := binary.BigEndian.Uint32(pkt[c.rtcp.control(len(pkt), len(c.mki)):]) &^ encryptedFlag // not yet authentic
	s := c.find(ssrc)
	if s == nil && len(c.sources) >= maxSources {
		return nil, ErrExhausted
	}
	if s != nil && (!s.reports.fresh(uint64(index)) || s.restored && index <= s.rtcpFloor) {
		return nil, ErrReplay
	}
	out, ok := c.rtcp.openRTCP(c.room(), into(dst, pkt, 0), ssrc, c.mki)
	if !ok {
		return nil, ErrAuth
	}
	if s == nil {
		s, _ = c.admit(ssrc)
	}
	s.reports.accept(uint64(index))
	s.rtcpIndex = max(s.rtcpIndex, index)
	return out, nil
}

// room is the Scratch in use.
func (c *Context) room() *Scratch {
	if c.scratch == nil {
		c.scratch = NewScratch()
	}
	return c.scratch
}

// into brings pkt into dst's array, which then has room for so many octets more. Nothing is copied where they are the same.
func into(dst, pkt []byte, more int) []byte {
	if cap(dst) < len(pkt)+more {
		return append(make([]byte, 0, len(pkt)+more), pkt...)
	}
	dst = dst[:len(pkt)]
	if &dst[0] != &pkt[0] {
		copy(dst, pkt)
	}
	return dst
}

// find returns the source of an SSRC that was authenticated before, or nil.
func (c *Context) find(ssrc uint32) *source {
	if c.last != nil && c.last.ssrc == ssrc {
		return c.last
	}
	s := c.sources[ssrc]
	if s != nil {
		c.last = s
	}
	return s
}

// admit returns the source of an SSRC, making it if there is room.
func (c *Context) admit(ssrc uint32) (*source, error) {
	if s := c.find(ssrc); s != nil {
		return s, nil
	}
	if len(c.sources) >= maxSources {
		return nil, ErrExhausted
	}
	s := &source{ssrc: ssrc}
	c.sources[ssrc] = s
	c.last = s
	return s, nil
}

// advance follows the highest sequence number as RFC 3711 section 3.3.1 does.
func (s *source) advance(seq uint16) {
	if !s.seen {
		s.seen, s.sequence = true, seq
		return
	}
	if ahead := seq - s.sequence; ahead != 0 && ahead < 1<<15 {
		if seq < s.sequence {
			s.roc++
		}
		s.sequence = seq
	}
}

// rtpShape gives the length of the header (CSRCs and extension included) if it is inside the packet; 0 if it is not, if the version
// is not 2, or for Cryptex (RFC 9335), which we did not negotiate.
func rtpShape(p []byte) int {
	if len(p) < rtpHead || p[0]>>6 != 2 {
		return 0
	}
	n := rtpHead + 4*int(p[0]&15)
	if len(p) < n {
		return 0
	}
	if p[0]&16 == 0 {
		return n
	}
	if len(p) < n+4 {
		return 0
	}
	profile := binary.BigEndian.Uint16(p[n:])
	n += 4 + 4*int(binary.BigEndian.Uint16(p[n+2:]))
	if profile == 0xC0DE || profile == 0xC2DE || len(p) < n {
		return 0
	}
	return n
}

func rtcpShape(p []byte) bool {
	return len(p) >= rtcpHead && p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223
}
