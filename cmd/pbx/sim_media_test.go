package main

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/media/sdp"
)

const (
	simNotice = 4 * time.Second // length of the recording notice
	simTick   = 500 * time.Millisecond
	simQuiet  = 30 * time.Second // as the relay's

	simLongest = 10 * time.Minute // nothing that ends is longer
)

// air is the media plane of the simulation: real negotiation, no sockets. Phones say whether they send; who is not heard times out.
type air struct {
	t  testing.TB
	mu sync.Mutex

	all       bool                    // every phone is heard
	skew      time.Duration           // of its clock: the switch's own timers count from the same instants, in whole seconds
	lulls     bool                    // who is not heard is told of soon
	audience  bool                    // calls are listened to: more than two in a bridge
	speaking  map[netip.AddrPort]bool // by the RTP address that the phone describes
	endpoints []*simEndpoint
	bridges   []*simBridge
}

func (a *air) speak(at netip.AddrPort, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.speaking[at] = on
}

// Endpoint implements media.Engine.
func (a *air) Endpoint(p media.Profile, post func(media.Event)) (media.Endpoint, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := &simEndpoint{air: a, post: post, id: fmt.Sprint("ep", len(a.endpoints)), port: 10000 + 2*len(a.endpoints), heard: time.Now()}
	e.neg = sdp.New(sdp.Config{Addr: p.Local, Port: e.port, Codecs: p.Codecs, SecureSIP: p.SecureSIP, SessionID: uint64(len(a.endpoints) + 1)})
	e.listen()
	a.endpoints = append(a.endpoints, e)
	return e, nil
}

// Bridge implements media.Engine.
func (a *air) Bridge() media.Bridge {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := &simBridge{air: a, made: time.Now(), gates: map[*simEndpoint]media.Gate{}}
	a.bridges = append(a.bridges, b)
	return b
}

// Room makes a bridge of a conference.
func (a *air) Room() media.Bridge {
	b := a.Bridge().(*simBridge)
	b.room = true
	return b
}

// press lets the switch hear a key from a phone (RFC 4733), if it has agreed with it on something.
func (a *air) press(at netip.AddrPort, key rune) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.endpoints {
		if e.closed == 0 && e.agreed != nil && e.agreed.Remote == at {
			e.post(media.Digit{Rune: key, Duration: 100 * time.Millisecond})
		}
	}
}

// simEndpoint is one leg's media. Its fields are guarded by air.mu.
type simEndpoint struct {
	air    *air
	id     string
	port   int
	neg    *sdp.Session
	post   func(media.Event)
	agreed *sdp.Agreed
	heard  time.Time
	told   time.Time // when Timeout was posted last
	lulled bool      // Lull was posted since it was heard
	warned bool      // a notice was played to it, to its end
	in     *simBridge
	closed int
	timer  *time.Timer
	play   *simPlay
}

type simPlay struct {
	e       *simEndpoint
	left    time.Duration // negative: without end
	started int64
	notice  bool // and not what a script says
	timer   *time.Timer
}

// ID implements media.Endpoint.
func (e *simEndpoint) ID() string { return e.id }

func (e *simEndpoint) locked(f func() error) error {
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	if e.closed > 0 {
		return media.ErrClosed
	}
	return f()
}

func (e *simEndpoint) Offer(w media.Want) (out media.SDP, err error) {
	err = e.locked(func() error { out, err = e.neg.Offer(w); return err })
	return out, err
}

func (e *simEndpoint) Answer(o media.SDP, w media.Want) (out media.SDP, err error) {
	err = e.locked(func() error {
		var a sdp.Agreed
		if out, a, err = e.neg.Answer(o, w); err == nil {
			e.agreed = &a
		}
		return err
	})
	return out, err
}

func (e *simEndpoint) Accept(s media.SDP) error {
	return e.locked(func() error {
		a, err := e.neg.Accept(s)
		if err == nil {
			e.agreed = &a
		}
		return err
	})
}

func (e *simEndpoint) Allows(s media.SDP) (out []media.Codec, err error) {
	err = e.locked(func() error { out, err = e.neg.Allows(s); return err })
	return out, err
}

func (e *simEndpoint) Rollback()      { _ = e.locked(func() error { e.neg.Rollback(); return nil }) }
func (e *simEndpoint) SendDigit(rune) {}

func (e *simEndpoint) Codec() media.Codec {
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	if e.agreed == nil {
		return ""
	}
	return e.agreed.Codec
}

func (e *simEndpoint) PeerHolds() bool {
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	return e.agreed != nil && e.agreed.PeerHolds
}

func (e *simEndpoint) Stats() media.Stats {
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	return media.Stats{Secure: e.agreed != nil && e.agreed.Secure}
}

// Close counts: a leg's endpoint is closed exactly once.
func (e *simEndpoint) Close() error {
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	e.closed++
	e.timer.Stop()
	e.endPlay(false)
	return nil
}

// listen looks every few seconds whether the phone is still heard. Called with air.mu held or before e is known.
func (e *simEndpoint) listen() {
	e.timer = time.AfterFunc(5*time.Second+e.air.skew, func() {
		e.air.mu.Lock()
		defer e.air.mu.Unlock()
		if e.closed > 0 {
			return
		}
		switch {
		case e.air.all || e.agreed == nil || e.agreed.PeerHolds || e.air.speaking[e.agreed.Remote]:
			e.heard = time.Now()
			if e.lulled {
				e.lulled = false
				e.post(media.Heard{})
			}
		case time.Since(e.heard) >= simQuiet && time.Since(e.told) >= simQuiet:
			e.told = time.Now()
			e.post(media.Timeout{Silent: time.Since(e.heard)})
		case e.air.lulls && time.Since(e.heard) >= 5*time.Second:
			e.lulled = true
			e.post(media.Lull{Silent: time.Since(e.heard)})
		}
		e.listen()
	})
}

// Play plays for the length of the source in virtual time, and waits while the peer holds or is not negotiated.
func (e *simEndpoint) Play(src media.Source) (stop func()) {
	p := &simPlay{e: e, left: -1}
	switch s := src.(type) {
	case simSource:
		p.left, p.notice = s.length, true
	case simEndless:
	default: // what a script puts together
		for p.left = 0; ; p.left += 20 * time.Millisecond {
			if p.left >= simLongest { // an echo never ends
				p.left = -1
				break
			}
			if _, more := s.Next(); !more {
				break
			}
		}
	}
	e.air.mu.Lock()
	defer e.air.mu.Unlock()
	if e.closed > 0 {
		e.post(media.PlayEnded{})
		return func() {}
	}
	e.endPlay(false)
	e.play = p
	p.step()
	return func() {
		e.air.mu.Lock()
		defer e.air.mu.Unlock()
		if e.play == p {
			e.endPlay(false)
		}
	}
}

func (p *simPlay) step() {
	if p.left < 0 {
		return
	}
	p.timer = time.AfterFunc(simTick+p.e.air.skew, func() {
		p.e.air.mu.Lock()
		defer p.e.air.mu.Unlock()
		if p.e.play != p {
			return
		}
		if p.e.agreed != nil && !p.e.agreed.PeerHolds {
			if p.started == 0 {
				p.started = time.Now().Add(-simTick).UnixNano()
			}
			p.left -= simTick
		}
		if p.left <= 0 {
			p.e.endPlay(true)
			return
		}
		p.step()
	})
}

func (e *simEndpoint) endPlay(complete bool) {
	p := e.play
	if p == nil {
		return
	}
	e.play = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	e.warned = e.warned || complete && p.notice
	e.post(media.PlayEnded{Complete: complete, StartedAt: p.started, EndedAt: time.Now().UnixNano(), Packets: 1})
}

// simBridge keeps who is joined. Its fields are guarded by air.mu.
type simBridge struct {
	room    bool // of a conference: more than two
	air     *air
	made    time.Time // when its call began
	members []*simEndpoint
	gates   map[*simEndpoint]media.Gate
	both    time.Time // when two were joined for the first time
	talked  bool      // two heard each other
	warned  bool      // and one of them had heard a notice before
	taps    []media.Tap
	closed  int
	left    int // members when it was closed

	spells   []simSpell
	attached []*simAttached
}

func (b *simBridge) Join(ep media.Endpoint) error {
	b.air.mu.Lock()
	defer b.air.mu.Unlock()
	e := ep.(*simEndpoint)
	for _, m := range b.members {
		if m == e {
			return nil
		}
	}
	switch {
	case b.closed > 0 || e.closed > 0:
		return media.ErrClosed
	case e.in != nil: // as the relay's
		return errors.New("sim: endpoint is in another bridge")
	case len(b.members) == 2 && !b.room && !b.air.audience:
		return errors.New("sim: bridge is full")
	}
	b.members, e.in = append(b.members, e), b
	defer b.converse()
	if len(b.members) == 2 {
		b.both = time.Now()
	}
	return nil
}

func (b *simBridge) Leave(ep media.Endpoint) {
	b.air.mu.Lock()
	defer b.air.mu.Unlock()
	for i, m := range b.members {
		if m == ep {
			delete(b.gates, m)
			m.in = nil
			defer b.converse()
			b.members = append(b.members[:i:i], b.members[i+1:]...)
			return
		}
	}
}

// Gate notes whether the members hear each other now. Nobody does before the call has opened both gates.
func (b *simBridge) Gate(ep media.Endpoint, g media.Gate) {
	b.air.mu.Lock()
	defer b.air.mu.Unlock()
	b.gates[ep.(*simEndpoint)] = g
	b.converse()
	if b.talked || len(b.members) < 2 {
		return
	}
	for _, m := range b.members {
		if g, set := b.gates[m]; !set || g != media.GateBoth {
			return
		}
	}
	b.talked, b.warned = true, b.members[0].warned || b.members[1].warned
}

// Whisper is Gate for one who is not heard by all.
func (b *simBridge) Whisper(ep, _ media.Endpoint) { b.Gate(ep, media.GateWhisper) }

func (b *simBridge) String() string { return "sim" }

func (b *simBridge) Attach(t media.Tap) (detach func()) {
	b.air.mu.Lock()
	defer b.air.mu.Unlock()
	b.taps = append(b.taps, t)
	if s, ok := t.(simTap); ok {
		s.r.bridge = b
		return b.attach(s.r)
	}
	return func() {}
}

func (b *simBridge) Close() error {
	b.air.mu.Lock()
	defer b.air.mu.Unlock()
	b.closed++
	for _, m := range b.members {
		m.in = nil
	}
	b.left, b.members = len(b.members), nil
	b.converse()
	return nil
}

// simSource lasts length; the endless ones are plain media.Source values of another type.
type simSource struct {
	codec  media.Codec
	length time.Duration
}

func (s simSource) Codec() media.Codec   { return s.codec }
func (s simSource) Next() ([]byte, bool) { return nil, false }

type simEndless struct{ media.Source }

// simPrograms make the programs of calls; what names a failing prompt cannot be opened.
type simPrograms struct {
	failing func() bool
	library *simLibrary
	desk    *simSelf
	of      *pbx // its rooms
	boxes   *simBoxes
	office  *simTown // nil: what is set by code is only noted
}

func (p simPrograms) Announce(_, prompt, language string) call.Program {
	return simProgram{p, simNotice, call.Spoken{Prompt: prompt, Language: language, SHA256: "00"}}
}

// Script gives the real ones.
func (p simPrograms) Script(domain string, r route.Run) (call.Script, bool) {
	return p.settings(app.Programs{Prompts: p.library, Ringtone: ringtone, Desk: p.desk, Queues: p.of.queues, Rooms: p.of.rooms, Conference: p.of.conference, Beep: beep, Pages: p.of.pages, Paging: p.of.paging, Menu: p.of.menu, Calendar: p.of.calendar, Parks: p.of.signalling.parks, Monitors: p.of.monitors, Agents: p.desk,
		Mailboxes: p.boxes, Leave: p.of.leave, Missed: p.of.callBackMobile}).Script(domain, r)
}

func (p simPrograms) Music(string) call.Program          { return simProgram{simPrograms{}, -1, call.Spoken{}} }
func (p simPrograms) Pause(d time.Duration) call.Program { return simProgram{length: d} }
func (p simPrograms) Ringback() call.Program             { return simProgram{simPrograms{}, -1, call.Spoken{}} }

type simProgram struct {
	from   simPrograms
	length time.Duration
	spoken call.Spoken
}

func (p simProgram) Open(c media.Codec) (media.Source, call.Spoken, error) {
	if p.from.failing != nil && p.from.failing() {
		return nil, call.Spoken{}, errors.New("sim: prompt cannot be read")
	}
	if p.from.library != nil {
		p.from.library.announces(p.spoken.Prompt)
	}
	if p.length < 0 {
		return simEndless{simSource{c, 0}}, p.spoken, nil
	}
	return simSource{c, p.length}, p.spoken, nil
}
