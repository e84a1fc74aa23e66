package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/live"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/registrar"
	"naisen/sip/resolve"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const (
	simDomain   = "pbx.example.jp"
	simRecorded = "+81311111111" // notice as early media
	simAnswered = "+81322222222" // notice after the answer
	simStrict   = "+81333333333" // without a recording no call
	simPlain    = "+81344444444"
)

// world is one simulated town: the switch as wire.go joins it, its phones, a carrier, and a network with accidents.
type world struct {
	t     testing.TB
	seed  uint64
	dice  *rand.Rand
	net   *siptest.Network
	proxy netip.AddrPort

	p       *pbx
	air     *air
	tape    *tape
	library *simLibrary
	desk    *simSelf
	serve   sync.WaitGroup
	stop    context.CancelFunc

	lucky    bool          // every prompt can be read
	classic  bool          // a history as those were that found something: simFound
	mu       sync.Mutex    // all phones run under it
	delay    time.Duration // that messages wait in the switch
	readers  sync.WaitGroup
	phones   []*phone
	carrier  *phone
	panel    *panel                     // watches lamps; nil in the histories that found something before there was one
	arrivals map[arrival][]time.Time    // INVITEs outside a dialog that reached the switch
	ports    map[uint16]call.LegID      // RTP port of the switch's offer, by leg
	byHand   map[string]bool            // calls that REST recorded or hung up
	senders  map[string]map[string]bool // by call: who sent it on
	plans    map[time.Time]route.Plan
	acked    map[string]bool // Call-IDs of calls whose 2xx to the INVITE that began them was acknowledged
	unacked  map[string]bool // Call-IDs that a BYE of the phone reached before any ACK
	asked    map[arrival]asked
	byes     map[string]bool // Call-IDs of the BYEs that the switch sent, lost ones too
	cdrs     []call.CDR
	paged    []call.CDR // of members of paging groups: no INVITE began them
	visits   []provisioning.QueueVisit
	audits   []provisioning.AuditEntry // of what is not done without them
	noAudit  error                     // the audit log cannot be written
	alarms   []string
	faults   []string
	boxes    *simBoxes
	pushes   simPushes
	begun    map[string]call.Phase // calls, and the first that they showed of themselves
	office   *simTown              // nil: the directory stands still
}

type arrival struct {
	callID string
	cseq   uint32
}

// asked is an INVITE of the switch, as seen at its socket.
type asked struct {
	sent, heard  time.Time // first, and the first response to it
	finals, acks int
}

// simDirectory is the real directory on a real store, made outside the bubble: inside only its snapshot is read.
func simDirectory(t testing.TB, more ...provisioning.Entity) *directory.Directory {
	t.Helper()
	d, err := directory.New(t.Context(), simStore(t, more...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// simStore holds the ward office of the simulation.
func simStore(t testing.TB, more ...provisioning.Entity) *store.Store {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	err = st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, e := range simEntities() {
			if _, err := w.Put(simDomain, e, "!"); err != nil {
				return err
			}
			if x, ok := e.(provisioning.Extension); ok {
				cred := secret.SIPCredential(x.Number, simDomain, secret.New("secret-"+x.Number))
				if err := w.PutSecret(simDomain, provisioning.SecretSIP, x.Number, cred.Encode()); err != nil {
					return err
				}
			}
		}
		for _, e := range more { // in place of those of the same key
			if _, err := w.Put(simDomain, e, ""); err != nil {
				return err
			}
			if t, ok := e.(provisioning.Trunk); ok && t.Username != "" {
				if err := w.PutSecret(simDomain, provisioning.SecretTrunk, t.Name, []byte("secret-"+t.Name)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func simEntities() []provisioning.Entity {
	out := []provisioning.Entity{
		provisioning.Domain{Name: simDomain, Title: "sim", Language: "ja", AllowMD5: true, CountryCode: "81"},
		provisioning.RecordingPolicy{Name: "early", Record: provisioning.RecordAlways, Notice: "early-media"},
		provisioning.RecordingPolicy{Name: "after", Record: provisioning.RecordAlways, Notice: "after-answer"},
		provisioning.RecordingPolicy{Name: "silent", Record: provisioning.RecordAlways, Notice: "none", Exception: &provisioning.NoticeException{Reason: "test", Until: simStart.AddDate(200, 0, 0)}},
		provisioning.RecordingPolicy{Name: "strict", Record: provisioning.RecordAlways, Notice: "early-media", OnFailure: "refuse"},
	}
	for i, record := range []string{"", "silent", "after", ""} {
		out = append(out, provisioning.Extension{Number: fmt.Sprint(2001 + i), Display: fmt.Sprint("Ext ", i), AllowMD5: true, Media: "srtp-preferred", Record: record})
	}
	return append(out, provisioning.Extension{Number: simWatcher, Display: "Panel", AllowMD5: true, Media: "srtp-preferred"},
		provisioning.DID{Number: simRecorded, To: []string{"2001", "2002"}, Policy: "early", RingSeconds: 25},
		provisioning.DID{Number: simAnswered, To: []string{"2002", "2003", "2004"}, Policy: "after", RingSeconds: 30},
		provisioning.DID{Number: simStrict, To: []string{"2001", "2004"}, Policy: "strict"},
		provisioning.DID{Number: simPlain, To: []string{"2003"}},
		provisioning.Trunk{Name: "carrier", Host: "192.0.2.50:5060", Transport: "udp", Sources: []string{"192.0.2.50/32"},
			Prefixes: []string{"0"}, Media: "srtp-forbidden", DIDFrom: []string{"request-uri", "to"}, CallerID: simPlain})
}

// newWorld joins the parts as wireSIP does, on the simulated network. It must run inside a bubble.
func newWorld(t testing.TB, d *directory.Directory, seed uint64) *world {
	return newTown(t, d, seed, nil)
}

// newTown is newWorld, with an office or without.
func newTown(t testing.TB, d *directory.Directory, seed uint64, o *simTown) *world {
	w := &world{t: t, seed: seed, office: o, begun: map[string]call.Phase{}, classic: slices.Contains(slices.Collect(maps.Values(simFound)), seed), dice: rand.New(rand.NewPCG(seed, 1)), net: siptest.NewNetwork(seed), proxy: netip.MustParseAddrPort("192.0.2.10:5060"),
		arrivals: map[arrival][]time.Time{}, ports: map[uint16]call.LegID{}, byHand: map[string]bool{}, senders: map[string]map[string]bool{}, byes: map[string]bool{}, asked: map[arrival]asked{},
		plans: map[time.Time]route.Plan{}, acked: map[string]bool{}, unacked: map[string]bool{}}
	w.net.Usual(w.weather())
	w.net.Host("pbx", w.proxy.Addr())
	w.library, w.desk = &simLibrary{}, &simSelf{there: map[string]string{}}
	_, w.desk.parks = d.Snapshot().ParkingLot(simDomain, "700")
	_, w.desk.pages = d.Snapshot().PagingGroup(simDomain, simPaged)
	w.air = &air{t: t, speaking: map[netip.AddrPort]bool{}}
	if !w.found() {
		w.air.skew = 137 * time.Nanosecond
	}
	trouble := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	unlucky := func() bool { mu.Lock(); defer mu.Unlock(); return !w.lucky && trouble.IntN(20) == 0 }
	w.tape = &tape{failing: unlucky, refused: map[string]bool{}}
	log := slog.New(slog.DiscardHandler)
	if *simLog {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p := &pbx{directory: d, log: log, alarms: newAlarms(log, time.Now), live: live.New()}
	w.p = p
	s := &signalling{directory: d, audit: auditQueue(1000),
		domain: simDomain, own: map[string]bool{w.proxy.Addr().String(): true}, callbacks: newCallbacks(time.Now), live: p.live, log: log}
	p.signalling = s
	s.auth = auth.New(auth.Config{OfferMD5: p.offerMD5}, credentials{d})
	config := w.net.Config(stack.Listen{Transport: "udp", Addr: w.proxy})
	if fromMobiles(t) {
		w.secure(t, &config)
	}
	config.Shards, config.Trusted, config.ListenPacket = 1, p.trusted, w.listen
	var err error
	if p.stack, err = stack.New(config, doorman{s, w}, log); err != nil {
		t.Fatal(err)
	}
	s.stack = p.stack
	p.registrar = registrar.New(registrar.Config{Push: registrar.Push{Service: &w.pushes}}, nil, log)
	s.ua = dialog.New(p.stack, dialog.Config{SessionExpires: 90 * time.Second, Reroute: p.registrar.Reroute, Admit: s.admit}, log)
	s.registrar = p.registrar
	ctx, cancel := context.WithCancel(context.Background())
	if err := p.registrar.Start(ctx, p.stack); err != nil {
		t.Fatal(err)
	}
	resolver := resolve.New(resolve.Config{})
	p.trunks = newTrunks(d, resolver, nil, log)
	p.dialler = &dialler{signalling: s, registrar: p.registrar, directory: d, resolver: resolver, trunks: p.trunks, ua: s.ua,
		addrs: []netip.Addr{w.proxy.Addr()}, log: log}
	p.dialler.sleepers = newSleepers(p.dialler, &w.pushes)
	s.events = s.newEvents(w.patient())
	w.boxes = newSimBoxes(p)
	p.auditor = s.audit
	p.rooms, p.pages = app.NewRooms(w.air.Room), app.NewPages(w.air.Room, p.pagers())
	p.purse = newPurse(d, p.auditor, p.alarms, w, time.Now, log)
	s.parks = newParks(d, &s.legs)
	p.queues = newQueues(d, p.registrar, w.store(), w, func() []*call.Snapshot { return p.calls.Snapshots("") }, p.live, log)
	p.monitors = &monitors{directory: d, policy: policy.New(), calls: func() *call.Switch { return p.calls }, denied: p.auditor.callDenied, clock: time.Now,
		log: log, write: w.writeAudit}
	p.calls = call.NewSwitch(call.Deps{Media: w.air, Dialler: eavesdropper{p.dialler, w}, Recorder: w.tape, Ledger: p.purse, Clock: time.Now, Log: log,
		Programs: simPrograms{unlucky, w.library, w.desk, p, w.boxes, o}, Alarm: w.alarm, Route: w.route, Party: p.party, Admit: p.purse.admit, Moved: p.purse.book.Move, Spared: p.purse.spared, Became: s.legs.became, Stead: s.stead, Mobiles: &call.Mobiles{}, Changed: w.changed,
		Dialogs: dialogs{s.ua, &s.legs}, Number: s.number, Codes: p.callCodes,
		Held: s.heldBeside, NewID: newID}, 0)
	s.calls = p.calls
	p.origins = p.newOrigins()
	p.queues.origins, p.queues.alarm = p.origins, p.alarms.happened
	p.startMissed()
	p.wireAgents()
	p.wireLive()
	if o != nil {
		o.open(ctx, w)
	} else {
		p.queues.Configured() // the directory stands still
		w.serve.Go(func() { p.queues.watch(ctx, p.registrar.Watch(contactChanges)) })
	}
	w.stop = cancel
	w.serve.Go(func() { _ = p.stack.Serve(ctx) })
	return w
}

// weather is the network's temper. Every link has some jitter: no two packets arrive in one instant.
func (w *world) weather() siptest.Link {
	switch w.seed % 4 {
	case 1:
		return siptest.Link{Delay: 10 * time.Millisecond, Jitter: 60 * time.Millisecond, Loss: 0.1, Duplicate: 0.05}
	case 2:
		return siptest.Link{Delay: 5 * time.Millisecond, Jitter: 700 * time.Millisecond, Duplicate: 0.2}
	case 3:
		return siptest.Link{Delay: 20 * time.Millisecond, Jitter: 300 * time.Millisecond, Loss: 0.25, Duplicate: 0.1}
	}
	return siptest.Link{Delay: 5 * time.Millisecond, Jitter: 2 * time.Millisecond}
}

// Visit and Stint implement queueLedger.
func (w *world) Visit(v provisioning.QueueVisit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visits = append(w.visits, v)
}

// Stint: what agents did is of no interest here.
func (w *world) Stint(provisioning.AgentStint) {}

// Enter implements call.Ledger.
func (w *world) Enter(c call.CDR) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Page != "" {
		w.paged = append(w.paged, c)
		return
	}
	w.cdrs = append(w.cdrs, c)
}

// writeAudit is the audit log of what needs one.
func (w *world) writeAudit(_ context.Context, e provisioning.AuditEntry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.noAudit == nil {
		w.audits = append(w.audits, e)
	}
	return w.noAudit
}

func (w *world) alarm(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alarms = append(w.alarms, reason)
}

// wrong notes a broken invariant. Called with mu held.
func (w *world) wrong(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf("%v: ", time.Since(simStart).Round(time.Millisecond))+fmt.Sprintf(format, args...))
}

// doorman notes which INVITEs reached the switch: each call starts with one.
type doorman struct {
	*signalling
	w *world
}

func (x doorman) Request(tx *stack.ServerTx) {
	if r := tx.Request(); r.Method == "INVITE" && r.To().Tag() == "" {
		n, _ := r.CSeq()
		x.w.mu.Lock()
		k := arrival{r.CallID(), n} // more than once where it was challenged: nothing is kept of such a one
		x.w.arrivals[k] = append(x.w.arrivals[k], time.Now())
		x.w.mu.Unlock()
	}
	if r := tx.Request(); r.Method == "BYE" {
		x.w.mu.Lock()
		x.w.unacked[r.CallID()] = !x.w.acked[r.CallID()]
		x.w.mu.Unlock()
	}
	x.signalling.Request(tx)
}

func (x doorman) Ack(r *stack.Request) {
	n, _ := r.CSeq()
	x.w.mu.Lock()
	if len(x.w.arrivals[arrival{r.CallID(), n}]) > 0 { // not that of a re-INVITE: one refused with 481 leaves no transaction that takes its ACK
		x.w.acked[r.CallID()] = true
	}
	x.w.mu.Unlock()
	x.signalling.Ack(r)
}

// eavesdropper notes which offer belongs to which leg.
type eavesdropper struct {
	*dialler
	w *world
}

func (x eavesdropper) Dial(d call.Destination, out call.Outgoing, m *call.Mailbox) call.Leg {
	x.w.mu.Lock()
	x.w.ports[portOf(out.Offer)] = out.Leg
	x.w.mu.Unlock()
	l := x.dialler.Dial(d, out, m)
	x.w.rings(d, out, l)
	return l
}

// listen gives the switch its socket, on which some of what it says and hears is noted.
func (w *world) listen(a netip.AddrPort) (net.PacketConn, error) {
	pc, err := w.net.ListenPacket(a)
	return ear{pc, w}, err
}

type ear struct {
	net.PacketConn
	w *world
}

func (e ear) WriteTo(b []byte, to net.Addr) (int, error) {
	now := time.Now()
	method, _, _ := strings.Cut(string(b[:min(len(b), 8)]), " ")
	switch method {
	case "BYE":
		e.w.mu.Lock()
		e.w.byes[line(b, "Call-ID: ")] = true
		e.w.mu.Unlock()
	case "INVITE":
		e.note(b, func(a *asked) {
			if a.sent.IsZero() {
				a.sent = now
			}
		})
	case "ACK":
		e.note(b, func(a *asked) { a.acks++ })
	}
	return e.PacketConn.WriteTo(b, to)
}

func (e ear) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := e.PacketConn.ReadFrom(b)
	if status, ok := strings.CutPrefix(string(b[:min(n, 11)]), "SIP/2.0 "); ok && strings.HasSuffix(line(b[:n], "CSeq: "), " INVITE") {
		now := time.Now()
		e.note(b[:n], func(a *asked) {
			if a.heard.IsZero() {
				a.heard = now
			}
			if status >= "200" {
				a.finals++
			}
		})
	}
	return n, from, err
}

func (e ear) note(b []byte, f func(*asked)) {
	k := arrival{callID: line(b, "Call-ID: "), cseq: uint32(atoi(line(b, "CSeq: ")))}
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	a := e.w.asked[k]
	f(&a)
	e.w.asked[k] = a
}

// callOf is the call that a leg belongs to.
func callOf(leg call.LegID) string {
	id, _, _ := strings.Cut(string(leg), "-")
	return id
}

// route notes the plan of each call; the CDR names the same instant.
func (w *world) route(r route.Request, now time.Time) route.Plan {
	plan := w.p.route(r, now)
	if r.Forward != nil || r.Paged != "" { // another's part of a call that has its plan, or a call that no INVITE began
		return plan
	}
	w.mu.Lock()
	w.plans[now] = plan
	w.mu.Unlock()
	return plan
}
