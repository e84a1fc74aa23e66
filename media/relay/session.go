package relay

import (
	"fmt"
	"net/netip"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/media/sdp"
	"naisen/media/secure"
)

// kind is what a payload is; the small number is for tables.
type kind uint8

const (
	kindNone kind = iota
	kindPCMU
	kindPCMA
	kindG722
	kindOpus
	kindG729
	kindL16
	kindFax   // UDPTL in place of RTP
	kindNoise // RFC 3389
	kindEvent
	kinds
)

// codecOf is the codec of each kind of audio.
var codecOf = [kinds]media.Codec{
	kindPCMU: media.PCMU, kindPCMA: media.PCMA, kindG722: media.G722, kindOpus: media.Opus, kindG729: media.G729, kindL16: media.L16, kindFax: media.T38,
}

func kindOf(c media.Codec) kind {
	for k, known := range codecOf {
		if known == c && c != "" {
			return kind(k)
		}
	}
	return kindNone
}

// noiseType is the payload type of comfort noise (RFC 3389 section 4). Gateways send it whether it was agreed or not.
const noiseType = 13

// firstClock is the RTP clock of a leg before its first negotiation, Hz.
const firstClock = 8000

// session is what an exchange agreed, compiled for the packet path. It is immutable after publishing, but for the two contexts:
// those advance with each packet and are used by the endpoint's shard only. They pass from session to session while the keys stay.
type session struct {
	agreed    sdp.Agreed
	received  [128]kind // by payload type
	audio     kind
	clock     int // of the audio's timestamps, Hz
	secure    bool
	pending   bool // the keys are being made: nothing is heard or sent
	suite     string
	in, out   *secure.Context
	tones     bool // keys come as tones in the audio, since no telephone-event was agreed
	sends     bool // we may send audio to the peer
	receives  bool // the peer may send audio to us
	remote    netip.AddrPort
	remoteCtl netip.AddrPort // of RTCP; invalid if the peer has none
}

// compile makes the session of an outcome, keeping the contexts of prev whose key did not change: their rollover counters must go on
// (RFC 3711 section 3.3.1), while a new key starts at 0.
func compile(a sdp.Agreed, prev *session) (*session, error) {
	s := &session{agreed: a, audio: kindOf(a.Codec), clock: a.Codec.Clock(), secure: a.Secure, remote: a.Remote, remoteCtl: a.RemoteRTCP}
	if a.RTCPMux {
		s.remoteCtl = netip.AddrPort{}
	}
	open := !a.Rejected && s.audio != kindNone && (usable(a.Remote) || a.DTLS.ICE || a.DTLS.Beside)
	s.pending = a.DTLS.On && a.Local.IsZero()
	open = open && !s.pending
	s.sends = open && (a.Direction == media.SendRecv || a.Direction == media.SendOnly)
	s.receives = !a.Rejected && s.audio != kindNone && (a.Direction == media.SendRecv || a.Direction == media.RecvOnly)
	if s.audio == kindFax { // no payload types, no RTCP, no keys
		s.remoteCtl = netip.AddrPort{}
		return s, nil
	}
	if s.audio != kindNone && s.clock == 8000 {
		s.received[noiseType] = kindNoise
	}
	if s.audio != kindNone {
		s.received[a.RecvPT&127] = s.audio
	}
	if a.EventRecvPT != 0 {
		s.received[a.EventRecvPT&127] = kindEvent
	}
	s.tones = a.EventRecvPT == 0 && (s.audio == kindPCMU || s.audio == kindPCMA)
	if !s.secure || s.pending {
		return s, nil
	}
	s.suite = string(a.Local.Suite())
	var err error
	if s.out, err = contextFor(a.Local, prev, false); err == nil {
		s.in, err = contextFor(a.RemoteKey, prev, true)
	}
	if err != nil {
		return nil, fmt.Errorf("relay: keys: %w", err)
	}
	return s, nil
}

// usable says whether an address is one host that can be sent to.
func usable(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.IsValid() && a.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func contextFor(k secure.Key, prev *session, inbound bool) (*secure.Context, error) {
	if prev != nil && prev.secure && !prev.pending {
		c := prev.out
		if inbound {
			c = prev.in
		}
		if c.Uses(k) {
			return c, nil
		}
	}
	return secure.NewContext(k)
}

// translation gives what turns a payload of one G.711 law into the other in place; nil if the two are the same or have nothing in common.
func translation(from, to kind) func([]byte) {
	switch {
	case from == kindPCMU && to == kindPCMA:
		return g711.UToA
	case from == kindPCMA && to == kindPCMU:
		return g711.AToU
	}
	return nil
}

// relays says whether audio of one kind can reach a peer that wants another without being decoded.
func relays(from, to kind) bool {
	return from == to && from != kindNone || translation(from, to) != nil
}

// transcodes says whether it can be decoded and encoded for that peer.
func transcodes(from, to kind) bool {
	return from != to && codecOf[from].Transcodes() && codecOf[to].Transcodes()
}
