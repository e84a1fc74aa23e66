package sdp

import (
	"slices"
	"strconv"
	"strings"

	"naisen/media"
)

const (
	imageKind = "image"
	udptl     = "UDPTL"
	faxFormat = "t38"
	maxRate   = 1_000_000 // bit/s; V.34 fax has 33,600
	maxBuffer = 1 << 20   // octets
)

// corrections are the values of T38FaxUdpEC.
var corrections = [...]string{media.FaxRedundancy: "t38UDPRedundancy", media.FaxFEC: "t38UDPFEC", media.FaxNone: "t38UDPNoEC"}

// faxAttribute reads an attribute of ITU-T T.38 section D.2.3.2. A flag counts by being there, unless it is written with a 0 as some gateways do.
// False: it is none.
func (s *stream) faxAttribute(key, arg string) bool {
	f := &s.fax
	arg = strings.TrimSpace(arg)
	value := func(most uint64) uint32 {
		n, ok := number(arg, most)
		if !ok {
			return 0
		}
		return uint32(n)
	}
	switch key {
	case "T38FaxVersion":
		f.Version = uint8(value(255))
	case "T38MaxBitRate":
		f.BitRate = value(maxRate)
	case "T38FaxMaxBuffer":
		f.MaxBuffer = value(maxBuffer)
	case "T38FaxMaxDatagram", "T38MaxDatagram":
		f.MaxDatagram = value(maxBuffer)
	case "T38FaxRateManagement":
		f.LocalTCF = strings.EqualFold(arg, "localTCF")
	case "T38FaxUdpEC":
		f.Correction = media.FaxCorrection(max(slices.IndexFunc(corrections[:], func(c string) bool { return c != "" && strings.EqualFold(c, arg) }), 0))
	case "T38FaxFillBitRemoval":
		f.FillBitRemoval = arg != "0"
	case "T38FaxTranscodingMMR":
		f.MMR = arg != "0"
	case "T38FaxTranscodingJBIG":
		f.JBIG = arg != "0"
	default:
		return false
	}
	return true
}

// writeFax prints what was said of a fax.
func (s *stream) writeFax(b *strings.Builder) {
	if s.kind != imageKind || s.port == 0 {
		return
	}
	f := s.fax
	line(b, "a=T38FaxVersion:"+strconv.Itoa(int(f.Version)))
	say := func(key string, n uint32) {
		if n > 0 {
			line(b, "a="+key+":"+strconv.FormatUint(uint64(n), 10))
		}
	}
	flag := func(key string, on bool) {
		if on {
			line(b, "a="+key)
		}
	}
	say("T38MaxBitRate", f.BitRate)
	flag("T38FaxFillBitRemoval", f.FillBitRemoval)
	flag("T38FaxTranscodingMMR", f.MMR)
	flag("T38FaxTranscodingJBIG", f.JBIG)
	management := "transferredTCF"
	if f.LocalTCF {
		management = "localTCF"
	}
	line(b, "a=T38FaxRateManagement:"+management)
	say("T38FaxMaxBuffer", f.MaxBuffer)
	say("T38FaxMaxDatagram", f.MaxDatagram)
	if int(f.Correction) < len(corrections) && corrections[f.Correction] != "" {
		line(b, "a=T38FaxUdpEC:"+corrections[f.Correction])
	}
}

// faxWanted: a want of a fax is of nothing else.
func faxWanted(w media.Want) bool { return len(w.Prefer) > 0 && w.Prefer[0] == media.T38 }

// carriesFax says that a stream offers what we relay.
func (s *stream) carriesFax() bool {
	return s.kind == imageKind && s.port != 0 && s.proto == udptl &&
		slices.ContainsFunc(s.formats, func(f string) bool { return strings.EqualFold(f, faxFormat) })
}

// image is the fax stream that a description asks for; -1: none. Where audio is offered beside it the choice is ours, and what stands is kept: a
// session refresh of such a peer changes nothing.
func (s *Session) image(d *description) int {
	slot := slices.IndexFunc(d.streams, func(m stream) bool { return m.carriesFax() })
	audio := slices.ContainsFunc(d.streams, func(m stream) bool {
		return m.kind == "audio" && m.port != 0 && len(m.codecs(s.cfg.allowed())) > 0
	})
	if audio && (s.now == nil || s.now.Codec != media.T38) {
		return -1
	}
	return slot
}

// faxable says whether this leg may have a fax. UDPTL is never encrypted: a leg that must be, or that is, keeps its audio (threats.md E13).
func (s *Session) faxable(w media.Want) error {
	policy, err := s.cfg.policy(w)
	switch {
	case err != nil:
		return err
	case s.cfg.Browser:
		return media.ErrNoMatch
	case policy == media.SecurityRequired, policy == media.SecurityDTLS, s.now != nil && s.now.Secure:
		return media.ErrPolicy
	case s.now == nil: // a call begins with audio: who calls with a fax alone is called a voice line
		return media.ErrNoMatch
	}
	return nil
}

// Fax tells what the peer's description says of a fax. image is false if it asks for none; errors as Answer where it does and may not.
func (s *Session) Fax(d media.SDP, security media.Security) (f media.Fax, image bool, err error) {
	parsed, err := parse(d)
	if err != nil {
		return f, false, err
	}
	slot := s.image(parsed)
	if slot < 0 {
		return f, false, nil
	}
	return parsed.streams[slot].fax, true, s.faxable(media.Want{Security: security})
}

// imageStream is our own description of a fax.
func (c *Config) imageStream(w media.Want, dir direction) stream {
	return stream{kind: imageKind, port: c.Port, proto: udptl, formats: []string{faxFormat}, fax: w.Fax, dir: dir, dirSet: dir != both, record: w.Record}
}

// offerFax offers a fax in place of the audio (RFC 3264 section 8.3.3).
func (s *Session) offerFax(w media.Want) (media.SDP, error) {
	if err := s.faxable(w); err != nil {
		return nil, err
	}
	return s.propose(s.cfg.imageStream(w, bits(w.Direction))), nil
}

// answerFax takes the fax of an offer and refuses all else of it.
func (s *Session) answerFax(d *description, heard digest, w media.Want) (media.SDP, Agreed, error) {
	slot := s.image(d)
	if slot < 0 {
		return nil, Agreed{}, media.ErrNoMatch
	}
	if err := s.faxable(w); err != nil {
		return nil, Agreed{}, err
	}
	a, err := agreeFax(&d.streams[slot], bits(w.Direction))
	if err != nil {
		return nil, Agreed{}, err
	}
	s.answerWith(d, slot, s.cfg.imageStream(w, bits(a.Direction)), a, heard)
	return slices.Clone(s.said), a, nil
}

// agreeFax works out what a fax stream of the peer, offered or answered, means.
func agreeFax(peer *stream, dir direction) (Agreed, error) {
	if !peer.carriesFax() {
		return Agreed{}, media.ErrNoMatch
	}
	a := Agreed{Codec: media.T38, Fax: peer.fax, Direction: ours(dir & facing(peer)), PeerHolds: dir&sends != 0 && facing(peer)&sends == 0}
	a.remote(peer)
	return a, nil
}
