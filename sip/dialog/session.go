package dialog

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"naisen/sip"
	"naisen/sip/multipart"
	"naisen/sip/stack"
)

// phase is where a session stands. Every session passes to phaseOver exactly once.
type phase uint8

const (
	phaseInvite   phase = iota // the INVITE has no final response yet
	phaseAccepted              // inbound: our 2xx is out and its ACK is not in
	phaseUp                    // confirmed
	phaseCancel                // outbound: to be cancelled, the final response is awaited; Ended comes with it
	phaseBye                   // Ended was posted; our BYE waits for the ACK that must come first, or for its own answer
	phaseOver                  // forgotten by the UA
)

func (p phase) String() string {
	return [...]string{"invite", "accepted", "up", "cancel", "bye", "over"}[p]
}

// Session is one INVITE session, inbound or outbound.
type Session struct {
	ua        *UA
	id        string
	callID    string
	localTag  string
	inbound   bool
	hops      int // Max-Forwards that the INVITE arrived with
	on        func(Event)
	inviteKey inviteKey

	flow atomic.Pointer[stack.Flow] // written on the shard
	snap atomic.Pointer[Snapshot]   // written on the shard

	// All below belongs to the shard of callID.
	phase     phase
	dlg       dialogState
	local     string // our From or To value, tag included
	contact   string
	routeSelf []string // Record-Route of the inbound INVITE, echoed in every response that makes a dialog
	localSeq  uint32   // CSeq of our last request
	creds     []stack.Header
	authorize func(*stack.Request, *stack.Response) error
	gated     bool       // the caller's network lets early media through that is announced (RFC 5009 section 5)
	allow     string     // instead of the UA's
	supported string     // likewise
	features  sip.Params // of our Contact
	knows     []string   // option tags beyond the UA's
	takes     []string   // media types beside SDP

	out      *outgoing       // an outbound INVITE until it is answered
	in       *stack.ServerTx // the inbound INVITE until it is answered
	final    *finalResponse  // our 2xx to an INVITE until its ACK
	rel      reliable        // our reliable provisionals
	oa       offerAnswer     // the offer that is open, either way
	sdp      []byte          // our description that is in force, for a refresh
	se       sessionTimer
	refer    *subscription // the peer's REFER that we report on
	referred bool          // it has sent one before
	leaving  timer         // End waits for the last NOTIFY
	sent     *sentRefer    // a REFER of ours
	keys     digits
	who      identity
	ring     timer
	probe    probe
	end      sip.Cause // why, once in phaseCancel or phaseBye
	byPeer   bool      // who, in phaseCancel
}

// dialogState is the peer's side of one dialog, early or confirmed (RFC 3261 section 12).
type dialogState struct {
	tag    string
	remote string // the peer's From or To value, tag included
	target sip.URI
	routes []sip.Address
	to     stack.Target // where its requests go: the flow that the dialog was made on
	seq    uint32       // CSeq of the peer's last request; 0: none yet
	rseq   uint32       // RSeq of the peer's last reliable provisional; 0: none yet
	sdp    []byte       // the peer's description that is in force
	agreed bool         // an offer was answered in a way that is final
	update bool         // the peer allows UPDATE

	fromChange  bool // the peer takes another From within the dialog (RFC 4916)
	recordAware bool // the peer is to be told of recordings in SDP (RFC 7866 section 11.1.2)
}

// offerAnswer is the one exchange that may be open (RFC 3264 section 4, RFC 6337).
type offerAnswer struct {
	ours   bool             // an offer of ours awaits the answer
	theirs *stack.ServerTx  // the peer's re-INVITE, UPDATE or PRACK that awaits Reply
	bare   bool             // and it carries no offer: Reply makes one
	busy   bool             // a re-INVITE or UPDATE of ours has no final response, with an offer or without
	turn   int              // it is the one of that number; an answer to an earlier one is late
	over   *stack.Flow      // by which it went; nil: one that had to be made
	wanted []byte           // offered by Offer, not sent yet
	with   []multipart.Part // what shall go with it
	sent   []multipart.Part // what went with ours that is open
	heard  []byte           // the peer's that awaits Reply
	tries  int              // 491s in a row
	glare  timer            // back-off after 491
	tx     *stack.ClientTx  // a re-INVITE of ours that got a provisional
	limit  timer            // and until when it may stay without a final response

	refresh bool // it only refreshes the session: nobody waits for what comes of it
}

// timer is at most one running timer.
type timer struct{ stop func() }

func (t *timer) set(s *Session, d time.Duration, f func()) {
	t.clear()
	t.stop = s.ua.st.After(s.callID, d, func() {
		t.stop = nil
		f()
	})
}

func (t *timer) clear() {
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
}

func (t *timer) running() bool { return t.stop != nil }

// ID is the name that its owner gave it.
func (s *Session) ID() string { return s.id }

// CallID is the Call-ID of all its messages.
func (s *Session) CallID() string { return s.callID }

// LocalTag is our tag.
func (s *Session) LocalTag() string { return s.localTag }

// RemoteTag is the peer's tag, empty until there is a dialog.
func (s *Session) RemoteTag() string { return s.Snapshot().RemoteTag }

// Inbound tells who called: true when the peer did.
func (s *Session) Inbound() bool { return s.inbound }

// MaxForwards is what the INVITE arrived with, for Invite.MaxForwards of the legs that it leads to.
func (s *Session) MaxForwards() int { return s.hops }

// Flow is the flow that requests of this dialog take; nil before the first response of an outbound one.
func (s *Session) Flow() *stack.Flow { return s.flow.Load() }

// Secure tells whether the signalling hop is TLS.
func (s *Session) Secure() bool {
	f := s.flow.Load()
	return f != nil && f.Secure()
}

// Snapshot is the dialog state as plain values, complete enough for another node to go on with (RFC 3261 section 12). Its slices are
// shared: read only.
type Snapshot struct {
	ID, CallID, LocalTag, RemoteTag string
	Inbound                         bool
	Phase                           string // invite, accepted, up, cancel, bye, over
	Local, Remote                   string // From and To values, ours and the peer's, tags included
	Contact                         string
	Target                          sip.URI
	Routes                          []sip.Address
	LocalSeq, RemoteSeq             uint32
	Transport                       string
	LocalAddr, RemoteAddr           netip.AddrPort
	SessionExpires                  time.Duration // 0: no session timer
	Refresher                       bool          // we refresh
	Expires                         time.Time     // when the session ends unless refreshed
	LocalSDP, RemoteSDP             []byte
	RecordAware                     bool // the peer says that it understands what SDP tells of recordings (RFC 7866 section 6.1.2)
}

// Snapshot may be called from any goroutine.
func (s *Session) Snapshot() Snapshot { return *s.snap.Load() }

func (s *Session) publish() {
	p := &Snapshot{
		ID: s.id, CallID: s.callID, LocalTag: s.localTag, RemoteTag: s.dialogTag(), Inbound: s.inbound, Phase: s.phase.String(),
		Local: s.local, Remote: s.dlg.remote, Contact: s.contact, Target: s.dlg.target, Routes: s.dlg.routes,
		LocalSeq: s.localSeq, RemoteSeq: s.dlg.seq, LocalSDP: s.sdp, RemoteSDP: s.dlg.sdp,
		SessionExpires: s.se.interval, Refresher: s.se.refresher, Expires: s.se.expires, RecordAware: s.dlg.recordAware,
	}
	if f := s.dlg.to.Flow; f != nil {
		p.Transport, p.LocalAddr, p.RemoteAddr = f.Transport(), f.Local(), f.Remote()
		s.flow.Store(f)
	}
	s.snap.Store(p)
}

// dialogTag is the peer's tag: of the dialog, or of the first early one of an outbound INVITE.
func (s *Session) dialogTag() string {
	if s.dlg.tag == "" && s.out != nil && s.out.now != nil && len(s.out.now.forks) > 0 {
		return s.out.now.forks[0].tag
	}
	return s.dlg.tag
}

// do queues a command on the shard.
func (s *Session) do(f func()) { s.ua.st.Do(s.callID, f) }

// to changes the phase; one log line per change.
func (s *Session) to(p phase) {
	if s.phase == p {
		return
	}
	s.phase = p
	s.publish()
	s.ua.log.Debug("session", slog.String("leg", s.id), slog.String("phase", p.String()))
}

// alive tells whether Ended is still to come and the session can be talked to.
func (s *Session) alive() bool { return s.phase <= phaseUp }

// ended posts the last event. What remains is between us and the peer's transactions.
func (s *Session) ended(e Ended) {
	s.ua.log.Info("session ended", slog.String("leg", s.id), slog.String("call_id", s.callID), slog.Bool("inbound", s.inbound),
		slog.Int("status", e.Cause.Status), slog.Int("q850", e.Cause.Q850), slog.Bool("by_peer", e.ByPeer))
	e.Refused = s.inbound && s.phase == phaseInvite
	on := s.on
	s.on = func(Event) {}
	on(e)
}

// quiet stops everything that only makes sense while the session lives, and answers what the peer still waits for.
func (s *Session) quiet() {
	s.ring.clear()
	s.leaving.clear()
	s.probe.limit.clear()
	s.oa.glare.clear()
	if s.oa.limit.running() {
		s.oa.limit.clear()
		s.oa.tx.Cancel("")
	}
	s.rel.clear()
	s.se.clear()
	s.keys = digits{}
	s.oa.wanted, s.oa.with = nil, nil
	if tx := s.oa.theirs; tx != nil {
		s.oa.theirs = nil
		s.reply(tx, 487, nil)
	}
	s.dropRefers()
}

// over forgets the session.
func (s *Session) over() {
	if s.phase == phaseOver {
		return
	}
	s.quiet()
	s.final.clear()
	s.final, s.in, s.out = nil, nil, nil
	s.to(phaseOver)
	s.ua.remove(s)
}

// End ends the session: with a final response, a CANCEL or a BYE, whichever is due. The cause goes along as Reason (RFC 3326).
func (s *Session) End(c sip.Cause) {
	s.do(func() {
		switch {
		case s.phase == phaseInvite && s.inbound:
			s.reject(c)
		case s.phase == phaseInvite:
			s.cancel(c, false)
		case s.endReported(c):
		case s.alive():
			s.bye(c, false)
		}
	})
}

// flowClosed: a caller on a dead connection is lost while its INVITE is open. An outbound INVITE is told by its own transaction, and a
// confirmed session lives on: the phone may come back on another flow, and media does not use this one.
func (s *Session) flowClosed() {
	if s.phase == phaseInvite && s.inbound {
		s.refuseWith(sip.CauseUnavailable)
		s.ended(Ended{Cause: sip.StatusCause(430).WithText("Caller's connection closed"), ByPeer: true})
		s.over()
	}
}

func has(list []string, tag string) bool {
	for _, v := range list {
		if strings.EqualFold(v, tag) {
			return true
		}
	}
	return false
}
