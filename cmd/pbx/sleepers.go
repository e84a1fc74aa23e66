package main

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/push"
	"naisen/sip/registrar"
)

// wakePatience is how long a branch waits for its device. A telephone that has not come by then is switched off, or has no network: the
// others have rung meanwhile.
const wakePatience = 25 * time.Second

// wakeGrace is how long after that a device that was pushed to may still wake, and is told that the call is over: a push that its service delivered in
// the last instant, to a device that looks for a network. Later nothing on it rings any more.
const wakeGrace = 10 * time.Second

// wakener is the part of push.Service that calls use.
type wakener interface {
	Push(push.Message, func(error))
}

// sleepers hold the branches of calls whose devices sleep (RFC 8599 section 5.3.2): each is pushed to once, and goes on, by call.Woken, when the
// device's REGISTER came and was answered; or it ends after its patience. A device that was pushed to and wakes when nobody wants it any more is
// rung and cancelled at once, with the reason: iOS shows a call for each push, and only that ends it.
type sleepers struct {
	registrar *registrar.Registrar
	service   wakener
	patience  time.Duration                                              // of the call with the device
	grace     time.Duration                                              // and then ours, to say farewell
	move      func(call.Destination, registrar.Binding) call.Destination // the same destination where the device is now
	farewell  func(call.Destination, call.Outgoing, sip.Cause)           // rings it and cancels
	legs      *legs
	log       *slog.Logger

	woken, slept, failed, ghosts atomic.Uint64 // what became of branches; devices that woke when nobody wanted them any more
}

// heldPhase is where a held branch stands.
type heldPhase int

const (
	heldWaiting heldPhase = iota // for the device
	heldRefused                  // the call gave up, or its patience ended; the device was pushed to, and may still wake
	heldWoken                    // the call has been told that the device is awake
	heldOver
)

// heldLeg is a branch whose device sleeps. What is not said here is a leg's without a session: commands mean nothing to it.
type heldLeg struct {
	*leg
	s      *sleepers
	dest   call.Destination
	out    call.Outgoing
	device push.Device

	mu     sync.Mutex // guards the rest; nothing is called under it
	phase  heldPhase
	cause  sip.Cause // by which the call gave up
	now    call.Destination
	cancel func() bool // Registrar.Await's; nil before it has answered
	timer  *time.Timer
}

var _ call.Leg = (*heldLeg)(nil)

// awake gives the flows of a device on which it can be rung now, or all where it sleeps.
func awake(flows registrar.Device) (of registrar.Device, asleep bool) {
	of = slices.DeleteFunc(slices.Clone(flows), func(b registrar.Binding) bool { return b.Asleep })
	if len(of) == 0 {
		return flows, true
	}
	return of, false
}

// hold begins a held branch.
func (s *sleepers) hold(dest call.Destination, out call.Outgoing, l *leg) call.Leg {
	h := &heldLeg{leg: l, s: s, dest: dest, out: out}
	flows, _ := dest.Via.(registrar.Device)
	var ok bool
	if len(flows) > 0 {
		h.device, ok = flows[0].Device()
	}
	if !ok {
		l.fail(sip.CauseUnavailable)
		return h
	}
	if !s.legs.take(dest.Extension+"@"+out.Domain, out.Leg, dest.Idle) { // a call came first since the plan was made
		l.fail(sip.CauseBusy)
		return h
	}
	cancel, ok := s.registrar.Await(flows[0].AOR, h.device, h.awoke)
	if !ok {
		h.finish(sip.StatusCause(503))
		return h
	}
	h.mu.Lock()
	h.cancel = cancel
	waiting := h.phase == heldWaiting
	if waiting {
		h.timer = time.AfterFunc(s.patience, h.late)
	}
	h.mu.Unlock()
	if !waiting { // it came by itself in this very instant
		return h
	}
	s.service.Push(push.Message{Device: h.device, Why: push.ForCall, ID: rand.Text(), Until: time.Now().Add(s.patience)}, h.pushed)
	return h
}

// finish ends a branch that nothing more comes of.
func (h *heldLeg) finish(c sip.Cause) {
	h.mu.Lock()
	h.phase = heldOver
	h.mu.Unlock()
	h.s.legs.remove(h.id)
	h.fail(c) // nothing, where the call has been told already
}

// pushed takes the push service's answer. Without one no ghost can ring, and there is nothing to wait for: the branch ends at once, so that the
// call goes on elsewhere. A connection that may still be good is tried all the same.
func (h *heldLeg) pushed(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	cancel, timer := h.cancel, h.timer
	h.mu.Unlock()
	if !cancel() { // it woke by itself, or its time was up
		return
	}
	timer.Stop()
	h.s.failed.Add(1)
	flows := h.dest.Via.(registrar.Device)
	h.s.log.Info("device not woken", slog.String("aor", flows[0].AOR), slog.Any("device", h.device), slog.Any("error", err))
	if errors.Is(err, push.ErrGone) {
		h.s.registrar.Forget(flows[0].AOR, h.device)
	} else if b := flows[0]; b.Flow != nil && b.Transport != "udp" && b.Flow.Alive() {
		h.ready(b, false)
		return
	}
	h.finish(sip.CauseUnavailable)
}

// late: the device did not wake in time. The call goes on without it; whoever wakes now is told so.
func (h *heldLeg) late() {
	h.mu.Lock()
	was := h.phase
	if was == heldWaiting {
		h.phase, h.cause = heldRefused, sip.CauseNoAnswer
	}
	if h.phase == heldRefused {
		h.timer = time.AfterFunc(h.s.grace, h.gone)
	}
	h.mu.Unlock()
	if was == heldWaiting {
		h.s.slept.Add(1)
		h.s.legs.remove(h.id)
		h.fail(sip.CauseNoAnswer)
	}
}

// gone: the device did not wake at all.
func (h *heldLeg) gone() {
	h.mu.Lock()
	cancel := h.cancel
	h.mu.Unlock()
	if cancel() {
		h.finish(sip.CauseNoAnswer)
	}
}

// awoke: the device has registered, from where b says.
func (h *heldLeg) awoke(b registrar.Binding) {
	h.mu.Lock()
	if h.timer != nil {
		h.timer.Stop()
	}
	h.mu.Unlock()
	h.ready(b, true)
}

// ready has the device rung; or, where the call gave up and the device waits for one, rung and cancelled.
func (h *heldLeg) ready(b registrar.Binding, pushed bool) {
	now := h.s.move(h.dest, b)
	h.mu.Lock()
	was, cause := h.phase, h.cause
	h.now = now
	if h.phase = heldOver; was == heldWaiting {
		h.phase = heldWoken
	}
	h.mu.Unlock()
	h.s.legs.remove(h.id) // the leg that rings it takes its place
	switch {
	case was == heldWaiting:
		h.s.woken.Add(1)
		h.post(call.Woken{Leg: h.id, At: now})
	case was == heldRefused && pushed:
		h.s.ghosts.Add(1)
		h.s.farewell(now, h.out, cause)
	}
}

// End implements call.Leg.
func (h *heldLeg) End(c sip.Cause) {
	h.mu.Lock()
	was, now := h.phase, h.now
	switch was {
	case heldWaiting:
		h.phase, h.cause = heldRefused, c
	case heldWoken: // it woke in the very instant
		h.phase = heldOver
	case heldRefused, heldOver:
	}
	h.mu.Unlock()
	h.s.legs.remove(h.id)
	if was == heldWoken {
		h.s.ghosts.Add(1)
		h.s.farewell(now, h.out, c)
	}
	h.leg.End(c) // Ended, unless the last event was posted
}

// Commands to who has not been rung yet: the leg that rings it is told again.
func (h *heldLeg) Ring(media.SDP)          {}
func (h *heldLeg) Answer(media.SDP)        {}
func (h *heldLeg) Offer(media.SDP)         {}
func (h *heldLeg) Reply(media.SDP)         {}
func (h *heldLeg) Refuse(sip.Cause)        {}
func (h *heldLeg) ReferProgress(sip.Cause) {}
func (h *heldLeg) Digit(rune)              {}

// moved is a destination where its device is now: another address, maybe another transport, so other media.
func (d *dialler) moved(dest call.Destination, b registrar.Binding) call.Destination {
	dest.Asleep, dest.Via, dest.Proof = false, registrar.Device{b}, from(b.Proof, b.Instance)
	site, _ := d.directory.Snapshot().SiteFrom(b.Domain, b.Received.Addr())
	dest.Site = site.Name
	dest.Profile = d.signalling.phoneProfile(b.Local.Addr(), b.Received.Addr(), b.Transport, dest.Profile.Suites)
	return dest
}

// bid rings a device that woke for a call which is over, and cancels with the call's reason, so that its app can end what it shows. Nothing is
// to be heard: the offer is inactive, and who answers it in that instant gets ACK and BYE.
func (d *dialler) bid(dest call.Destination, out call.Outgoing, c sip.Cause) {
	inv := d.toDevice(dest.Via.(registrar.Device), false, out)
	inv.ID, inv.Body = string(out.Leg)+"-late", silentOffer(dest.Profile.Local)
	d.ua.Invite(inv, func(dialog.Event) {}).End(c)
}

// silentOffer is SDP of a call that is over: G.711, inactive, on no port (RFC 3264 section 5.1).
func silentOffer(at netip.Addr) media.SDP {
	family := "IP4"
	if at.Is6() {
		family = "IP6"
	}
	who := family + " " + at.WithZone("").String()
	return media.SDP("v=0\r\no=- 1 1 IN " + who + "\r\ns=-\r\nc=IN " + who + "\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\na=inactive\r\n")
}
