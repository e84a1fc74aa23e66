package secure

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	replayWindow = 128 // packets; RFC 3711 section 3.3.2 asks for at least 64
	maxSources   = 64  // SSRCs that one key may carry
)

// Context transforms one direction of one leg: it either protects or unprotects, never both.
// It is not safe for concurrent use, RTP against RTCP included.
// As long as the key stays the same, keep the Context: the rollover counters live in it.
type Context struct {
	key     Key
	srtp    *srtp.Context
	header  rtp.Header // reused, so that no packet allocates
	control rtcp.Header
	sources map[uint32]*source
	last    *source // the one of the last packet: a leg has one source nearly always
	tail    int     // octets that SRTP adds
	tailRTC int     // octets that SRTCP adds
}

// source is what is known of one SSRC.
type source struct {
	ssrc      uint32
	sequence  uint16 // highest authenticated or sent
	roc       uint32 // of sequence
	seen      bool   // an RTP packet was authenticated or sent
	resumed   bool   // restored from a State and no RTP packet since
	rtcpIndex uint32 // highest authenticated SRTCP index (receiving side)
	restored  bool   // the two floors count
	floor     uint64 // RTP index of the State restored: not newer means a replay
	rtcpFloor uint32 // the same for SRTCP
}

// NewContext makes the transform of one direction. ErrSuite for the zero Key.
func NewContext(k Key) (*Context, error) {
	profile, ok := profileOf(k.suite)
	if !ok {
		return nil, ErrSuite
	}
	n, m, _ := k.suite.lengths()
	opts := []srtp.ContextOption{srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow)}
	if k.mkiLen > 0 {
		opts = append(opts, srtp.MasterKeyIndicator(k.mki[:k.mkiLen:k.mkiLen]))
	}
	c, err := srtp.CreateContext(k.material[:n], k.material[n:n+m], profile, opts...)
	if err != nil {
		return nil, fmt.Errorf("secure: context: %w", err)
	}
	ctx := &Context{key: k, srtp: c, sources: map[uint32]*source{}}
	ctx.tail, ctx.tailRTC = overhead(k.suite)
	ctx.tail += k.mkiLen
	ctx.tailRTC += k.mkiLen
	return ctx, nil
}

func profileOf(s Suite) (srtp.ProtectionProfile, bool) {
	switch s {
	case AESCM80:
		return srtp.ProtectionProfileAes128CmHmacSha1_80, true
	case AESCM32:
		return srtp.ProtectionProfileAes128CmHmacSha1_32, true
	case AES256CM80:
		return srtp.ProtectionProfileAes256CmHmacSha1_80, true
	case AES256CM32:
		return srtp.ProtectionProfileAes256CmHmacSha1_32, true
	case GCM128:
		return srtp.ProtectionProfileAeadAes128Gcm, true
	case GCM256:
		return srtp.ProtectionProfileAeadAes256Gcm, true
	}
	return 0, false
}

// overhead gives the octets that a suite adds to RTP and to RTCP. The _32 suites shorten the RTP tag only (RFC 4568 section 6.2.2).
func overhead(s Suite) (rtpTail, rtcpTail int) {
	switch s {
	case AESCM32, AES256CM32:
		return 4, 14
	case GCM128, GCM256:
		return 16, 20
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
	if !rtpShape(pkt) {
		return nil, ErrMalformed
	}
	s, err := c.admit(binary.BigEndian.Uint32(pkt[8:]))
	if err != nil {
		return nil, err
	}
	seq := binary.BigEndian.Uint16(pkt[2:])
	c.resume(s, seq)
	out, err := c.srtp.EncryptRTP(dst, pkt, &c.header)
	if err != nil {
		if _, bad := c.header.Unmarshal(pkt); bad != nil {
			return nil, ErrMalformed
		}
		return nil, fmt.Errorf("%w: protect", ErrExhausted)
	}
	c.advance(s, seq)
	return out, nil
}

// UnprotectRTP authenticates and decrypts pkt into dst (may share pkt's array).
// ErrMalformed, ErrAuth or ErrReplay: drop the packet, nothing was learned from it.
func (c *Context) UnprotectRTP(dst, pkt []byte) ([]byte, error) {
	if !rtpShape(pkt) || len(pkt) < 12+c.tail {
		return nil, ErrMalformed
	}
	ssrc, seq := binary.BigEndian.Uint32(pkt[8:]), binary.BigEndian.Uint16(pkt[2:])
	s := c.find(ssrc)
	if s == nil && len(c.sources) >= maxSources {
		return nil, ErrExhausted
	}
	if s != nil && s.restored && !c.resumeReceive(s, seq) {
		return nil, ErrReplay
	}
	out, err := c.srtp.DecryptRTP(dst, pkt, &c.header)
	if err != nil {
		if _, bad := c.header.Unmarshal(pkt); bad != nil { // an extension element that does not fit: not seen by rtpShape
			return nil, ErrMalformed
		}
		return nil, refusal(err)
	}
	if s == nil {
		s, _ = c.admit(ssrc)
	}
	s.resumed = false
	c.advance(s, seq)
	return out, nil
}

// ProtectRTCP encrypts a compound RTCP packet into dst. Errors as ProtectRTP.
func (c *Context) ProtectRTCP(dst, pkt []byte) ([]byte, error) {
	if !rtcpShape(pkt) {
		return nil, ErrMalformed
	}
	if _, err := c.admit(binary.BigEndian.Uint32(pkt[4:])); err != nil {
		return nil, err
	}
	out, err := c.srtp.EncryptRTCP(dst, pkt, &c.control)
	if err != nil {
		return nil, fmt.Errorf("%w: protect", ErrExhausted)
	}
	return out, nil
}

// UnprotectRTCP authenticates and decrypts an SRTCP packet into dst. Errors as UnprotectRTP.
func (c *Context) UnprotectRTCP(dst, pkt []byte) ([]byte, error) {
	if !rtcpShape(pkt) || len(pkt) < 8+c.tailRTC {
		return nil, ErrMalformed
	}
	ssrc := binary.BigEndian.Uint32(pkt[4:])
	s := c.find(ssrc)
	if s == nil && len(c.sources) >= maxSources {
		return nil, ErrExhausted
	}
	index := c.rtcpIndex(pkt)
	if s != nil && s.restored && index <= s.rtcpFloor {
		return nil, ErrReplay
	}
	out, err := c.srtp.DecryptRTCP(dst, pkt, &c.control)
	if err != nil {
		return nil, refusal(err)
	}
	if s == nil {
		s, _ = c.admit(ssrc)
	}
	s.rtcpIndex = max(s.rtcpIndex, index)
	return out, nil
}

// rtcpIndex reads the explicit index (RFC 3711 section 3.4; RFC 7714 puts it last, before the MKI). Not yet authenticated.
func (c *Context) rtcpIndex(pkt []byte) uint32 {
	end := len(pkt) - c.key.mkiLen
	if c.key.suite != GCM128 && c.key.suite != GCM256 {
		end -= 10
	}
	return binary.BigEndian.Uint32(pkt[end-4:]) &^ (1 << 31)
}

// refusal names why the library refused a packet. What it can refuse beside authenticity, after the shape was checked here, is a replay.
func refusal(err error) error {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) || errors.Is(err, srtp.ErrMKINotFound) {
		return ErrAuth
	}
	return ErrReplay
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
func (c *Context) advance(s *source, seq uint16) {
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

// rtpShape checks what must hold before the library may look: version 2, header, CSRCs and extension inside the packet,
// and no Cryptex (RFC 9335), which we did not negotiate.
func rtpShape(p []byte) bool {
	if len(p) < 12 || p[0]>>6 != 2 {
		return false
	}
	n := 12 + 4*int(p[0]&15)
	if len(p) < n {
		return false
	}
	if p[0]&16 == 0 {
		return true
	}
	if len(p) < n+4 {
		return false
	}
	profile := binary.BigEndian.Uint16(p[n:])
	return profile != 0xC0DE && profile != 0xC2DE && len(p) >= n+4+4*int(binary.BigEndian.Uint16(p[n+2:]))
}

func rtcpShape(p []byte) bool { return len(p) >= 8 && p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223 }
