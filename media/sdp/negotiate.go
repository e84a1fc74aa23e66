package sdp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"naisen/media"
	"naisen/media/secure"
)

const (
	eventName = "TELEPHONE-EVENT"
	noise     = 13 // payload type of comfort noise for 8 kHz (RFC 3389 section 4)
	ownPtime  = 20
	dynamic   = 96 // first dynamic payload type (RFC 3551 section 3)
)

// everyCodec is the endpoint's own order: first what every trunk and every prompt has, last what only passes.
var everyCodec = []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus, media.G729, media.L16}

// form is how we write a codec: its payload type, unless the peer named a dynamic one first, and its rtpmap and fmtp.
var form = map[media.Codec]format{
	media.PCMU: {pt: 0, name: "PCMU", clock: 8000, channels: 1},
	media.PCMA: {pt: 8, name: "PCMA", clock: 8000, channels: 1},
	media.G722: {pt: 9, name: "G722", clock: 8000, channels: 1},                                        // though it is 16000 (RFC 3551 section 4.5.2)
	media.G729: {pt: 18, name: "G729", clock: 8000, channels: 1, fmtp: "annexb=no"},                    // unsaid would be yes (RFC 4856 section 2.1.9)
	media.Opus: {pt: 111, name: "opus", clock: 48000, channels: 2, fmtp: "minptime=10;useinbandfec=1"}, // always 48000/2 (RFC 7587 section 7)
	media.L16:  {pt: 112, name: "L16", clock: 8000, channels: 1},
}

// eventForms are telephone-events on each clock that audio may have (RFC 4733 section 2.1).
var eventForms = []format{
	{pt: 101, name: "telephone-event", clock: 8000, channels: 1, fmtp: "0-15"},
	{pt: 110, name: "telephone-event", clock: 48000, channels: 1, fmtp: "0-15"},
}

// preference orders the suites for an answer: GCM costs half of AES-CM with SHA-1, and the short tag is the last resort.
var preference = []secure.Suite{
	secure.GCM128, secure.GCM256, secure.AESCM80, secure.AES256CM80, secure.AES256CM32, secure.AESCM32,
}

// offered are the suites of our own offer, best first; a phone skips what it does not know (RFC 4568 section 5.1.2).
var offered = []secure.Suite{secure.GCM128, secure.AESCM80}

// static gives the codec that a payload type stands for without an rtpmap (RFC 3551 table 4).
func static(pt uint8) media.Codec {
	for c, f := range form {
		if f.pt == pt && pt < dynamic {
			return c
		}
	}
	return ""
}

// codecAt names the codec behind one format of an m= line; "" if it is none of ours.
func (s *stream) codecAt(pt uint8) media.Codec {
	f := s.typeOf(pt)
	if f == nil {
		return static(pt)
	}
	c := media.Codec(f.name)
	if pt < dynamic && c != static(pt) {
		return "" // a static type under another name, or 72 to 76, which look like RTCP (RFC 5761 section 4)
	}
	want, known := form[c]
	rate := f.clock == want.clock || c == media.G722 && f.clock == 16000 // a well-known mistake of phones
	if !known || !rate || f.channels != want.channels && c != media.Opus {
		return ""
	}
	return c
}

// payloadTypes lists the numeric formats in order.
func (s *stream) payloadTypes() []uint8 {
	out := make([]uint8, 0, len(s.formats))
	for _, f := range s.formats {
		if n, ok := number(f, 127); ok {
			out = append(out, uint8(n))
		}
	}
	return out
}

// codecs lists what the stream and we share, in the stream's order.
func (s *stream) codecs(allowed []media.Codec) []media.Codec {
	var out []media.Codec
	for _, pt := range s.payloadTypes() {
		if c := s.codecAt(pt); c != "" && slices.Contains(allowed, c) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// payloadOf finds the payload type that the stream uses for a codec.
func (s *stream) payloadOf(c media.Codec) (uint8, bool) {
	for _, pt := range s.payloadTypes() {
		if s.codecAt(pt) == c {
			return pt, true
		}
	}
	return 0, false
}

// events finds the payload type for telephone-event beside audio of the given clock: on the same clock (RFC 4733 section 2.1), or on 8000,
// which is all that some peers have beside Opus; 0: none.
func (s *stream) events(clock int) (pt uint8, eventClock int) {
	for _, pt := range s.payloadTypes() {
		f := s.typeOf(pt)
		if f == nil || pt < dynamic || f.name != eventName {
			continue
		}
		if f.clock == clock {
			return pt, clock
		}
	}
	if clock != 8000 {
		return s.events(8000)
	}
	return 0, 0
}

// noise says that the stream takes comfort noise beside audio of the given clock.
func (s *stream) noise(clock int) bool {
	return clock == 8000 && slices.Contains(s.payloadTypes(), noise)
}

// allowed is the leg's own list, best first.
func (c *Config) allowed() []media.Codec {
	if len(c.Codecs) == 0 {
		return everyCodec
	}
	return c.Codecs
}

// wanted is the list for this exchange. The two G.711 laws translate by table, so wanting one means that both will do.
func (c *Config) wanted(w media.Want) []media.Codec {
	list := slices.Clone(w.Prefer)
	if len(list) == 0 { // nobody knows who will be on the other side: no codec in which nothing can be played
		list = slices.DeleteFunc(slices.Clone(c.allowed()), func(codec media.Codec) bool { return len(c.Codecs) == 0 && !codec.Transcodes() })
	}
	if slices.Contains(list, media.PCMU) && !slices.Contains(list, media.PCMA) {
		list = append(list, media.PCMA)
	} else if slices.Contains(list, media.PCMA) && !slices.Contains(list, media.PCMU) {
		list = append(list, media.PCMU)
	}
	out := list[:0]
	for _, codec := range list {
		if slices.Contains(c.allowed(), codec) && !slices.Contains(out, codec) {
			out = append(out, codec)
		}
	}
	return out
}

// policy is the stricter of the leg's and the call's; ErrPolicy if they exclude each other.
func (c *Config) policy(w media.Want) (media.Security, error) {
	if c.Security == media.SecurityPreferred || w.Security == c.Security {
		return w.Security, nil
	}
	if w.Security == media.SecurityPreferred || c.Security == media.SecurityDTLS && w.Security == media.SecurityRequired {
		return c.Security, nil
	}
	if w.Security == media.SecurityDTLS && c.Security == media.SecurityRequired {
		return w.Security, nil
	}
	return 0, media.ErrPolicy
}

// choose picks the audio stream of an offer that policy allows, a secure one before a plain one.
// must says that the leg is encrypted already, which no later offer may take back.
func (d *description) choose(c *Config, policy media.Security, must bool, allowed []media.Codec) (index int, line cryptoLine, err error) {
	index, err = -1, media.ErrNoMatch
	for i := range d.streams {
		s := &d.streams[i]
		if s.kind != "audio" || s.port == 0 || len(s.codecs(allowed)) == 0 {
			continue
		}
		l, e := s.protect(c, policy, must)
		switch {
		case e == nil && l.secured():
			return i, l, nil
		case e == nil && index < 0:
			index = i
		case e == media.ErrPolicy && err == media.ErrNoMatch:
			err = e
		}
	}
	if index >= 0 {
		return index, cryptoLine{}, nil
	}
	return 0, cryptoLine{}, err
}

// protect decides whether a stream is encrypted, and with which of its lines; a zero key means plain RTP.
// AVP with a=crypto is how some phones offer encryption without insisting on it.
func (s *stream) protect(c *Config, policy media.Security, must bool) (cryptoLine, error) {
	switch {
	case s.handshakes():
		return s.protectByDTLS(c, policy)
	case policy == media.SecurityDTLS:
		return cryptoLine{}, media.ErrPolicy
	case c.Browser: // nothing else could reach it
		return cryptoLine{}, media.ErrNoMatch
	}
	best := s.best(c.Suites)
	switch profile(s.proto) {
	case savp:
		if policy == media.SecurityForbidden {
			return cryptoLine{}, media.ErrPolicy
		}
		if best.key.IsZero() {
			return cryptoLine{}, media.ErrNoMatch // DTLS-SRTP, or no suite in common
		}
		return best, nil
	case avp:
		if !best.key.IsZero() && policy != media.SecurityForbidden {
			return best, nil
		}
		if policy == media.SecurityRequired || must {
			return cryptoLine{}, media.ErrPolicy
		}
		return cryptoLine{}, nil
	}
	return cryptoLine{}, media.ErrNoMatch
}

// best is the line of the stream that the leg likes most; zero: it may have none of them.
func (s *stream) best(allowed []secure.Suite) cryptoLine {
	if len(allowed) == 0 {
		allowed = preference
	}
	for _, suite := range allowed {
		for _, c := range s.crypto {
			if c.key.Suite() == suite {
				return c
			}
		}
	}
	return cryptoLine{}
}

type transport int

const (
	unknown transport = iota
	avp
	savp
	dtls
)

func profile(proto string) transport {
	switch strings.TrimSuffix(proto, "F") {
	case "RTP/AVP":
		return avp
	case "RTP/SAVP":
		return savp
	case "UDP/TLS/RTP/SAVP":
		return dtls
	}
	return unknown
}

// remote fills in where the peer listens. Unknown addresses stay invalid: symmetric RTP learns them.
func (a *Agreed) remote(s *stream) {
	a.Ptime = ptime(s)
	if !s.conn.IsValid() || a.DTLS.ICE {
		return
	}
	a.Remote = netip.AddrPortFrom(s.conn, uint16(s.port))
	switch {
	case a.RTCPMux:
		a.RemoteRTCP = a.Remote
	case s.rtcp > 0 && s.rtcpAt.IsValid():
		a.RemoteRTCP = netip.AddrPortFrom(s.rtcpAt, uint16(s.rtcp))
	case s.rtcp > 0:
		a.RemoteRTCP = netip.AddrPortFrom(s.conn, uint16(s.rtcp))
	case s.port < 65535:
		a.RemoteRTCP = netip.AddrPortFrom(s.conn, uint16(s.port+1))
	}
}

// ptime is what the peer wants to receive, in ms: a multiple of 10 up to 60, else 20.
func ptime(s *stream) int {
	p := s.ptime
	if p == 0 {
		p = ownPtime
	}
	if s.maxTime > 0 {
		p = min(p, s.maxTime)
	}
	if p < 10 || p > 60 || p%10 != 0 {
		return ownPtime
	}
	return p
}

// bits is a Direction of ours as the two bits of our own description.
func bits(d media.Direction) direction {
	switch d {
	case media.SendOnly:
		return sends
	case media.RecvOnly:
		return receives
	case media.Inactive:
		return 0
	}
	return both
}

// facing turns a description's direction round: what the other side may do at most (RFC 3264 section 6.1).
// Someone at 0.0.0.0 cannot be sent to (section 8.4).
func facing(s *stream) direction {
	var d direction
	if s.dir&sends != 0 {
		d |= receives
	}
	if s.dir&receives != 0 && !s.held {
		d |= sends
	}
	return d
}

func ours(d direction) media.Direction {
	switch d {
	case sends:
		return media.SendOnly
	case receives:
		return media.RecvOnly
	case 0:
		return media.Inactive
	}
	return media.SendRecv
}

// audio builds our own stream description from its formats.
func (c *Config) audio(types []format, dir direction) stream {
	s := stream{kind: "audio", port: c.Port, proto: "RTP/AVP", dir: dir, dirSet: true, ptime: c.Ptime, types: types}
	if s.ptime == 0 {
		s.ptime = ownPtime
	}
	for _, f := range types {
		s.formats = append(s.formats, strconv.Itoa(int(f.pt)))
	}
	return s
}

// offering lists the formats of an offer: the codecs and the events on their clocks. What the session used before keeps its payload type; nothing
// else may take that.
func (s *Session) offering(codecs []media.Codec) []format {
	used := map[uint8]bool{}
	if s.now != nil && s.now.RecvPT >= dynamic {
		used[s.now.RecvPT] = true
	}
	var out []format
	for _, c := range codecs {
		f := form[c]
		switch {
		case s.now != nil && s.now.Codec == c:
			f.pt = s.now.RecvPT
		case f.pt >= dynamic:
			f.pt = free(f.pt, used)
		}
		out = append(out, f)
	}
	for i, f := range eventForms {
		if !slices.ContainsFunc(codecs, func(c media.Codec) bool { return c.Clock() == f.clock }) && f.clock != 8000 {
			continue // events at 8000 come with every offer: some peers have no others
		}
		if s.eventPT[i] != 0 {
			f.pt = s.eventPT[i]
		}
		f.pt = free(f.pt, used)
		out = append(out, f)
	}
	return out
}

// free takes a payload type, or the next one above that is not used, round the dynamic ones.
func free(pt uint8, used map[uint8]bool) uint8 {
	for used[pt] {
		if pt++; pt > 127 {
			pt = dynamic
		}
	}
	used[pt] = true
	return pt
}

// refused is the m= line of a stream that we do not take: port 0, everything else as it was (RFC 3264 section 6).
func refused(s *stream) stream {
	return stream{kind: s.kind, proto: s.proto, formats: s.formats, web: webLines{mid: s.web.mid}}
}
