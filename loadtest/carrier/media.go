package carrier

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Audio is how a peer describes what it hears.
type Audio struct {
	Codecs []string // "0 PCMU/8000", in order
	Events bool     // telephone-event as 101
	Ptime  int      // ms; 0: not written
	Crypto []int    // tags of its a=crypto lines with AES_CM_128_HMAC_SHA1_80; none: plain RTP
	Extra  string   // written behind each key: "|2^31|1:1"
}

// PacketRule is one thing that a peer insists on in each RTP packet, after SRTP.
type PacketRule struct {
	Name, Why string
	Check     func(*Packet) string
}

// Packet is an RTP packet as it arrived.
type Packet struct {
	Raw  []byte // decrypted
	From netip.AddrPort
	TOS  int
	Type int
	Body int // bytes of payload
	port *rtpPort
}

// rtpPort is the media of one call. Its UA's lock guards it, but for the sockets.
type rtpPort struct {
	u         *UA
	rtp, rtcp *net.UDPConn
	to        netip.AddrPort
	types     map[int]string // what may arrive, by our description
	speak     int            // the type that we send
	in, out   *srtp
	master    []byte // our key
	tag       string // of the line in force
	heard     int
	blamed    map[string]bool
	seq       uint16
	stamp     uint32
	size      int // bytes of payload; 0: 160
	closed    bool
}

// openRTP takes an even port and the next one for RTCP (RFC 3550 section 11); the lock is held.
func (u *UA) openRTP() (*rtpPort, error) {
	if err := u.life.Err(); err != nil {
		return nil, err
	}
	for range 100 {
		rtp, err := listenUDP(netip.AddrPortFrom(u.opts.Local.Addr(), 0), u.profile.MediaTOS)
		if err != nil {
			return nil, err
		}
		at := addrOf(rtp.LocalAddr())
		if at.Port()%2 == 0 {
			if rtcp, err := listenUDP(netip.AddrPortFrom(at.Addr(), at.Port()+1), u.profile.MediaTOS); err == nil {
				p := &rtpPort{u: u, rtp: rtp, rtcp: rtcp, types: map[int]string{}, blamed: map[string]bool{}, seq: 65530, stamp: 160}
				u.running.Go(func() { readUDP(rtp, p.arrived) })
				u.running.Go(func() { readUDP(rtcp, func([]byte, netip.AddrPort, int) {}) })
				return p, nil
			}
		}
		_ = rtp.Close()
	}
	return nil, fmt.Errorf("%w: no pair of ports", ErrTimeout)
}

func (p *rtpPort) close() {
	if p == nil || p.closed {
		return
	}
	p.closed = true
	_ = p.rtp.Close()
	_ = p.rtcp.Close()
}

// connect points the port to a stream of theirs; the lock is held.
func (p *rtpPort) connect(st Stream) {
	addr, err := netip.ParseAddr(st.Conn)
	if err != nil {
		return
	}
	p.to = netip.AddrPortFrom(addr, uint16(st.Port))
	p.speak = -1
	for i, c := range st.Codecs() {
		if n := number(st.Formats[i]); p.types[n] == c && !strings.HasPrefix(c, "TELEPHONE-EVENT") && p.speak < 0 {
			p.speak = n
		}
	}
	for _, v := range st.Attr("crypto") {
		if c, err := parseCrypto(v); err == nil && (c.tag == p.tag || p.tag == "") {
			if in, err := newSRTP(c.master, c.mki); err == nil && p.in == nil {
				p.in = in
			}
		}
	}
}

func number(s string) int {
	n := -1
	if _, err := fmt.Sscan(s, &n); err != nil {
		return -1
	}
	return n
}

// arrived judges one packet.
func (p *rtpPort) arrived(b []byte, from netip.AddrPort, tos int) {
	p.u.mu.Lock()
	defer p.u.mu.Unlock()
	blame := func(rule, why, what string) {
		if !p.blamed[rule] { // once in a call
			p.blamed[rule] = true
			p.u.refuse(Refusal{Peer: p.u.profile.Name, Rule: rule, Why: why, What: what})
		}
	}
	if p.master != nil && p.in == nil { // faster than the answer with its key (RFC 3264 section 5.1): nobody can read it, nor does anybody hear it
		return
	}
	if len(b) < 12 || b[0]>>6 != 2 {
		blame("rtp", "RFC 3550 section 5.1", fmt.Sprintf("%d bytes that are no RTP", len(b)))
		return
	}
	if p.in != nil {
		var err error
		if b, err = p.in.open(b); err != nil {
			blame("srtp", "RFC 3711 section 3.3", err.Error())
			return
		}
	}
	k := &Packet{Raw: b, From: from, TOS: tos, Type: int(b[1] & 0x7f), Body: len(b) - 12 - 4*int(b[0]&15), port: p}
	good := true
	for _, r := range slices.Concat(corePackets(), p.u.profile.Packets) {
		if what := r.Check(k); what != "" {
			good = false
			blame(r.Name, r.Why, what)
		}
	}
	if good && !strings.HasPrefix(p.types[k.Type], "TELEPHONE-EVENT") {
		p.heard++
		p.u.wake()
	}
}

// corePackets are what every peer wants of RTP.
func corePackets() []PacketRule {
	return []PacketRule{
		{"rtp-type", "RFC 3264 section 6.1", func(k *Packet) string {
			return complain(k.port.types[k.Type] == "", "payload type %d was not agreed", k.Type)
		}},
		{"rtp-source", "it takes audio from nowhere else than c= and m= say", func(k *Packet) string {
			return complain(k.port.to.IsValid() && k.port.to != k.From, "from %s, described %s", k.From, k.port.to)
		}},
		{"rtp-ptime", "20 ms of G.711 are 160 bytes", func(k *Packet) string {
			g711 := strings.HasPrefix(k.port.types[k.Type], "PCM")
			return complain(g711 && k.Body != 160, "%d bytes", k.Body)
		}},
	}
}

// Talk sends n packets of silence, one each 20 ms.
func (c *Call) Talk(ctx context.Context, n int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		c.u.mu.Lock()
		b, to, p := c.packet(), netip.AddrPort{}, c.rtp
		if p != nil {
			to = p.to
		}
		c.u.mu.Unlock()
		if b == nil || !to.IsValid() {
			return fmt.Errorf("%w: nowhere to talk to", ErrSyntax)
		}
		if _, err := p.rtp.WriteToUDPAddrPort(b, to); err != nil {
			return err
		}
	}
	return nil
}

// packet makes the next one; the lock is held.
func (c *Call) packet() []byte {
	p := c.rtp
	if p == nil || p.speak < 0 || p.closed {
		return nil
	}
	size := 160
	if p.size != 0 {
		size = p.size
	}
	b := make([]byte, max(12, 12+size), 400)
	b[0], b[1] = 0x80, byte(p.speak)
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.stamp)
	binary.BigEndian.PutUint32(b[8:], 0x5ca1ab1e)
	for i := 12; i < len(b); i++ {
		b[i] = 0xff
	}
	p.seq++
	p.stamp += 160
	b = b[:12+size]
	if p.out != nil {
		return p.out.protect(b)
	}
	return b
}

// Heard waits until n good packets arrived since the call began.
func (c *Call) Heard(ctx context.Context, n int) error {
	return c.u.until(ctx, fmt.Sprintf("%d packets of audio", n), func() bool { return c.rtp != nil && c.rtp.heard >= n })
}

// describe writes our description: an offer, or the answer to one; the lock is held. One that changes nothing keeps its version.
func (c *Call) describe(offer *SDP) []byte {
	if c.rtp == nil {
		p, err := c.u.openRTP()
		if err != nil {
			c.u.errs = append(c.u.errs, err)
			return nil
		}
		c.rtp = p
	}
	at := addrOf(c.rtp.rtp.LocalAddr())
	head := fmt.Sprintf("s=-\r\nc=IN IP4 %s\r\nt=0 0\r\n", at.Addr())
	body := ""
	if offer == nil {
		body = c.stream("audio", "", nil)
	} else {
		taken := false
		for _, st := range offer.Streams {
			if taken || st.Kind != "audio" || st.Port == 0 {
				body += fmt.Sprintf("m=%s 0 %s %s\r\n", st.Kind, st.Proto, strings.Join(st.Formats, " "))
				continue
			}
			taken = true
			body += c.stream(st.Kind, st.Proto, &st)
		}
	}
	if c.sent == nil || !strings.HasSuffix(strings.Join(c.sent.lines, "\r\n")+"\r\n", head+body) {
		c.version++
	}
	text := fmt.Sprintf("v=0\r\no=- 4711 %d IN IP4 %s\r\n%s%s", c.version, at.Addr(), head, body)
	c.sent, _ = ParseSDP([]byte(text))
	return []byte(text)
}

// stream writes one m= section: what both know when there is an offer, in its order.
func (c *Call) stream(kind, proto string, offer *Stream) string {
	a, p := c.u.profile.Audio, c.rtp
	if proto == "" {
		proto = map[bool]string{true: "RTP/SAVP", false: "RTP/AVP"}[len(a.Crypto) > 0]
	}
	var formats, lines []string
	take := func(pt, codec string) {
		formats = append(formats, pt)
		lines = append(lines, "a=rtpmap:"+pt+" "+codec)
		p.types[number(pt)] = strings.ToUpper(codec)
		if strings.HasPrefix(codec, "telephone-event") {
			lines = append(lines, "a=fmtp:"+pt+" 0-15")
		}
	}
	if offer == nil {
		for _, codec := range a.Codecs {
			pt, name, _ := strings.Cut(codec, " ")
			take(pt, name)
		}
		if a.Events {
			take("101", "telephone-event/8000")
		}
	} else {
		for i, codec := range offer.Codecs() {
			known := slices.ContainsFunc(a.Codecs, func(own string) bool { return strings.EqualFold(own[strings.IndexByte(own, ' ')+1:], codec) })
			switch {
			case known:
				take(offer.Formats[i], codec)
			case a.Events && codec == "TELEPHONE-EVENT/8000":
				take(offer.Formats[i], "telephone-event/8000")
			}
		}
	}
	at := addrOf(p.rtp.LocalAddr())
	out := fmt.Sprintf("m=%s %d %s %s\r\n%s\r\n", kind, at.Port(), proto, strings.Join(formats, " "), strings.Join(lines, "\r\n"))
	if a.Ptime > 0 {
		out += fmt.Sprintf("a=ptime:%d\r\n", a.Ptime)
	}
	direction := "sendrecv"
	if offer != nil {
		direction = map[string]string{"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}[offer.Direction()]
		if direction == "" {
			direction = "sendrecv"
		}
	}
	return out + c.keys(offer) + "a=" + direction + "\r\n"
}

// keys writes the a=crypto lines: all of ours, or the one of the offer that is taken (RFC 4568 section 5.1).
func (c *Call) keys(offer *Stream) (out string) {
	a, p := c.u.profile.Audio, c.rtp
	if len(a.Crypto) == 0 {
		return ""
	}
	tags := []string{}
	for _, t := range a.Crypto {
		tags = append(tags, fmt.Sprint(t))
	}
	if offer != nil {
		for _, v := range offer.Attr("crypto") {
			if k, err := parseCrypto(v); err == nil && k.suite == "AES_CM_128_HMAC_SHA1_80" {
				tags = []string{k.tag}
				p.tag = k.tag
				break
			}
		}
	}
	if p.master == nil {
		p.master = newMaster()
		var mki []byte
		if strings.HasSuffix(a.Extra, "|1:1") {
			mki = []byte{1}
		}
		p.out, _ = newSRTP(p.master, mki) // 30 bytes: never fails
	}
	for _, t := range tags {
		out += fmt.Sprintf("a=crypto:%s AES_CM_128_HMAC_SHA1_80 inline:%s%s\r\n", t, base64.StdEncoding.EncodeToString(p.master), a.Extra)
	}
	return out
}
