// Package sdp owns offer and answer (RFC 3264): it parses, prints and negotiates session descriptions.
// It is pure: no socket, no clock, no goroutine; and it is the only package that knows what is in an SDP.
package sdp

import (
	"bytes"
	"crypto/sha256"
	"net/netip"
	"strings"

	"naisen/media"
	"naisen/media/secure"
)

// Config is what one leg may say of itself.
type Config struct {
	Addr      netip.Addr     // address written into c= and o=
	Port      int            // RTP port; RTCP is Port+1 unless rtcp-mux is agreed
	Codecs    []media.Codec  // allowed, best first; empty: all
	Security  media.Security // of the leg; a Want may make Preferred stricter, nothing else
	SecureSIP bool           // the signalling is TLS: SAVP may be offered
	Ptime     int            // milliseconds; 0: 20
	SessionID uint64         // of o=; unique
	Suites    []secure.Suite // allowed, best first; empty: all are taken, and AEAD_AES_128_GCM and AES_CM_128_HMAC_SHA1_80 offered
	// Browser: the peer is one, so that nothing but DTLS-SRTP over ICE with rtcp-mux reaches it, on Port (RFC 8829).
	Browser     bool
	Fingerprint secure.Fingerprint // of our DTLS certificate; zero: no DTLS
	ICE         bool               // a peer that offers it on an encrypted stream is answered by the lite side
}

// Agreed is the outcome of an exchange: what the packet path needs to know.
type Agreed struct {
	Codec              media.Codec
	SendPT, RecvPT     uint8
	EventSendPT        uint8          // telephone-event towards the peer; 0: none
	EventRecvPT        uint8          // telephone-event from the peer; 0: none
	EventClock         int            // of its timestamps and durations, Hz: 8000 even beside Opus if the peer has no other; 0: none
	Noise              bool           // the peer takes comfort noise as payload type 13 (RFC 3389)
	Ptime              int            // milliseconds that the peer wants to receive
	Remote, RemoteRTCP netip.AddrPort // invalid: not known before a packet comes
	RTCPMux            bool
	Direction          media.Direction // ours
	PeerHolds          bool
	Secure             bool
	Local, RemoteKey   secure.Key // sending key of each side; zero where a handshake makes them
	DTLS               DTLS
	SameKeys           bool      // both unchanged since the last exchange: keep the contexts and their ROC
	Rejected           bool      // the peer refused the stream (port 0); nothing else is set
	Fax                media.Fax // what the peer said of a fax, where Codec is T38
}

// Session is the negotiation state of one leg. It is not safe for concurrent use. A method that fails changes nothing.
type Session struct {
	cfg     Config
	version uint64 // of o=
	body    digest // of what was sent last, without o=
	now     *Agreed
	layout  []stream // every m= line of the session so far; ours is at slot
	slot    int
	eventPT [2]uint8  // as in eventForms; 0: not used yet
	heard   digest    // of the offer answered last, until another exchange begins
	said    media.SDP // its answer; nil: none
	wishes  media.Preference

	open     *proposal // our offer that awaits its answer
	answered *proposal // our offer that was answered: another fork may answer it again
}

// digest stands for a text that is only ever compared: a leg keeps it for hours.
type digest [sha256.Size]byte

// proposal is an offer of ours.
type proposal struct {
	mine   stream
	layout []stream
	slot   int
	before *Agreed // agreed when it was made
}

// New starts a leg that has said nothing yet.
func New(c Config) *Session { return &Session{cfg: c} }

// Offer makes our offer. media.ErrState while one is open; media.ErrNoMatch if nothing that is wanted is allowed; media.ErrPolicy if
// SRTP is required and the signalling would carry the key in clear.
func (s *Session) Offer(w media.Want) (media.SDP, error) {
	if s.open != nil {
		return nil, media.ErrState
	}
	if faxWanted(w) {
		return s.offerFax(w)
	}
	policy, err := s.cfg.policy(w)
	if err != nil {
		return nil, err
	}
	codecs := s.cfg.wanted(w)
	if len(codecs) == 0 {
		return nil, media.ErrNoMatch
	}
	mine := s.cfg.audio(s.offering(codecs), bits(w.Direction))
	if err := s.protectOffer(&mine, policy); err != nil {
		return nil, err
	}
	mine.mux = mine.mux || s.now != nil && s.now.RTCPMux
	mine.record = w.Record
	return s.propose(mine), nil
}

// propose opens an offer with that stream in the session's place for it.
func (s *Session) propose(mine stream) media.SDP {
	p := &proposal{mine: mine, slot: s.slot, before: s.now}
	for i := range s.layout {
		p.layout = append(p.layout, refused(&s.layout[i]))
	}
	if len(p.layout) == 0 {
		p.layout = []stream{{}}
	}
	p.layout[p.slot] = mine
	s.open, s.answered = p, nil
	return s.say(p.layout)
}

// protectOffer decides about SAVP. An established leg stays as it is; a new one is encrypted when its signalling is.
func (s *Session) protectOffer(mine *stream, policy media.Security) error {
	if done, err := s.offerDTLS(mine, policy); done {
		return err
	}
	if policy == media.SecurityDTLS {
		return media.ErrPolicy // a leg that was set up otherwise
	}
	if s.now != nil {
		switch {
		case s.now.Secure && policy == media.SecurityForbidden, s.now.Codec == media.T38 && policy == media.SecurityRequired:
			return media.ErrPolicy
		case s.now.Secure:
			mine.crypto = []cryptoLine{{1, s.now.Local}}
			mine.web = s.cfg.linesBeside(s.now.DTLS, s.now.RTCPMux)
		case policy == media.SecurityRequired: // a plain leg is asked to go on encrypted, in the profile that it has (RFC 8643)
			mine.proto = s.layout[s.slot].proto
			return s.offerKeys(mine)
		case s.now.Codec == media.T38: // back to audio in another m= line (RFC 3264 section 8.3.3)
			return nil
		}
		mine.proto = s.layout[s.slot].proto // it may not change (RFC 3264 section 8.3)
		return nil
	}
	if policy == media.SecurityForbidden || policy == media.SecurityPreferred && !s.cfg.SecureSIP {
		return nil
	}
	mine.proto = "RTP/SAVP"
	return s.offerKeys(mine)
}

// offerKeys puts a key of each suite into an offer.
func (s *Session) offerKeys(mine *stream) error {
	if !s.cfg.SecureSIP {
		return media.ErrPolicy
	}
	suites := s.cfg.Suites
	if len(suites) == 0 {
		suites = offered
	}
	for i, suite := range suites {
		k, err := secure.Generate(suite)
		if err != nil {
			return err
		}
		mine.crypto = append(mine.crypto, cryptoLine{i + 1, k})
	}
	return nil
}

// used notes the payload type of events on a clock.
func (s *Session) used(a Agreed) {
	for i, f := range eventForms {
		if f.clock == a.EventClock {
			s.eventPT[i] = a.EventRecvPT
		}
	}
}

// say prints a description of ours and counts its version up only if the text is another one (RFC 3264 section 8).
func (s *Session) say(layout []stream) media.SDP {
	d := description{conn: s.cfg.Addr, streams: layout}
	if body := sha256.Sum256([]byte(d.body())); body != s.body {
		s.body = body
		s.version++
	}
	return d.text(s.cfg.Addr, s.cfg.SessionID, s.version)
}

// Answer answers the peer's offer. For the same offer again (18x, then 200; a session refresh) it is the same answer, whatever is wanted, but for what is
// said of a recording.
// media.ErrState while an offer of ours is open; media.ErrSDP, media.ErrNoMatch, media.ErrPolicy refuse the offer.
func (s *Session) Answer(offer media.SDP, w media.Want) (media.SDP, Agreed, error) {
	if s.open != nil {
		return nil, Agreed{}, media.ErrState
	}
	heard := digest(sha256.Sum256(offer))
	if s.said != nil && s.heard == heard {
		if mine := &s.layout[s.slot]; mine.record != w.Record {
			mine.record = w.Record
			s.said = s.say(s.layout)
		}
		a := *s.now
		a.SameKeys = a.Secure
		return bytes.Clone(s.said), a, nil
	}
	d, err := parse(offer)
	if err != nil {
		return nil, Agreed{}, err
	}
	if faxWanted(w) {
		return s.answerFax(d, heard, w)
	}
	policy, err := s.cfg.policy(w)
	if err != nil {
		return nil, Agreed{}, err
	}
	wanted := s.cfg.wanted(w)
	slot, line, err := d.choose(&s.cfg, policy, s.now != nil && s.now.Secure, wanted)
	if err != nil {
		return nil, Agreed{}, err
	}
	if s.now != nil && s.now.DTLS.On && line.tag != dtlsTag { // keys in the signalling would be a step back
		return nil, Agreed{}, media.ErrPolicy
	}
	peer := &d.streams[slot]
	a, err := s.agreeAnswer(peer, line, w, wanted)
	if err != nil {
		return nil, Agreed{}, err
	}
	mine := s.cfg.audio(a.formats(), bits(a.Direction))
	mine.proto, mine.mux, mine.record = peer.proto, a.RTCPMux, w.Record
	switch {
	case a.DTLS.On:
		mine.web = s.cfg.lines(a.DTLS, peer.web.mid, setupOf(a.DTLS.Active))
		mine.web.bundled = peer.web.bundled && peer.web.mid != ""
	case a.Secure:
		mine.crypto = []cryptoLine{{line.tag, a.Local}}
		mine.web = s.cfg.linesBeside(a.DTLS, a.RTCPMux)
		mine.web.mismatch = s.cfg.ICE && peer.web.ice.Usable() && peer.mismatched()
	}
	s.answerWith(d, slot, mine, a, heard)
	return bytes.Clone(s.said), a, nil
}

// answerWith takes one stream of an offer and refuses the others.
func (s *Session) answerWith(d *description, slot int, mine stream, a Agreed, heard digest) {
	layout := make([]stream, len(d.streams))
	for i := range layout {
		layout[i] = refused(&d.streams[i])
	}
	layout[slot] = mine
	s.layout, s.slot, s.now, s.answered = layout, slot, &a, nil
	s.used(a)
	s.heard, s.said, s.wishes = heard, s.say(layout), d.wishesOf(slot)
}

// formats of the answer that says what was agreed.
func (a Agreed) formats() []format {
	f := form[a.Codec]
	f.pt = a.RecvPT
	out := []format{f}
	for _, e := range eventForms {
		if e.clock == a.EventClock {
			e.pt = a.EventRecvPT
			out = append(out, e)
		}
	}
	return out
}

// agreeAnswer works out what our answer will mean.
func (s *Session) agreeAnswer(peer *stream, line cryptoLine, w media.Want, wanted []media.Codec) (Agreed, error) {
	codec := peer.codecs(wanted)[0] // the offerer's order (RFC 3264 section 6.1) ...
	if len(w.Prefer) > 0 {          // ... unless the call has its own: it knows the other leg
		for _, c := range wanted {
			if _, ok := peer.payloadOf(c); ok {
				codec = c
				break
			}
		}
	}
	pt, _ := peer.payloadOf(codec)
	a := Agreed{
		Codec: codec, SendPT: pt, RecvPT: pt, Noise: peer.noise(codec.Clock()), RTCPMux: peer.mux,
		Direction: ours(bits(w.Direction) & facing(peer)),
		PeerHolds: facing(peer)&sends == 0, Secure: line.secured(), RemoteKey: line.key,
	}
	if line.tag == dtlsTag {
		a.DTLS = s.handshake(peer)
		a.SameKeys = s.now != nil && a.DTLS.same(s.now.DTLS)
	} else if a.Secure {
		a.DTLS = s.beside(peer)
	}
	a.EventSendPT, a.EventClock = peer.events(codec.Clock())
	a.EventRecvPT = a.EventSendPT
	a.remote(peer)
	if !a.Secure || a.DTLS.On {
		return a, nil
	}
	if s.now != nil && s.now.Secure && s.now.RemoteKey.Equal(line.key) && s.now.Local.Suite() == line.key.Suite() {
		a.Local, a.SameKeys = s.now.Local, true
		return a, nil
	}
	// A new key of the peer may mean a new machine behind it, which knows nothing of our rollover counter: give it a new key too.
	k, err := secure.Generate(line.key.Suite())
	a.Local = k
	return a, err
}

// Accept takes the peer's answer to our offer. Until the next exchange begins it may be called again for the same offer: the same answer
// (18x, then 200) changes nothing, that of another fork replaces it. media.ErrState without an offer of ours; media.ErrSDP,
// media.ErrNoMatch or media.ErrPolicy for an answer that does not fit, which leaves the offer open.
func (s *Session) Accept(answer media.SDP) (Agreed, error) {
	p := s.open
	if p == nil {
		p = s.answered
	}
	if p == nil {
		return Agreed{}, media.ErrState
	}
	d, err := parse(answer)
	if err != nil {
		return Agreed{}, err
	}
	if len(d.streams) != len(p.layout) {
		return Agreed{}, bad("answer has another number of streams")
	}
	peer := &d.streams[p.slot]
	if peer.kind != p.mine.kind {
		return Agreed{}, bad("answer has streams in another order")
	}
	if peer.port == 0 {
		s.open, s.answered = nil, p
		return Agreed{Rejected: true, Direction: media.Inactive}, nil
	}
	a, err := p.agree(peer)
	if err != nil {
		return Agreed{}, err
	}
	a.SameKeys = a.Secure && s.now != nil && s.now.Local.Equal(a.Local) && s.now.RemoteKey.Equal(a.RemoteKey)
	if a.DTLS.On {
		a.SameKeys = s.now != nil && a.DTLS.same(s.now.DTLS)
	}
	s.open, s.answered = nil, p
	s.layout, s.slot, s.now, s.said, s.wishes = p.layout, p.slot, &a, nil, d.wishesOf(p.slot)
	s.used(a)
	return a, nil
}

// agree works out what the peer's answer to our offer means.
func (p *proposal) agree(peer *stream) (Agreed, error) {
	if p.mine.kind == imageKind {
		return agreeFax(peer, p.mine.dir)
	}
	var mine []media.Codec
	for _, f := range p.mine.types {
		if f.name != "telephone-event" {
			mine = append(mine, media.Codec(strings.ToUpper(f.name)))
		}
	}
	common := peer.codecs(mine)
	if len(common) == 0 {
		return Agreed{}, media.ErrNoMatch
	}
	a := Agreed{Codec: common[0], RTCPMux: p.mine.mux && peer.mux}
	a.SendPT, _ = peer.payloadOf(a.Codec)
	a.RecvPT = p.payloadOf(a.Codec)
	a.Noise = peer.noise(a.Codec.Clock())
	if a.EventSendPT, a.EventClock = peer.events(a.Codec.Clock()); a.EventSendPT != 0 {
		a.EventRecvPT = p.event(a.EventClock)
	}
	if err := a.secured(p, peer); err != nil {
		return Agreed{}, err
	}
	a.acceptBeside(p, peer)
	a.Direction = ours(p.mine.dir & facing(peer))
	if p.mine.dir&sends != 0 {
		a.PeerHolds = facing(peer)&sends == 0
	} else if p.before != nil {
		a.PeerHolds = p.before.PeerHolds // we did not offer to send: its answer says nothing about holding
	}
	a.remote(peer)
	return a, nil
}

// event is the payload type that we offered for events on a clock; 0: none.
func (p *proposal) event(clock int) uint8 {
	for _, f := range p.mine.types {
		if f.name == "telephone-event" && f.clock == clock {
			return f.pt
		}
	}
	return 0
}

// payloadOf is the payload type that we offered for a codec.
func (p *proposal) payloadOf(c media.Codec) uint8 {
	for _, f := range p.mine.types {
		if f.name == form[c].name {
			return f.pt
		}
	}
	return 0
}

// secured checks that the answer keeps the protection that was offered, and picks the keys by the tag (RFC 4568 section 5.1.3).
func (a *Agreed) secured(p *proposal, peer *stream) error {
	if !p.mine.web.print.IsZero() {
		return a.securedByDTLS(p, peer)
	}
	if len(p.mine.crypto) == 0 {
		if profile(peer.proto) != avp {
			return bad("answer has another profile")
		}
		return nil
	}
	switch theirs := profile(peer.proto); {
	case theirs == savp: // some say so in answer to keys in plain RTP's profile too ([MS-SDPEXT])
	case theirs != profile(p.mine.proto), len(peer.crypto) == 0:
		return media.ErrPolicy
	}
	for _, theirs := range peer.crypto {
		for _, c := range p.mine.crypto {
			if c.tag == theirs.tag && c.key.Suite() == theirs.key.Suite() {
				a.Secure, a.Local, a.RemoteKey = true, c.key, theirs.key
				return nil
			}
		}
	}
	return bad("answer has no crypto line that was offered")
}

// Rollback forgets our open offer: 491, CANCEL, 488, timeout. What was agreed before holds on.
func (s *Session) Rollback() { s.open = nil }

// Wishes is what the peer's description that is in force wishes of a recording; empty: it says nothing of that.
func (s *Session) Wishes() media.Preference { return s.wishes }

// Allows lists the audio codecs of the peer's offer that this leg could use, in the peer's order. It changes nothing.
// Errors as Answer.
func (s *Session) Allows(offer media.SDP) ([]media.Codec, error) {
	d, err := parse(offer)
	if err != nil {
		return nil, err
	}
	allowed := s.cfg.allowed()
	slot, _, err := d.choose(&s.cfg, s.cfg.Security, s.now != nil && s.now.Secure, allowed)
	if err != nil {
		return nil, err
	}
	return d.streams[slot].codecs(allowed), nil
}

// Secures says that the peer's offer could be answered encrypted. It changes nothing.
func (s *Session) Secures(offer media.SDP) bool {
	policy, err := s.cfg.policy(media.Want{Security: media.SecurityRequired})
	if err != nil {
		return false
	}
	d, err := parse(offer)
	if err != nil {
		return false
	}
	_, line, err := d.choose(&s.cfg, policy, s.now != nil && s.now.Secure, s.cfg.allowed())
	return err == nil && line.secured()
}
