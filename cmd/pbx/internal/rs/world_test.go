package rs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/media"
	"naisen/media/sdp"
	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siprec"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var (
	clientAt = netip.MustParseAddrPort("192.0.2.10:5060")
	serverAt = netip.MustParseAddrPort("192.0.2.20:5060")
	phoneAt  = netip.MustParseAddrPort("192.0.2.30:5060")
)

// host is one switch: a stack with its dialogs, and media without sockets.
type host struct {
	w      *world
	st     *stack.Stack
	ua     *dialog.UA
	engine *engine
	stop   func()
	server *Server // nil: it takes no recording sessions
}

func (h *host) Request(tx *stack.ServerTx) {
	if h.ua.Request(tx) {
		return
	}
	req := tx.Request()
	if req.Method != "INVITE" || h.server == nil {
		_ = tx.Respond(stack.NewResponse(req, 405, ""))
		return
	}
	offer, with := dialog.Content(req, siprec.Types...)
	m, err := Metadata(with)
	if err != nil {
		_ = tx.Respond(stack.NewResponse(req, 400, ""))
		return
	}
	h.w.mu.Lock()
	h.w.taken++
	id := fmt.Sprint("r", h.w.taken)
	h.w.mu.Unlock()
	r := Request{ID: id, CallID: req.CallID(), Offer: offer, Metadata: m, Peer: Peer{Domain: "d", Trunk: "sbc"}}
	err = h.server.Begin(r, func(on func(dialog.Event)) (Session, error) {
		return h.ua.AcceptAs(tx, r.ID, dialog.Manner{Knows: []string{siprec.Option}, Takes: siprec.Types, Features: sip.Params{{Name: siprec.Server, Flag: true}}}, on)
	})
	if errors.Is(err, ErrFull) || errors.Is(err, ErrClosed) {
		_ = tx.Respond(stack.NewResponse(req, 503, ""))
	}
}
func (h *host) Ack(r *stack.Request)            { h.ua.Ack(r) }
func (h *host) Cancel(tx *stack.ServerTx)       { h.ua.Cancel(tx) }
func (h *host) StrayResponse(r *stack.Response) { h.ua.StrayResponse(r) }
func (h *host) FlowClosed(f *stack.Flow)        { h.ua.FlowClosed(f) }

// world is a client, a server and a scripted phone that is whichever of the two a test wants.
type world struct {
	t              *testing.T
	net            *siptest.Network
	client, server *host
	phone          *siptest.Phone
	c              *Client
	s              *Server
	where          map[string]netip.AddrPort // recorders by name
	list           []Recorder
	taken          int

	mu      sync.Mutex
	alarms  []string
	failed  []error
	notes   []string // of the recordings
	started []recorder.Case
	refuses error // of Start
	live    *fakeRecording
	rule    Rule
	numbers string // told to the rule first
	never   string // number that is never recorded
}

// inWorld plays a script in virtual time; the phone is the peer's other side. At the end no session, endpoint or goroutine may be left; with a name, the ladder must be the golden one.
func inWorld(t *testing.T, golden string, peer netip.AddrPort, script func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: siptest.NewNetwork(1), where: map[string]netip.AddrPort{"srs": serverAt, "other": phoneAt},
			list: []Recorder{{Name: "srs", Metadata: siprec.XML}}, rule: Rule{Policy: "p", Retention: 30}}
		w.client, w.server = w.host("client", clientAt), w.host("server", serverAt)
		w.phone = w.net.Phone(t, "phone", phoneAt, peer)
		w.net.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		w.c = NewClient(ClientConfig{Engine: w.client.engine, Recorders: func(string, string) []Recorder { return w.list }, Dial: w.dial, Clock: time.Now,
			Alarm: func(domain, name, why string) { w.note(&w.alarms, domain+"/"+name+": "+why) }})
		w.s = NewServer(ServerConfig{Engine: w.server.engine, Recorder: w, Rule: w.ruled, Clock: time.Now, Max: 2,
			Failed: func(domain, trunk string) { w.note(&w.alarms, "failed "+domain+"/"+trunk) }})
		w.server.server = w.s
		defer w.client.stop() // also when the script gives up
		defer w.server.stop()
		script(w)
		synctest.Wait()
		if golden != "" {
			siptest.Golden(t, golden+".ladder", w.net.Ladder())
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(w.c.Close(ctx), w.s.Close(ctx)); err != nil {
			t.Error(err)
		}
		for _, h := range []*host{w.client, w.server} {
			if n := h.ua.Sessions(); n != 0 {
				t.Errorf("%d dialogs are left", n)
			}
			for _, e := range h.engine.made {
				if e.closes != 1 {
					t.Errorf("%s was closed %d times", e.id, e.closes)
				}
				if e.to != nil {
					t.Errorf("%s is still copied", e.id)
				}
			}
		}
	})
}

func (w *world) host(name string, at netip.AddrPort) *host {
	w.net.Host(name, at.Addr())
	h := &host{w: w, engine: &engine{addr: at.Addr()}}
	config := w.net.Config(stack.Listen{Transport: "udp", Addr: at})
	config.Limits = stack.Limits{RatePerSource: 1e6, Rate: 1e6}
	log := slog.New(slog.DiscardHandler)
	st, err := stack.New(config, h, log)
	if err != nil {
		w.t.Fatal(err)
	}
	h.st, h.ua = st, dialog.New(st, dialog.Config{SessionExpires: -1}, log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = st.Serve(ctx) }()
	h.stop = func() { cancel(); _ = st.Close(); <-done }
	return h
}

func (w *world) note(list *[]string, s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*list = append(*list, s)
}

func (w *world) dial(in Invitation, on func(dialog.Event)) (Session, error) {
	at, ok := w.where[in.Recorder]
	if !ok {
		return nil, errors.New("no such recorder")
	}
	uri := sip.URI{Scheme: "sip", User: "record", Host: at.Addr().String()}
	return w.client.ua.Invite(dialog.Invite{ID: in.ID, URI: uri, To: sip.Address{URI: uri}, From: sip.Address{URI: sip.URI{Scheme: "sip", User: "recording", Host: in.Domain}},
		Targets: []stack.Target{{Transport: "udp", Addr: at}}, Body: in.Offer, With: in.With, Takes: []string{siprec.Request},
		Features: sip.Params{{Name: siprec.Client, Flag: true}}, Style: dialog.Style{Require: []string{siprec.Option}}, SessionTimer: -1, Timeout: 20 * time.Second}, on), nil
}

func (w *world) ruled(_ Peer, numbers []string) Rule {
	w.mu.Lock()
	defer w.mu.Unlock()
	if said := "numbers " + strings.Join(numbers, ","); w.numbers == "" { // later ones only ask again
		w.numbers = said
		w.notes = append(w.notes, said)
	}
	if slices.Contains(numbers, w.never) {
		return Rule{Never: w.never}
	}
	return w.rule
}

// want compares what the recordings were told since.
func (w *world) want(notes ...string) {
	w.t.Helper()
	w.wait(time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.notes, notes) {
		w.t.Errorf("recordings were told\n%q\nwant\n%q", w.notes, notes)
	}
	w.notes = nil
}

func (w *world) wait(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

// begin starts the copy of a call of two.
func (w *world) begin() (c *copying, a, b *endpoint) {
	w.t.Helper()
	a, b = w.client.engine.voice("a"), w.client.engine.voice("b")
	of := recorder.Case{ID: "c1", Domain: "example.jp", Policy: "p", Started: time.Now(), Parties: []recorder.Party{party(a, "caller", "0312345678"), party(b, "called", "2001")}}
	copies := w.c.Begin(of.Policy, of, func(err error) { w.mu.Lock(); defer w.mu.Unlock(); w.failed = append(w.failed, err) })
	if copies == nil {
		w.t.Fatal("nobody outside")
	}
	for i, ep := range []*endpoint{a, b} {
		copies.Party(of.Parties[i], ep)
	}
	return copies.(*copying), a, b
}

func party(ep *endpoint, role, number string) recorder.Party {
	return recorder.Party{Endpoint: ep.id, Role: role, Number: number, Name: "name of " + number}
}

// Start implements recorder.Recorder.
func (w *world) Start(of recorder.Case) (recorder.Recording, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuses != nil {
		return nil, w.refuses
	}
	w.started = append(w.started, of)
	r := &fakeRecording{w: w, known: map[string]string{}, kept: keptAs(of.RetentionDays, of.Label)}
	w.live = r
	for _, p := range of.Parties {
		w.notes = append(w.notes, "start "+r.name(p))
	}
	return r, nil
}

type fakeRecording struct {
	w     *world
	known map[string]string // endpoints by the order in which they came
	kept  string            // as it was told last
	fails func(error)
}

func keptAs(days int, label recorder.Label) string {
	return fmt.Sprint("kept ", days, " ", recorder.LabelOf(label.Level()))
}

func (f *fakeRecording) Kept(days int, label recorder.Label) {
	if s := keptAs(days, label); s != f.kept {
		f.kept = s
		f.say(s)
	}
}

// name says who speaks at which of the recording's endpoints.
func (f *fakeRecording) name(p recorder.Party) string {
	n, ok := f.known[p.Endpoint]
	if !ok {
		n = fmt.Sprint("#", len(f.known)+1)
		f.known[p.Endpoint] = n
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", n, p.Role, p.Number, p.Name))
}

func (f *fakeRecording) say(s string) {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	f.w.notes = append(f.w.notes, s)
}

func (f *fakeRecording) Tap() media.Tap { return noTap{} }
func (f *fakeRecording) Party(p recorder.Party) {
	f.w.mu.Lock()
	name := f.name(p)
	f.w.mu.Unlock()
	f.say("party " + name)
}
func (f *fakeRecording) Stop(_ time.Time, why string) { f.say("stop " + why) }
func (f *fakeRecording) OnFailure(g func(error))      { f.fails = g }
func (f *fakeRecording) Left(endpoint string)         { f.say("left " + f.known[endpoint]) }
func (f *fakeRecording) Pause(o recorder.Order) bool {
	f.say("pause " + o.How + " " + o.By)
	return true
}
func (f *fakeRecording) Resume(o recorder.Order) { f.say("resume " + o.How + " " + o.By) }

type noTap struct{}

func (noTap) Tap(*media.Frame) {}

// engine makes endpoints that negotiate for real and have no sockets.
type engine struct {
	addr   netip.Addr
	mu     sync.Mutex
	made   []*endpoint
	broken error
}

func (e *engine) Endpoint(p media.Profile, _ func(media.Event)) (media.Endpoint, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil {
		return nil, e.broken
	}
	n := len(e.made) + 1
	ep := &endpoint{id: fmt.Sprint("ep", n), neg: sdp.New(sdp.Config{Addr: e.addr, Port: 4000 + 2*n, SessionID: uint64(n), SecureSIP: p.SecureSIP, Codecs: p.Codecs})}
	e.made = append(e.made, ep)
	return ep, nil
}

func (e *engine) Bridge() media.Bridge { return &fakeBridge{} }

// voice is a leg of a call.
func (e *engine) voice(id string) *endpoint {
	return &endpoint{id: id, agreed: sdp.Agreed{Codec: media.PCMA}}
}

type endpoint struct {
	id     string
	neg    *sdp.Session
	agreed sdp.Agreed
	mu     sync.Mutex
	to     *endpoint // whom a voice is copied to
	closes int
}

// copied is the endpoint that gets the voice; nil: none.
func (e *endpoint) copied() *endpoint { e.mu.Lock(); defer e.mu.Unlock(); return e.to }

func (e *endpoint) Copy(to media.Endpoint) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	mine := to.(*endpoint)
	e.to = mine
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.to == mine {
			e.to = nil
		}
	}
}
func (e *endpoint) ID() string                                { return e.id }
func (e *endpoint) Offer(w media.Want) (media.SDP, error)     { return e.neg.Offer(w) }
func (e *endpoint) Allows(d media.SDP) ([]media.Codec, error) { return e.neg.Allows(d) }
func (e *endpoint) Rollback()                                 { e.neg.Rollback() }
func (e *endpoint) Play(media.Source) func()                  { panic("nothing is played to a recorder") }
func (e *endpoint) SendDigit(rune)                            { panic("nothing is pressed") }
func (e *endpoint) Codec() media.Codec                        { return e.agreed.Codec }
func (e *endpoint) PeerHolds() bool                           { return e.agreed.PeerHolds }
func (e *endpoint) Stats() media.Stats                        { return media.Stats{} }
func (e *endpoint) Close() error                              { e.closes++; return nil }
func (e *endpoint) Answer(d media.SDP, w media.Want) (media.SDP, error) {
	answer, a, err := e.neg.Answer(d, w)
	if err == nil {
		e.agreed = a
	}
	return answer, err
}
func (e *endpoint) Accept(d media.SDP) error {
	a, err := e.neg.Accept(d)
	if err == nil {
		e.agreed = a
	}
	return err
}

type fakeBridge struct{ members int }

func (b *fakeBridge) Join(media.Endpoint) error {
	if b.members++; b.members > 1 {
		panic("a recorded voice is alone in its bridge")
	}
	return nil
}
func (b *fakeBridge) Leave(media.Endpoint)                   {}
func (b *fakeBridge) Gate(media.Endpoint, media.Gate)        {}
func (b *fakeBridge) Whisper(media.Endpoint, media.Endpoint) {}
func (b *fakeBridge) Attach(media.Tap) func()                { return func() {} }
func (b *fakeBridge) String() string                         { return "fake" }
func (b *fakeBridge) Close() error                           { return nil }
