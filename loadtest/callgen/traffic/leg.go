// Package traffic makes RTP calls from real sockets and measures what comes back: loss, one-way delay, jitter.
// It sees the switch from outside only: SDP, RTP, SRTP.
package traffic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/rtp"
	"naisen/media/sdp"
	"naisen/media/secure"
)

const (
	frameTime   = 20 * time.Millisecond
	frameOctets = 160
	magic       = 0x6e616973 // marks our payloads
)

// Protection of a leg's media.
type Protection string

// Protections that a leg can ask for.
const (
	Plain Protection = "rtp"
	CM    Protection = "cm"  // AES_CM_128_HMAC_SHA1_80
	GCM   Protection = "gcm" // AEAD_AES_128_GCM
)

// ErrProtection: no such protection.
var ErrProtection = errors.New("traffic: protection is none of rtp, cm, gcm")

// Leg is one phone's media.
type Leg struct {
	id        uint32
	rtp, rtcp int
	suite     secure.Suite // empty: plain
	neg       *sdp.Session
	deal      atomic.Pointer[deal] // set by signalling, used by the generator

	voice *Voice // nil: numbered packets
	port  int
	at    netip.Addr

	head    rtp.Header
	sent    uint32
	round   uint32 // of counting: what a warm-up left under way is not counted later
	nextAt  int64  // wall nanoseconds
	partner *Leg

	received, duplicates, reordered uint64
	corrupt, refused                uint64
	highest                         uint32
	seen                            [seenWindow / 64]uint64
	transit                         int64 // of the packet before
	lastAt                          int64
	gap                             int64 // longest silence between two packets, nanoseconds
}

// deal is what was negotiated. Its contexts are the generator's.
type deal struct {
	agreed  sdp.Agreed
	in, out *secure.Context // nil on a plain leg
	remote  unix.RawSockaddrInet4
}

// ErrNotNegotiated: a leg without a description of its peer cannot talk.
var ErrNotNegotiated = errors.New("traffic: leg is not negotiated")

// NewLeg opens a leg's sockets on a local IPv4 address.
func NewLeg(at netip.Addr, p Protection) (*Leg, error) {
	l := &Leg{id: rand.Uint32()}
	switch p {
	case Plain:
	case CM:
		l.suite = secure.AESCM80
	case GCM:
		l.suite = secure.GCM128
	default:
		return nil, fmt.Errorf("%w: %q", ErrProtection, p)
	}
	var err error
	l.at = at
	if l.rtp, l.rtcp, l.port, err = openPair(at); err != nil {
		return nil, err
	}
	l.renew()
	l.head = rtp.Header{Sequence: uint16(rand.Uint32()), Timestamp: rand.Uint32(), SSRC: rand.Uint32()}
	return l, nil
}

// renew begins the leg's negotiation.
func (l *Leg) renew() {
	c := media.PCMU
	if l.voice != nil {
		c = l.voice.codec
	}
	l.neg = sdp.New(sdp.Config{Addr: l.at, Port: l.port, Codecs: []media.Codec{c}, SecureSIP: true, SessionID: uint64(l.id), Suites: l.suites()})
}

func (l *Leg) want() media.Want {
	if l.suite == "" {
		return media.Want{Security: media.SecurityForbidden}
	}
	return media.Want{Security: media.SecurityRequired}
}

// Offer makes the leg's offer.
func (l *Leg) Offer() (media.SDP, error) { return l.neg.Offer(l.want()) }

// Accept takes the answer to it.
func (l *Leg) Accept(answer media.SDP) error {
	a, err := l.neg.Accept(answer)
	if err != nil {
		return err
	}
	return l.agree(a)
}

// Answer answers an offer.
func (l *Leg) Answer(offer media.SDP) (media.SDP, error) {
	answer, a, err := l.neg.Answer(l.only(offer), l.want())
	if err != nil {
		return nil, err
	}
	return answer, l.agree(a)
}

func (l *Leg) agree(a sdp.Agreed) error {
	old := l.deal.Load()
	if old != nil {
		same := old.agreed
		if same.SameKeys = a.SameKeys; same == a {
			return nil
		}
	} else {
		old = &deal{}
	}
	d := &deal{agreed: a, remote: raw4(a.Remote)}
	if a.Secure {
		var err error
		if d.out, err = contextFor(a.Local, old.out); err == nil {
			d.in, err = contextFor(a.RemoteKey, old.in)
		}
		if err != nil {
			return err
		}
	}
	l.deal.Store(d)
	return nil
}

// contextFor keeps the context of a key that stays.
func contextFor(k secure.Key, old *secure.Context) (*secure.Context, error) {
	if old != nil && old.Uses(k) {
		return old, nil
	}
	return secure.NewContext(k)
}

// Close releases the sockets.
func (l *Leg) Close() {
	_ = unix.Close(l.rtp)
	_ = unix.Close(l.rtcp)
}

// packet makes the next packet: the payload says who sent it, which one it is and when it left.
func (l *Leg) packet(d *deal, buf []byte, now int64) ([]byte, error) {
	if l.voice != nil {
		return l.emit(d, buf, l.voice.say(l.sent), l.voice.step)
	}
	var payload [frameOctets]byte
	binary.BigEndian.PutUint32(payload[0:], magic)
	binary.BigEndian.PutUint32(payload[4:], l.id)
	binary.BigEndian.PutUint32(payload[8:], l.sent)
	binary.BigEndian.PutUint64(payload[12:], uint64(now))
	binary.BigEndian.PutUint32(payload[20:], l.round)
	return l.emit(d, buf, payload[:], frameOctets)
}

// emit puts a payload into the leg's stream.
func (l *Leg) emit(d *deal, buf, payload []byte, step uint32) ([]byte, error) {
	l.head.PayloadType = d.agreed.SendPT
	pkt := l.head.Append(buf[:0], payload)
	l.head.Sequence++
	l.head.Timestamp += step
	l.sent++
	if d.out == nil {
		return pkt, nil
	}
	return d.out.ProtectRTP(pkt[:0], pkt)
}

// seenWindow is how far back a duplicate is told from a late packet.
const seenWindow = 1024

// took says what became of a received packet.
type took struct {
	measured bool
	delay    int64 // one way, nanoseconds
	jitter   int64 // difference of the delays of this packet and the one before; -1: none before
}

// take judges a received datagram. The first packet of another leg says whom this one hears; from then on it must be that one.
func (l *Leg) take(pkt []byte, arrived int64, ids map[uint32]*Leg) took {
	d := l.deal.Load()
	if d != nil && d.in != nil {
		plain, err := d.in.UnprotectRTP(pkt[:0], pkt)
		if err != nil {
			l.refused++
			return took{}
		}
		pkt = plain
	}
	h, err := rtp.Parse(pkt)
	if err != nil {
		l.corrupt++
		return took{}
	}
	if l.voice != nil && d != nil {
		l.hear(h, d, arrived)
		return took{}
	}
	p := pkt[h.Start:h.End]
	if len(p) != frameOctets || binary.BigEndian.Uint32(p) != magic {
		l.corrupt++ // a prompt of the switch, or damage
		return took{}
	}
	from := ids[binary.BigEndian.Uint32(p[4:])]
	if l.partner == nil {
		l.partner = from
	}
	if from == nil || from != l.partner {
		l.corrupt++ // crossed wires
		return took{}
	}
	if binary.BigEndian.Uint32(p[20:]) != from.round {
		return took{}
	}
	if !l.fresh(binary.BigEndian.Uint32(p[8:])) {
		l.duplicates++
		return took{}
	}
	if l.received > 0 {
		l.gap = max(l.gap, arrived-l.lastAt)
	}
	r := took{measured: true, delay: arrived - int64(binary.BigEndian.Uint64(p[12:])), jitter: -1}
	if l.received > 0 {
		r.jitter = max(r.delay-l.transit, l.transit-r.delay)
	}
	l.transit, l.lastAt = r.delay, arrived
	l.received++
	return r
}

// fresh notes a number; false if it came before or is too old to know.
func (l *Leg) fresh(n uint32) bool {
	if l.received == 0 {
		l.highest = n
		l.seen = [seenWindow / 64]uint64{}
	}
	for l.highest != n && int32(n-l.highest) > 0 {
		l.highest++
		i := l.highest % seenWindow
		l.seen[i/64] &^= 1 << (i % 64)
	}
	if l.highest-n >= seenWindow {
		return false
	}
	i := n % seenWindow
	if l.seen[i/64]&(1<<(i%64)) != 0 {
		return false
	}
	l.seen[i/64] |= 1 << (i % 64)
	if n != l.highest {
		l.reordered++
	}
	return true
}

// suites that the leg offers.
func (l *Leg) suites() []secure.Suite {
	if l.suite == "" {
		return nil
	}
	return []secure.Suite{l.suite}
}

// only leaves the crypto lines of the leg's suite in an offer, so that the answer is of that suite.
func (l *Leg) only(offer media.SDP) media.SDP {
	if l.suite == "" {
		return offer
	}
	lines := strings.SplitAfter(string(offer), "\n")
	return media.SDP(strings.Join(slices.DeleteFunc(lines, func(s string) bool {
		return strings.HasPrefix(s, "a=crypto:") && !strings.Contains(s, " "+string(l.suite)+" ")
	}), ""))
}
