package call

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// rig is a call's world: fakes that count, so that tests can see each End, Close and CDR.
type rig struct {
	mu        sync.Mutex
	sw        *Switch
	plan      route.Plan
	found     []Destination
	legs      map[LegID]*fakeLeg
	order     []*fakeLeg
	endpoints []*fakeEndpoint
	bridges   []*fakeBridge
	records   []*fakeRecording
	cdrs      []CDR
	alarms    []string
	startErr  error
	holdErr   error
	full      error // that each recording has already when it begins; nil: none
	openErr   error
	aware     bool   // its telephones are aware of recordings
	autoEnd   bool   // legs post Ended after End, as real ones do
	faulty    string // the part that panics
	act       func(Facts, Cue) []Order
	script    Script // of every verb; nil: acting, of the rig's own
	cues      []string
	routes    func(route.Request) route.Plan // nil: plan
	asked     []route.Request
	held      []*fakeLeg // that an extension holds
	made      int        // calls that began inside
	dialled   []Outgoing // what was dialled with
}

func (r *rig) fault(part string) {
	if r.faulty == part {
		panic(part + " is broken")
	}
}

func newRig(plan route.Plan, found ...Destination) *rig {
	r := &rig{plan: plan, found: found, legs: map[LegID]*fakeLeg{}, autoEnd: true}
	r.sw = NewSwitch(Deps{Media: r, Dialler: r, Programs: r, Recorder: r, Ledger: r, Clock: time.Now,
		Route: r.route,
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		NewID: r.newID, Held: r.heldBeside,
		Dialogs: find{r}, Number: func(_ string, u sip.URI) (Dialled, bool) { return Dialled{Number: u.User}, u.Host == "d" },
		Alarm: func(s string) { r.mu.Lock(); r.alarms = append(r.alarms, s); r.mu.Unlock() }}, 0)
	return r
}

func (r *rig) route(q route.Request, _ time.Time) route.Plan {
	r.fault("route")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, q)
	if r.routes != nil {
		return r.routes(q)
	}
	return r.plan
}

func (r *rig) start(offer media.SDP) *fakeLeg {
	return r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Number: "2001", Dialled: "2002"}, Offer: offer, MaxForwards: 70})
}

func (r *rig) begin(in Incoming) *fakeLeg {
	var caller *fakeLeg
	err := r.sw.Start(in, func(id LegID, m *Mailbox) (Leg, bool) {
		caller = r.newLeg(id, m)
		return caller, true
	})
	if err != nil {
		panic(err)
	}
	return caller
}

func (r *rig) newLeg(id LegID, m *Mailbox) *fakeLeg {
	l := &fakeLeg{id: id, rig: r, mailbox: m}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.legs[id] = l
	r.order = append(r.order, l)
	return l
}

// find is Dialogs: a dialog is named by its leg.
type find struct{ *rig }

func (r find) Find(callID, _, _ string) (Reach, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.legs[LegID(callID)]
	if l == nil {
		return Reach{}, false
	}
	return Reach{Leg: l.id, Post: l.post}, true
}

func (r *rig) newID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	return fmt.Sprint("m", r.made)
}

func (r *rig) heldBeside(_, _ string, but LegID) Reach {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.held {
		if l.id != but {
			return Reach{Leg: l.id, Post: l.post}
		}
	}
	return Reach{}
}

func (r *rig) Find(string, route.Target) []Destination {
	r.fault("find")
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.found
}

func (r *rig) Dial(d Destination, out Outgoing, m *Mailbox) Leg {
	l := r.newLeg(out.Leg, m)
	l.offer, l.hops, l.dest = out.Offer, out.MaxForwards, d
	r.mu.Lock()
	r.dialled = append(r.dialled, out)
	r.mu.Unlock()
	return l
}

func (r *rig) Endpoint(p media.Profile, on func(media.Event)) (media.Endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &fakeEndpoint{classes: []int{p.Class}, rig: r, on: on, id: string(rune('a' + len(r.endpoints)))}
	r.endpoints = append(r.endpoints, e)
	return e, nil
}

func (r *rig) Bridge() media.Bridge {
	b := &fakeBridge{rig: r, gates: map[media.Endpoint]media.Gate{}}
	r.mu.Lock()
	r.bridges = append(r.bridges, b)
	r.mu.Unlock()
	return b
}

type program struct {
	rig  *rig
	name string
}

func (r *rig) Announce(_, prompt, _ string) Program { return program{r, prompt} }
func (r *rig) Music(string) Program                 { return program{r, "music"} }
func (r *rig) Ringback() Program                    { return program{r, "ringback"} }
func (r *rig) Pause(time.Duration) Program          { return program{r, "pause"} }

// Script gives the rig's own: what it was told is noted.
func (r *rig) Script(_ string, run route.Run) (Script, bool) {
	if r.script != nil {
		return r.script, true
	}
	return acting{r}, run.Verb == "test" || run.Verb == route.VerbAnnounce
}

type acting struct{ rig *rig }

func (a acting) On(f Facts, c Cue) []Order {
	a.rig.mu.Lock()
	a.rig.cues = append(a.rig.cues, strings.TrimPrefix(fmt.Sprintf("%T%v", c, c), "call."))
	a.rig.mu.Unlock()
	a.rig.fault("script")
	if a.rig.act == nil {
		return nil
	}
	return a.rig.act(f, c)
}

// told is what the script was told since it was last asked.
func (r *rig) told() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.cues
	r.cues = nil
	return out
}

func (p program) Open(c media.Codec) (media.Source, Spoken, error) {
	if p.rig == nil {
		return named{p.name, c}, Spoken{}, nil
	}
	p.rig.fault("program")
	return named{p.name, c}, Spoken{Prompt: p.name, Language: "ja", SHA256: "00"}, p.rig.openErr
}

type named struct {
	name  string
	codec media.Codec
}

func (n named) Codec() media.Codec   { return n.codec }
func (n named) Next() ([]byte, bool) { return nil, false }

func (r *rig) Start(c recorder.Case) (recorder.Recording, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.startErr != nil {
		return nil, r.startErr
	}
	f := &fakeRecording{of: c, born: r.full}
	r.records = append(r.records, f)
	return f, nil
}

func (r *rig) Enter(c CDR) {
	r.mu.Lock()
	r.cdrs = append(r.cdrs, c)
	r.mu.Unlock()
	r.fault("ledger")
}

type fakeLeg struct {
	id      LegID
	rig     *rig
	mailbox *Mailbox
	offer   media.SDP
	dest    Destination
	hops    int
	did     []string
	ends    int
	cause   sip.Cause
	ended   bool
	move    sync.Mutex // guards mailbox, held and last once legs move
	held    []Event    // while it is detached
	last    bool       // Ended was posted
}

func (l *fakeLeg) note(s string) { l.rig.mu.Lock(); l.did = append(l.did, s); l.rig.mu.Unlock() }
func (l *fakeLeg) saw(s string) bool {
	l.rig.mu.Lock()
	defer l.rig.mu.Unlock()
	return slices.Contains(l.did, s)
}
func (l *fakeLeg) ID() LegID                 { return l.id }
func (l *fakeLeg) Ring(s media.SDP)          { l.note(strings.TrimSpace("ring " + string(s))) }
func (l *fakeLeg) Answer(s media.SDP)        { l.note("answer " + string(s)) }
func (l *fakeLeg) Offer(s media.SDP)         { l.note("offer " + string(s)) }
func (l *fakeLeg) Reply(s media.SDP)         { l.note("reply " + string(s)) }
func (l *fakeLeg) Refuse(c sip.Cause)        { l.note("refuse") }
func (l *fakeLeg) Dialog() Dialog            { return Dialog{CallID: string(l.id), Aware: l.rig.aware} }
func (l *fakeLeg) ReferProgress(c sip.Cause) { l.note(fmt.Sprintf("report %d", c.Status)) }
func (l *fakeLeg) Digit(rune)                {}
func (l *fakeLeg) Probe()                    { l.note("probe") }
func (l *fakeLeg) Show(w route.Shown)        { l.note("show " + w.Number + w.Display) }
func (l *fakeLeg) Detach() {
	l.move.Lock()
	defer l.move.Unlock()
	if m := l.mailbox; m != nil && !l.last {
		l.mailbox = nil
		m.Post(Detached{l.id})
	}
}
func (l *fakeLeg) Attach(m *Mailbox) {
	l.move.Lock()
	defer l.move.Unlock()
	l.mailbox = m
	for _, e := range l.held {
		m.Post(e)
	}
	l.held = nil
}

// post hands an event to the call that owns the leg, as a real leg does.
func (l *fakeLeg) post(e Event) {
	l.move.Lock()
	defer l.move.Unlock()
	if _, asks := e.(asker); l.last && !asks { // a real leg says nothing more
		return
	}
	switch e.(type) {
	case Ended, Woken:
		l.last = true
	}
	if l.mailbox == nil {
		l.held = append(l.held, e)
		return
	}
	l.mailbox.Post(e)
}
func (l *fakeLeg) End(c sip.Cause) {
	l.rig.fault("end")
	l.rig.mu.Lock()
	l.ends++
	l.cause = c
	auto := l.rig.autoEnd
	l.rig.mu.Unlock()
	if auto {
		l.hangup(c)
	}
}

// hangup posts the leg's one Ended.
func (l *fakeLeg) hangup(c sip.Cause) {
	l.rig.mu.Lock()
	again := l.ended
	l.ended = true
	l.rig.mu.Unlock()
	if !again {
		l.post(Ended{Leg: l.id, Cause: c})
	}
}

type fakeEndpoint struct {
	classes  []int // DSCP, as made and as marked
	wants    []media.Security
	tapes    []media.Recorded // what its descriptions said of a recording
	wish     media.Preference
	secure   bool // since it was wanted, and the peer did not say "clear:"
	received uint64
	rig      *rig
	on       func(media.Event)
	id       string
	codec    media.Codec
	holds    bool
	playing  string
	closes   int
	bad      error
	counting *media.PlayEnded // what is told of the next program that is stopped, when the endpoint closes or another one is played
	stopped  media.Source     // of which it is told then
}

var errFake = errors.New("fake")

func list(cs []media.Codec) string {
	var s []string
	for _, c := range cs {
		s = append(s, string(c))
	}
	return strings.Join(s, ",")
}

func (e *fakeEndpoint) ID() string { return e.id }
func (e *fakeEndpoint) Offer(w media.Want) (media.SDP, error) {
	if len(w.Prefer) == 0 {
		w.Prefer = []media.Codec{media.G722, media.PCMU, media.PCMA}
	}
	e.wants, e.tapes = append(e.wants, w.Security), append(e.tapes, w.Record)
	return media.SDP(list(w.Prefer)), e.bad
}
func (e *fakeEndpoint) Allows(s media.SDP) ([]media.Codec, error) {
	if string(s) == "bad" {
		return nil, media.ErrNoMatch
	}
	var out []media.Codec
	for _, c := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(string(s), "hold:"), "clear:"), ",") {
		out = append(out, media.Codec(c))
	}
	return out, nil
}
func (e *fakeEndpoint) Answer(s media.SDP, w media.Want) (media.SDP, error) {
	cs, err := e.Allows(s)
	if err != nil {
		return nil, err
	}
	e.wants, e.tapes = append(e.wants, w.Security), append(e.tapes, w.Record)
	e.secure = e.secure || w.Security == media.SecurityRequired
	e.codec = cs[0]
	for _, want := range w.Prefer {
		if slices.Contains(cs, want) {
			e.codec = want
			break
		}
	}
	e.rig.mu.Lock()
	e.holds = strings.HasPrefix(string(s), "hold:")
	e.rig.mu.Unlock()
	return media.SDP(e.codec), nil
}
func (e *fakeEndpoint) Accept(s media.SDP) error {
	cs, err := e.Allows(s)
	if err != nil || len(s) == 0 {
		return media.ErrSDP
	}
	required := len(e.wants) > 0 && e.wants[len(e.wants)-1] == media.SecurityRequired
	if strings.HasPrefix(string(s), "clear:") && required {
		return media.ErrPolicy
	}
	e.secure = e.secure || required
	e.codec = cs[0]
	return nil
}
func (e *fakeEndpoint) Rollback() {}
func (e *fakeEndpoint) Play(s media.Source) func() {
	name := s.(named).name
	e.rig.mu.Lock()
	e.playing = name
	e.rig.mu.Unlock()
	e.count()
	return func() {
		e.rig.mu.Lock()
		e.playing = ""
		e.rig.mu.Unlock()
		if e.counting != nil {
			e.stopped = s
			return
		}
		e.on(media.PlayEnded{})
	}
}
func (e *fakeEndpoint) hears() string { e.rig.mu.Lock(); defer e.rig.mu.Unlock(); return e.playing }
func (e *fakeEndpoint) SendDigit(r rune) {
	e.rig.mu.Lock()
	e.playing = "digit " + string(r)
	e.rig.mu.Unlock()
}
func (e *fakeEndpoint) Codec() media.Codec { return e.codec }
func (e *fakeEndpoint) PeerHolds() bool    { return e.holds }
func (e *fakeEndpoint) Stats() media.Stats {
	return media.Stats{Received: e.received, Secure: e.secure}
}
func (e *fakeEndpoint) Close() error {
	e.count()
	e.rig.mu.Lock()
	e.closes++
	e.rig.mu.Unlock()
	return nil
}

// count tells late, as a real endpoint may, how much of what was stopped had been sent.
func (e *fakeEndpoint) count() {
	if e.counting == nil || e.stopped == nil {
		return
	}
	ev := *e.counting
	ev.Source, e.stopped = e.stopped, nil
	e.on(ev)
}
