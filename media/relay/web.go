package relay

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/media/secure"
	"naisen/media/webrtc"
)

const (
	handshakePatience = 20 * time.Second // from the exchange to keys; a browser has sent its first check long before
	handshakeLinger   = 5 * time.Second  // in which the peer may ask for our last flight again
	consentLife       = 30 * time.Second // RFC 7675 section 5.1, seen from the side that answers: a browser checks every five seconds
	movesAtOnce       = 8                // changes of address that a leg may make in a burst; one more each second
)

// web is what a leg has whose keys a handshake makes, and whose peer, if it is a browser, ICE finds.
type web struct {
	front    *front // nil: the leg has ports of its own, and no ICE
	ice      atomic.Pointer[iceState]
	selected atomic.Pointer[netip.AddrPort] // where the peer is; nil: not known yet
	moves    moves
	dscp     atomic.Int32               // of every socket of the leg
	buried   chan struct{}              // closed when the shard has let go of the endpoint
	copied   atomic.Pointer[endpoint]   // who is sent the peer's voice as well; nil: nobody
	peer     atomic.Pointer[netip.Addr] // where the leg's signalling comes from by now; nil: from where it came first

	mu      sync.Mutex    // signalling and the handshake; never taken where packets pass
	agreed  *sdp.Agreed   // guarded by mu: what was published last; nil: no handshake in it
	running *handshake    // guarded by mu; nil: none was begun
	keys    [2]secure.Key // guarded by mu: ours and theirs, as running made them; zero: not yet

	wire atomic.Pointer[secure.Wire] // of running

	// The shard's alone.
	consent int64   // when the peer's last check came, monotonic nanoseconds
	dtlsTo  address // where the peer's handshake comes from; of a leg without ICE
}

// iceState is the credentials in force, and those before: a browser goes on with them until its restart is done. Immutable.
type iceState struct{ ours, theirs, oldOurs, oldTheirs webrtc.Credentials }

// moves bounds how often a peer, though it proves itself, may make us open a socket.
type moves struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func (m *moves) take(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at.IsZero() {
		m.tokens, m.at = movesAtOnce, now
	}
	m.tokens = min(movesAtOnce, m.tokens+now.Sub(m.at).Seconds())
	m.at = now
	if m.tokens < 1 {
		return false
	}
	m.tokens--
	return true
}

// proven verifies a check by the credentials in force, or those before, and gives ours of them.
func (e *endpoint) proven(c webrtc.Check) (ours webrtc.Credentials, ok bool) {
	st := e.web.ice.Load()
	if st == nil || e.closing.Load() {
		return ours, false
	}
	ours, theirs := st.ours, st.theirs.Ufrag
	if c.Ours != ours.Ufrag {
		ours, theirs = st.oldOurs, st.oldTheirs.Ufrag
	}
	if c.Verify(ours, theirs) != nil {
		e.count.unauthentic.Add(1)
		return ours, false
	}
	e.count.stun.Add(1)
	return ours, true
}

// checkedBeside answers a telephone's check on one of the leg's own ports. Where it nominates from is where it is from now on, as if a packet with the
// key had come from there.
func (s *shard) checkedBeside(e *endpoint, channel int32, pkt []byte) {
	c, err := webrtc.Read(pkt)
	if err != nil || e.web.ice.Load() == nil {
		e.count.stun.Add(1)
		return
	}
	l, src := &e.leg, s.from.addrPort()
	ours, ok := e.proven(c)
	if !ok {
		return
	}
	if l.quota--; l.quota < 0 {
		e.count.excess.Add(1)
		return
	}
	fd := e.socks.rtp
	switch nominated := c.Accepts() && c.Nominated && usable(src); {
	case channel == channelRTCP:
		if fd = e.socks.rtcp; nominated {
			l.ctlFrom, l.toCtl = src, s.from
		}
	case nominated && l.learn.authentic(src):
		e.aim()
	}
	if send(fd, c.Answer(nil, ours, src), &s.from) != 0 {
		e.count.sendErrors.Add(1)
	}
}

// checked takes a connectivity check: from the front, or from the leg's own socket. It gives the answer, nil if there is none.
func (e *endpoint) checked(c webrtc.Check, from netip.AddrPort) []byte {
	w := e.web
	ours, ok := e.proven(c)
	if !ok {
		return nil
	}
	if at := w.selected.Load(); c.Accepts() && (at == nil || c.Nominated && *at != from) && !e.moveTo(from) {
		return nil
	}
	return c.Answer(nil, ours, from)
}

// moveTo gives the leg its socket towards an address that has passed a check.
func (e *endpoint) moveTo(to netip.AddrPort) bool {
	w := e.web
	if !usable(to) || !w.moves.take(time.Now()) {
		return false
	}
	fd, err := w.front.connect(to, int(w.dscp.Load()))
	if err != nil {
		e.count.sendErrors.Add(1)
		return false
	}
	w.selected.Store(&to)
	e.command(func(s *shard, e *endpoint, now int64) { s.moved(e, fd, to, now) })
	return true
}

// moved serves the new socket instead of the old one.
func (s *shard) moved(e *endpoint, fd int, to netip.AddrPort, now int64) {
	if e.leg.gone {
		_ = unix.Close(fd)
		return
	}
	if old := e.socks.rtp; old >= 0 {
		s.poll.remove(old)
		_ = unix.Close(old)
	}
	e.socks.rtp = fd
	if e.leg.slot >= 0 && s.poll.add(fd, e.leg.slot, channelRTP) != nil {
		e.count.sendErrors.Add(1)
	}
	e.web.consent = now
	e.leg.to, e.leg.learn.current = addressOf(to), to
	e.remote.Store(&to)
	s.repace(e)
}

// intercept takes what is not RTP out of the stream of a leg with a handshake; true: nothing of the packet is left for others.
func (s *shard) intercept(e *endpoint, channel int32, pkt []byte, now int64) bool {
	w, src := e.web, s.from.addrPort()
	ice := w.front != nil
	if ice && src != e.leg.learn.current { // it came in the moment before the socket was connected
		w.front.handle(pkt, src)
		return true
	}
	switch webrtc.Classify(pkt) {
	case webrtc.RTP:
		return false
	case webrtc.STUN:
		s.checkedHere(e, pkt, src, now)
	case webrtc.DTLS:
		wire := w.wire.Load()
		if channel == channelRTCP { // a second association, for RTCP without rtcp-mux, is not made: such RTCP stays unread
			e.count.unnegotiated.Add(1)
		} else if wire == nil || !ice && !s.maySpeak(e, src) {
			e.count.stranger.Add(1)
		} else if !wire.Deliver(pkt) {
			e.count.excess.Add(1)
		}
	default:
		e.count.malformed.Add(1)
	}
	return true
}

// checkedHere answers a check on the leg's own socket, which is how a browser shows that it still wants to be sent to.
func (s *shard) checkedHere(e *endpoint, pkt []byte, src netip.AddrPort, now int64) {
	c, err := webrtc.Read(pkt)
	if e.web.front == nil || err != nil {
		e.count.malformed.Add(1)
		return
	}
	answer := e.checked(c, src)
	if answer == nil {
		return
	}
	if e.web.consent = now; e.leg.to.len == 0 { // consent had ended
		e.leg.to = addressOf(src)
	}
	if send(e.socks.rtp, answer, &e.leg.to) != 0 {
		e.count.sendErrors.Add(1)
	}
}

// maySpeak: without ICE a handshake is believed from where the description says, or from the host that the signalling comes from.
func (s *shard) maySpeak(e *endpoint, src netip.AddrPort) bool {
	sess := e.leg.session
	if sess == nil || src != sess.remote && (!e.peer().IsValid() || src.Addr() != e.peer()) {
		return false
	}
	e.web.dtlsTo = s.from
	return true
}

// consents stops sending to a browser whose checks have ceased (RFC 7675, threats.md F5). One that comes back is sent to again.
func (w *web) consents(e *endpoint, now int64) {
	if w.front != nil && e.leg.to.len != 0 && now-w.consent > int64(consentLife) {
		e.leg.to = address{}
		e.engine.lapsed.Add(1)
	}
}

// handshake is one DTLS association being made, or made.
type handshake struct {
	dtls sdp.DTLS
	stop context.CancelFunc
	done chan struct{}
}

// keyed completes an outcome by the keys that a handshake made, and begins one where there is none yet for this peer. web.mu is held.
func (e *endpoint) keyed(a sdp.Agreed) sdp.Agreed {
	w := e.web
	if !a.DTLS.On {
		if a.DTLS.Beside {
			w.renew(e, a.DTLS)
		} else if w.front == nil {
			w.ice.Store(nil)
		}
		return a
	}
	w.agreed = &a
	if w.front != nil {
		w.renew(e, a.DTLS)
	}
	if h := w.running; h == nil || h.dtls.Peer != a.DTLS.Peer || h.dtls.Active != a.DTLS.Active {
		if h != nil {
			h.stop()
		}
		w.keys = [2]secure.Key{}
		w.running = e.begin(a.DTLS)
	}
	a.Local, a.RemoteKey = w.keys[0], w.keys[1]
	return a
}

// renew puts ICE credentials in force; those before still answer.
func (w *web) renew(e *endpoint, d sdp.DTLS) {
	old := w.ice.Load()
	next := &iceState{ours: d.Ours, theirs: d.Theirs}
	switch {
	case old == nil:
	case old.ours == d.Ours:
		next.oldOurs, next.oldTheirs = old.oldOurs, old.oldTheirs
	default:
		next.oldOurs, next.oldTheirs = old.ours, old.theirs
		if old.oldOurs.Ufrag != "" && w.front != nil {
			w.front.leave(old.oldOurs.Ufrag)
		}
	}
	w.ice.Store(next)
	if w.front != nil {
		w.front.enter(d.Ours.Ufrag, e)
	}
}

// begin starts a handshake beside signalling.
func (e *endpoint) begin(d sdp.DTLS) *handshake {
	ctx, stop := context.WithCancel(context.Background())
	h := &handshake{dtls: d, stop: stop, done: make(chan struct{})}
	wire := secure.NewWire(e.sendDTLS, &net.UDPAddr{IP: net.IPv4zero})
	e.web.wire.Store(wire)
	before := e.web.running
	go func() {
		defer close(h.done)
		defer stop()
		if before != nil {
			<-before.done
		}
		e.shake(ctx, h, wire)
	}()
	return h
}

// shake makes the keys, puts them in force, and keeps the association for as long as the peer may need its last flight again.
func (e *endpoint) shake(ctx context.Context, h *handshake, wire *secure.Wire) {
	patience, cancel := context.WithTimeout(ctx, handshakePatience)
	defer cancel()
	a, err := e.engine.certificate.Handshake(patience, wire, wire.LocalAddr(), h.dtls.Active, h.dtls.Peer)
	if err != nil {
		if wire.Mute(); ctx.Err() == nil {
			e.count.unauthentic.Add(1)
			e.post(media.KeysFailed{Err: err})
		}
		_ = wire.Close()
		return
	}
	e.install(h, a)
	linger := time.NewTimer(handshakeLinger)
	defer linger.Stop()
	select {
	case <-linger.C:
	case <-ctx.Done():
	}
	wire.Mute()
	a.Close()
}

// install puts the keys in force, unless another handshake has taken this one's place.
func (e *endpoint) install(h *handshake, keys *secure.Association) {
	w := e.web
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running != h || e.closing.Load() {
		return
	}
	w.keys = [2]secure.Key{keys.Local, keys.Remote}
	a := *w.agreed
	a.Local, a.RemoteKey = keys.Local, keys.Remote
	if s, err := compile(a, e.session.Load()); err == nil {
		e.enforce(s)
	}
}

// sendDTLS sends one datagram of a handshake from the shard, which owns the socket.
func (e *endpoint) sendDTLS(pkt []byte) {
	held := append([]byte(nil), pkt...)
	e.command(func(s *shard, e *endpoint, _ int64) {
		to := &e.leg.to
		if e.web.dtlsTo.len != 0 {
			to = &e.web.dtlsTo
		}
		if to.len == 0 || e.socks.rtp < 0 || e.leg.gone {
			return // not known yet, where to: it is sent again
		}
		if send(e.socks.rtp, held, to) != 0 {
			e.count.sendErrors.Add(1)
		}
	})
}

// end stops the handshake and lets the front forget the leg.
func (w *web) end() {
	w.mu.Lock()
	h := w.running
	w.mu.Unlock()
	if h != nil {
		h.stop()
		<-h.done
	}
	if st := w.ice.Load(); st != nil && w.front != nil {
		w.front.leave(st.ours.Ufrag, st.oldOurs.Ufrag)
	}
}
