package sdp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"naisen/media/webrtc"
)

// A telephone that offers ICE (RFC 8839) is answered by the lite side, on the ports that the leg has anyway: its checks are answered, and what it
// nominates is where it is. Nothing is said of ICE where the peer says nothing; our own first offer does not. What the address in c= and m= says holds until
// then, so that a telephone without ICE behind the same description would be served too.

const (
	maxCandidates = 64
	noPort        = 9 // of an offer before the first candidate is known (RFC 8840 section 4.1.1)
)

// candidate notes where a peer may be, so that a description that was changed on the way is known as such. Names and other transports are passed over.
func (w *webLines) candidate(arg string) {
	f := strings.Fields(arg) // foundation component transport priority address port typ ...
	if len(f) < 8 || f[1] != "1" || !strings.EqualFold(f[2], "udp") || len(w.candidates) >= maxCandidates {
		return
	}
	addr, err := netip.ParseAddr(f[4])
	port, bad := strconv.ParseUint(f[5], 10, 16)
	if err == nil && bad == nil {
		w.candidates = append(w.candidates, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
	}
}

// mismatched: the default destination is no candidate, so somebody between us has rewritten the addresses and not the candidates (RFC 8839 section 4.2.5).
// Where no candidate is known yet there is nothing to compare.
func (s *stream) mismatched() bool {
	c := s.web.candidates
	return len(c) > 0 && s.port != noPort && s.conn.IsValid() && !slices.Contains(c, netip.AddrPortFrom(s.conn.Unmap(), uint16(s.port)))
}

// beside works out what our answer to such an offer says; the zero value: nothing.
func (s *Session) beside(peer *stream) DTLS {
	if !s.cfg.ICE || !peer.web.ice.Usable() || peer.mismatched() {
		return DTLS{}
	}
	d := DTLS{Beside: true, Theirs: peer.web.ice}
	if s.now != nil && s.now.DTLS.Beside {
		d.Ours = s.now.DTLS.Ours
	}
	if d.Ours.Ufrag == "" || s.now.DTLS.Theirs != d.Theirs { // RFC 8839 section 4.4.1.1: other credentials are an ICE restart
		d.Ours = webrtc.NewCredentials()
	}
	return d
}

// linesBeside is what we say of it.
func (c *Config) linesBeside(d DTLS, mux bool) webLines {
	if !d.Beside {
		return webLines{}
	}
	return webLines{ice: d.Ours, at: netip.AddrPortFrom(c.Addr, uint16(c.Port)), apart: !mux}
}

// acceptBeside takes the peer's answer to an offer of ours that went on with it. A peer that says nothing of it any more goes on without.
func (a *Agreed) acceptBeside(p *proposal, peer *stream) {
	if w := p.mine.web; !a.DTLS.On && w.at.IsValid() && peer.web.ice.Usable() {
		a.DTLS = DTLS{Beside: true, Ours: w.ice, Theirs: peer.web.ice}
	}
}
