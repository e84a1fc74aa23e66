package sdp

import (
	"fmt"
	"net/netip"
	"strings"

	"naisen/media"
	"naisen/media/secure"
	"naisen/media/webrtc"
)

// DTLS is what an exchange agreed where a handshake makes the keys (RFC 5763), and where the peer is found by ICE (RFC 8839). The zero value: the
// keys stand in the description, or there are none.
type DTLS struct {
	On           bool
	Active       bool               // we begin the handshake
	Peer         secure.Fingerprint // of its certificate
	ICE          bool               // the peer is where its checks come from, and nowhere else
	Beside       bool               // a telephone that speaks ICE on a leg with ports of its own: see ice.go
	Ours, Theirs webrtc.Credentials // of ICE
}

// same tells whether the association of before goes on (RFC 8842 section 5.1: an ICE restart alone does not end it).
func (d DTLS) same(before DTLS) bool {
	return d.On && before.On && d.Peer == before.Peer && d.Active == before.Active
}

// webLines are the attributes of a stream, or of the session for all streams, that DTLS and ICE need.
type webLines struct {
	mid     string // RFC 5888
	ice     webrtc.Credentials
	print   secure.Fingerprint
	setup   string         // RFC 4145 as RFC 5763 uses it
	at      netip.AddrPort // our only candidate; invalid: none
	bundled bool           // BUNDLE is to be said (RFC 9143)

	apart      bool             // our RTCP has a candidate of its own, on the next port
	mismatch   bool             // said in an answer: the peer's ICE was broken on the way
	candidates []netip.AddrPort // of a peer, for RTP over UDP, at most maxCandidates
}

const (
	maxMid      = 32
	ownMid      = "0"
	dtlsTag     = -1 // of a cryptoLine that stands for a handshake
	dtlsProto   = "UDP/TLS/RTP/SAVP"
	dtlsProtoFB = "UDP/TLS/RTP/SAVPF" // what browsers speak (RFC 8829 section 5.1.2)
	// The priority of a host candidate for RTP (RFC 8445 section 5.1.2.1).
	hostPriority = 126<<24 | 65535<<8 | 255
)

// secured tells whether a choice means encryption.
func (l cryptoLine) secured() bool { return l.tag == dtlsTag || !l.key.IsZero() }

// attribute reads a line of DTLS or ICE; candidates are never sent to, since a lite agent probes nobody (threats.md F7). False: it is none.
func (w *webLines) attribute(key, arg string) bool {
	switch key {
	case "mid":
		if len(arg) <= maxMid && arg != "" && ascii(arg) && !strings.ContainsAny(arg, " \t") {
			w.mid = arg
		}
	case "ice-ufrag":
		w.ice.Ufrag = arg
	case "ice-pwd":
		w.ice.Password = arg
	case "fingerprint":
		if f, err := secure.ParseFingerprint(arg); err == nil && w.print.IsZero() { // others are of hashes that we do not take
			w.print = f
		}
	case "setup":
		w.setup = strings.ToLower(strings.TrimSpace(arg))
	case "candidate":
		w.candidate(arg)
	case "end-of-candidates", "ice-options", "remote-candidates":
	default:
		return false
	}
	return true
}

// inherit takes from the session what the stream does not say itself.
func (s *stream) inherit(d *description) {
	w, all := &s.web, &d.web
	if w.ice.Ufrag == "" {
		w.ice = all.ice
	}
	if w.print.IsZero() {
		w.print = all.print
	}
	if w.setup == "" {
		w.setup = all.setup
	}
	w.bundled = d.bundle
	if s.ice() || w.ice.Usable() && s.port == noPort {
		s.held = false // 0.0.0.0 says only that no candidate was known yet (RFC 8840 section 4.1.1)
	}
}

func (s *stream) ice() bool { return s.web.ice.Usable() && profile(s.proto) == dtls }

// handshakes: the stream's keys are to be made by DTLS. Some phones say it with the old name of the profile.
func (s *stream) handshakes() bool {
	p := profile(s.proto)
	return p == dtls || p == savp && len(s.crypto) == 0 && !s.web.print.IsZero() && s.web.setup != ""
}

// protectByDTLS is protect for such a stream.
func (s *stream) protectByDTLS(c *Config, policy media.Security) (cryptoLine, error) {
	switch {
	case policy == media.SecurityForbidden:
		return cryptoLine{}, media.ErrPolicy
	case c.Fingerprint.IsZero() || s.web.print.IsZero() || c.Browser && !(s.ice() && s.mux):
		return cryptoLine{}, media.ErrNoMatch
	}
	if _, ok := ourRole(s.web.setup); !ok {
		return cryptoLine{}, media.ErrNoMatch
	}
	return cryptoLine{tag: dtlsTag}, nil
}

// ourRole answers an a=setup; an offer leaves the choice to us, and the side that its first packets must reach had better wait for them.
func ourRole(theirs string) (active, ok bool) {
	switch theirs {
	case "actpass", "active":
		return false, true
	case "passive":
		return true, true
	}
	return false, false
}

// handshake works out what our answer to a stream means for keys and ICE.
func (s *Session) handshake(peer *stream) DTLS {
	d := DTLS{On: true, Peer: peer.web.print}
	d.Active, _ = ourRole(peer.web.setup)
	var before DTLS
	if s.now != nil {
		before = s.now.DTLS
	}
	if before.On && before.Peer == d.Peer && peer.web.setup == "actpass" { // RFC 8842 section 5.3: the association goes on in its roles
		d.Active = before.Active
	}
	if s.cfg.Browser {
		d.ICE, d.Theirs, d.Ours = true, peer.web.ice, before.Ours
		if !before.On || before.Theirs != d.Theirs { // RFC 8839 section 4.4.1.1: other credentials are an ICE restart
			d.Ours = webrtc.NewCredentials()
		}
	}
	return d
}

// lines is what we say of it.
func (c *Config) lines(d DTLS, mid, setup string) webLines {
	w := webLines{mid: mid, print: c.Fingerprint, setup: setup}
	if d.ICE {
		w.ice, w.bundled = d.Ours, mid != ""
		w.at = netip.AddrPortFrom(c.Addr, uint16(c.Port))
	}
	return w
}

func setupOf(active bool) string {
	if active {
		return "active"
	}
	return "passive"
}

// offerDTLS makes an offer's stream one of DTLS where the leg asks for it. False: it does not.
func (s *Session) offerDTLS(mine *stream, policy media.Security) (bool, error) {
	again := s.now != nil && s.now.DTLS.On
	if !again && (s.now != nil || !s.cfg.Browser && policy != media.SecurityDTLS) {
		return false, nil
	}
	if policy == media.SecurityForbidden || s.cfg.Fingerprint.IsZero() {
		return true, media.ErrPolicy
	}
	mine.mux = true
	if again {
		mine.proto = s.layout[s.slot].proto
		mine.web = s.cfg.lines(s.now.DTLS, s.layout[s.slot].web.mid, "actpass")
		return true, nil
	}
	d, mid := DTLS{ICE: s.cfg.Browser}, ""
	mine.proto = dtlsProto
	if s.cfg.Browser {
		mine.proto, mid, d.Ours = dtlsProtoFB, ownMid, webrtc.NewCredentials()
	}
	mine.web = s.cfg.lines(d, mid, "actpass")
	return true, nil
}

// securedByDTLS checks an answer to such an offer.
func (a *Agreed) securedByDTLS(p *proposal, peer *stream) error {
	if profile(peer.proto) != dtls || peer.web.print.IsZero() {
		return media.ErrPolicy
	}
	active, ok := ourRole(peer.web.setup)
	if !ok || peer.web.setup == "actpass" { // RFC 5763 section 5
		return bad("answer without a DTLS role")
	}
	a.Secure = true
	a.DTLS = DTLS{On: true, Active: active, Peer: peer.web.print}
	if p.mine.web.at.IsValid() {
		if !peer.ice() || !peer.mux {
			return media.ErrNoMatch
		}
		a.DTLS.ICE, a.DTLS.Ours, a.DTLS.Theirs = true, p.mine.web.ice, peer.web.ice
	}
	return nil
}

// webSession prints what browsers want for the whole session.
func (d *description) webSession(b *strings.Builder) {
	group, lite := "", false
	for i := range d.streams {
		w := &d.streams[i].web
		lite = lite || w.at.IsValid()
		if w.bundled && w.mid != "" {
			group += " " + w.mid
		}
	}
	if lite {
		line(b, "a=ice-lite")
	}
	if group != "" || d.bundle {
		line(b, "a=group:BUNDLE"+group)
	}
	d.web.write(b)
}

// host writes our candidate for a component.
func host(component int, at netip.AddrPort) string {
	return fmt.Sprintf("1 %d udp %d %s %d typ host", component, hostPriority+1-component, at.Addr(), at.Port())
}

func (w *webLines) write(b *strings.Builder) {
	say := func(key, value string) {
		if value != "" {
			line(b, "a="+key+":"+value)
		}
	}
	say("mid", w.mid)
	say("ice-ufrag", w.ice.Ufrag)
	say("ice-pwd", w.ice.Password)
	for _, c := range w.candidates {
		say("candidate", host(1, c))
	}
	if w.at.IsValid() {
		say("candidate", host(1, w.at))
		if w.apart {
			say("candidate", host(2, netip.AddrPortFrom(w.at.Addr(), w.at.Port()+1)))
		}
		line(b, "a=end-of-candidates")
	}
	if w.mismatch {
		line(b, "a=ice-mismatch")
	}
	if !w.print.IsZero() {
		say("fingerprint", w.print.String())
	}
	say("setup", w.setup)
}
