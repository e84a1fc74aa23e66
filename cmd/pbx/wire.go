package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/nodes"
	"naisen/cmd/pbx/internal/route"
	"naisen/cmd/pbx/internal/spans"
	"naisen/cmd/pbx/internal/trace"
	"naisen/cmd/pbx/internal/webhook"
	"naisen/media/relay"
	"naisen/prompts"
	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/book"
	"naisen/provisioning/directory"
	"naisen/provisioning/identity"
	"naisen/provisioning/ldap"
	"naisen/provisioning/live"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/provisioning/siem"
	"naisen/provisioning/signals"
	"naisen/provisioning/store"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/event"
	"naisen/sip/hep"
	"naisen/sip/push"
	"naisen/sip/registrar"
	"naisen/sip/resolve"
	"naisen/sip/stack"
)

// pbx is every part, made once, in import order. The wire files are the only place where parts meet.
type pbx struct {
	config Config
	log    *slog.Logger
	trace  func(stack.Traced) // nil: nobody looks
	traces *trace.Book
	homer  *hep.Sender   // nil: nobody gets copies of SIP messages
	spans  *spans.Sender // nil: no collector is told
	first  seeded

	keys        *secret.Keyring
	store       *store.Store
	nodes       *nodes.Members // nil: it has the database to itself
	follower    *follower
	auditKey    *audit.Key
	checkpoints *audit.Checkpointer // nil: the log was altered, and nothing is signed
	publisher   *audit.Publisher
	exports     map[string]*siem.Exporter // by name
	months      *auditMonths
	directory   *directory.Directory
	identity    *identity.Service // with an outside issuer it lets the break-glass account in, and nobody else
	verifier    *identity.Verifier
	endings     *endings
	signals     *signals.Receiver // nil: nobody may tell us anything
	issuer      string            // of access tokens
	policy      *policy.Engine
	auditor     *auditor
	ledger      *ledger
	notes       *notes
	purse       *purse
	pins        *pins
	qualities   *qualities
	queues      *queues
	webhooks    *webhook.Sender

	media    *relay.Engine
	turn     *turnServer // nil: no relay is wished for
	prompts  *prompts.Library
	vault    *vault
	archive  *archive
	backups  *backups // nil: the configuration says not where to
	keyWatch *keyWatch
	calls    *call.Switch
	origins  *origins
	recalls  *recalls
	missed   *missedCalls
	siprec   recordingSessions
	alarms   *alarms
	changes  *changes

	approvals *approvals
	live      *live.Hub // who looks at what changes
	rooms     *app.Rooms
	pages     *app.Pages
	office    *postOffice // of voice messages

	monitors *monitors

	acme         *renewer // nil: no authority is configured
	certificates *certificates
	signalling   *signalling
	stack        *stack.Stack
	registrar    *registrar.Registrar
	push         *push.Service // nil: nobody is woken
	lines        *lines
	dialler      *dialler
	trunks       *trunks
	http         *httpServer
	metrics      *httpServer
	ldap         *ldap.Server // nil: not configured
	devices      *httpServer  // of configurations; nil: not configured
	fleet        *fleet
	rollouts     *rollouts
	guesses      book.Guesses // at the directory's accounts, by LDAP and XML
	codes        book.Guesses // at codes of enrolments
	enrolling    *enrolling

	undo []func(context.Context) // what Close does, last made first
}

// assemble makes all parts and starts what runs beside calls. Nothing is read from the network before run. trace sees the SIP messages;
// it may be nil. On an error what was made is closed again.
func assemble(ctx context.Context, c Config, trace func(stack.Traced), log *slog.Logger) (*pbx, error) {
	p := &pbx{config: c, log: log, trace: trace, alarms: newAlarms(log, time.Now), live: live.New(), follower: newFollower()}
	for _, step := range []func(context.Context) error{p.startSpans, p.wireProvisioning, p.wireMedia, p.wireRecorder, p.wireSIP, p.wireTURN, p.wireHTTP, p.seed} {
		if err := step(ctx); err != nil {
			p.Close(context.WithoutCancel(ctx))
			return nil, err
		}
	}
	return p, nil
}

// closing registers how a part ends.
func (p *pbx) closing(name string, f func(context.Context) error) {
	p.undo = append(p.undo, func(ctx context.Context) {
		if err := f(ctx); err != nil {
			p.log.Error("pbx: close", "part", name, "err", err)
		}
	})
}

// Close ends the parts, the last made first.
func (p *pbx) Close(ctx context.Context) {
	for i := len(p.undo) - 1; i >= 0; i-- {
		p.undo[i](ctx)
	}
	p.undo = nil
}

func (p *pbx) wireProvisioning(ctx context.Context) (err error) {
	if err := p.takeData(); err != nil {
		return err
	}
	if p.keys, err = secret.OpenKeyring(p.config.path("keys", "secrets.key")); err != nil {
		return err
	}
	if err := p.openStore(ctx); err != nil {
		return err
	}
	if p.auditKey, err = audit.OpenKey(p.config.path("keys", "audit.key")); err != nil {
		return err
	}
	p.checkpoints, err = audit.NewCheckpointer(ctx, p.store, audit.Config{Dir: p.config.path("checkpoints"), Key: p.auditKey, Log: p.log})
	switch {
	case errors.Is(err, audit.ErrBroken): // people must be able to call while somebody finds out who did it
		p.alarms.set("audit-broken", "", "", "", true) // until an operator starts the switch with an answered log
		p.log.Error("pbx: THE AUDIT LOG WAS ALTERED; no checkpoint is signed until `pbx audit verify` is answered", "err", err)
	case err != nil:
		return err
	default:
		p.closing("audit checkpoints", func(context.Context) error { return p.checkpoints.Close() })
	}
	if p.directory, err = directory.New(ctx, p.store, p.log); err != nil {
		return err
	}
	p.closing("directory", func(context.Context) error { return p.directory.Close() })
	p.policy = policy.NewEngine(p.directory.Table(), func() policy.World { return p.directory.Snapshot() }, time.Now)
	p.endings = &endings{store: liveStore{p.store, p.directory, p.log}, directory: p.directory, calls: func() *call.Switch { return p.calls }, again: &live.Bell{},
		effects: p.config.Signals.effects(), recheck: time.Duration(p.config.Signals.Recheck), clock: time.Now, log: p.log, audit: func(e provisioning.AuditEntry) { p.auditor.enter(e) }}
	p.auditor = newAuditor(p.store, p.log)
	p.closing("auditor", func(context.Context) error { p.auditor.Close(); return nil })
	p.alarms.audited(p.auditor, p.config.Domain)
	if err := p.wireIdentity(); err != nil {
		return err
	}
	if err := p.startExports(ctx); err != nil {
		return err
	}
	if err := recoverCalls(ctx, p.config.path("calls.running"), p.store, p.log); err != nil {
		return err
	}
	if p.notes, err = openNotes(p.config.path("calls.running"), p.price, p.log); err != nil {
		return err
	}
	p.closing("call notes", p.notes.Close) // after the ledger
	p.ledger = newLedger(p.store, p.notes.settled, p.log)
	p.closing("ledger", p.ledger.Close)
	p.wireWebhooks()
	p.qualities = newQualities(p.ledger, p.directory)
	p.purse = newPurse(p.directory, p.auditor, p.alarms, p.qualities, time.Now, p.log)
	p.pins = newPINs(p.store, p.auditor, p.alarms, time.Now)
	if err := p.purse.restore(ctx, p.store, p.directory.Snapshot().DomainNames()); err != nil {
		return err
	}
	return p.startChanges(ctx)
}

// wireIdentity takes tokens of the organisation's issuer, or of the embedded service.
func (p *pbx) wireIdentity() (err error) {
	issuer := p.config.issuer()
	p.issuer = issuer.URL
	p.identity, err = identity.NewService(identity.ServiceConfig{Issuer: p.config.HTTP.URL + "/identity", KeyDir: p.config.path("keys", "identity"),
		Store: p.store, Domain: p.config.Domain, Audience: p.config.Identity.Audience, AccessTTL: time.Duration(p.config.Identity.AccessTTL),
		Revoked: p.revoked, Stranger: p.auditor.stranger, SealedOnly: !p.config.localSignIn(), BrokenGlass: func(domain string, e provisioning.EmergencySignIn) { p.archive.reviews.emergency(domain, e) }, Log: p.log})
	if err != nil {
		return err
	}
	issuers := []identity.Issuer{p.identity.Issuer()}
	if !p.config.embedded() {
		issuers = append(issuers, issuer)
	} else {
		p.issuer = issuers[0].URL
	}
	users := identity.UsersFunc(func(domain, name string) (provisioning.User, bool) { return p.directory.Snapshot().User(domain, name) })
	p.verifier, err = identity.NewVerifier(identity.VerifierConfig{Issuers: issuers, Users: users, Revoked: p.revoked, Log: p.log})
	if err == nil {
		p.closing("verifier", func(context.Context) error { return p.verifier.Close() })
	}
	return err
}

// seed comes last: the passwords it makes are shown once, so nothing may fail between making and showing them.
func (p *pbx) seed(ctx context.Context) (err error) {
	p.first, err = seed(ctx, p.store, p.config)
	return err
}

func (p *pbx) wireMedia(context.Context) error {
	low, high, err := parsePorts(p.config.Media.Ports)
	if err != nil {
		return err
	}
	if p.media, err = relay.New(relay.Config{PortMin: low, PortMax: high, BrowserPort: p.config.Media.Browsers, Panicked: p.mediaPanicked}); err != nil {
		return err
	}
	p.closing("media", func(context.Context) error { return p.media.Close() })
	p.rooms, p.pages = app.NewRooms(p.media.Bridge), p.newPages()
	p.prompts, err = prompts.New(prompts.Config{Dir: p.config.path("prompts"), Language: p.languageOf, Log: p.log})
	return err
}

func (p *pbx) wireRecorder(ctx context.Context) (err error) {
	if err := p.ownJournals(ctx); err != nil {
		return err
	}
	p.vault, err = openVault(ctx, p.config, p.store, p.timed(), p.log)
	if err != nil {
		return err
	}
	p.closing("recorder", p.vault.Close)
	p.startHeirs(ctx)
	p.office = newPostOffice(liveStore{p.store, p.directory, p.log}, p.directory, p.alarms.happened, time.Now, p.log)
	if err := p.vault.openPost(ctx, p.config, p.office.touch, p.log); err != nil {
		return err
	}
	p.closing("messages", p.vault.closePost)
	p.office.post = p.vault.post
	p.startMonths(ctx)
	if err := errors.Join(p.startNotary(ctx), p.startAuditArchive(ctx)); err != nil {
		return err
	}
	p.startKeyWatch(ctx)
	p.startAccessReviews(ctx)
	if err := p.startBackups(ctx); err != nil {
		return err
	}
	p.startDrills(ctx)
	return p.startArchive(ctx)
}

func (p *pbx) wireSIP(ctx context.Context) error {
	listeners, err := p.config.listeners()
	if err != nil {
		return err
	}
	addrs := addressesOf(listeners)
	if err := errors.Join(p.wireACME(ctx), p.wireCertificates(addrs)); err != nil {
		return err
	}
	s := &signalling{directory: p.directory, audit: p.auditor, domain: p.config.Domain, own: ownNames(p.config, addrs), callbacks: newCallbacks(time.Now), mobiles: fmcRefused{help: p.helpAstray}, live: p.live, silence: time.Duration(p.config.Media.Silence), log: p.log}
	if a := p.config.Media.Advertise; a != "" {
		s.advertise = netip.MustParseAddr(a) // Validate parsed it
	}
	p.signalling = s
	if err := errors.Join(p.openIssuer(s), p.startTraces(s), p.wireRegistrar(ctx, s)); err != nil {
		return err
	}
	if err := p.wireBetween(s); err != nil {
		return err
	}
	resolver := resolve.New(resolve.Config{Servers: p.config.nameServers(), Log: p.log})
	p.closing("resolver", func(context.Context) error { resolver.Close(); return nil })
	p.trunks = newTrunks(p.directory, resolver, p.certificates, p.log)
	s.book = p.trunks.book
	s.book.Elsewhere(func(k health.Key) int { return s.afar.channels(k) })
	p.stack, err = stack.New(stack.Config{Listen: listeners, TLS: p.certificates.sipConfig, Peer: p.trunks.style, ClientTrust: p.certificates.clientTrust,
		Limits:  stack.Limits{Rate: p.config.SIP.Rate, RatePerSource: p.config.SIP.SourceRate, PerAddress: p.config.SIP.Connections},
		Origins: p.config.origins(), Trusted: p.trusted, Urgent: urgent, Trace: p.traced}, s, p.log)
	if err != nil {
		return err
	}
	p.closing("sip stack", func(context.Context) error { return p.stack.Close() })
	s.stack = p.stack
	s.overload = newOverload(p.stack.QueueDelay, time.Now)
	s.ua = dialog.New(p.stack, dialog.Config{Reroute: p.registrar.Reroute, Admit: s.admit, Silent: resolver.Silent}, p.log)
	p.closing("dialogs", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, byePatience)
		defer cancel()
		return s.ua.Close(ctx)
	})
	s.events, s.parks = s.newEvents(s.stack), newParks(p.directory, &s.legs)
	s.parks.afar = func(domain, slot string) bool { return s.afar.slot(domain, slot) != "" }
	p.closing("events", s.events.Close)
	if err := p.startSIP(ctx, s); err != nil {
		return err
	}
	p.dialler = &dialler{signalling: s, registrar: p.registrar, directory: p.directory, resolver: resolver, trunks: p.trunks, ua: s.ua,
		addrs: addrs, log: p.log}
	p.wakes(p.dialler)
	p.closing("dialler", func(context.Context) error { p.dialler.Close(); return nil })
	p.queues = newQueues(p.directory, p.registrar, p.store, p.ledger, func() []*call.Snapshot { return append(p.calls.Snapshots(""), s.afar.of("")...) }, p.live, p.log)
	p.calls = p.newSwitch(s)
	s.calls = p.calls
	p.wireLive()
	p.startEndings(ctx)
	p.startBeside(ctx)
	return nil
}

// startQuiet lets lamps follow do-not-disturb.
func (p *pbx) startQuiet(ctx context.Context) {
	e := p.signalling.events
	e.quiet.start(ctx, func(a event.AOR) {
		e.notifier.Changed("dialog", a)
		e.notifier.Changed("presence", a)
	})
	p.closing("do-not-disturb", func(context.Context) error { e.quiet.Close(); return nil })
}

// wireRegistrar makes what proves and keeps registrations.
func (p *pbx) wireRegistrar(ctx context.Context, s *signalling) error {
	key, err := keyOf(p.config.path("keys", "nonce.key"))
	if err != nil {
		return err
	}
	s.auth = auth.New(auth.Config{NonceKey: key, OfferMD5: p.offerMD5, Bearer: p.offerBearer, Tokens: tokens{p.verifier, p.directory}}, credentials{p.directory})
	if key, err = keyOf(p.config.path("keys", "gruu.key")); err != nil {
		return err
	}
	wakes, err := p.wirePush()
	if err != nil {
		return err
	}
	p.registrar = registrar.New(registrar.Config{GRUUKey: key, Push: wakes, Node: p.config.Node, Alive: p.nodeAlive}, bindings{p.store}, p.log)
	p.closing("registrar", p.registrar.Close) // after the stack: whoever was told 200 is saved
	s.registrar = p.registrar
	p.startDeviceLog(ctx)
	p.startSettler(ctx)
	return nil
}

// languageOf a domain's announcements.
func (p *pbx) languageOf(domain string) string {
	d, _ := p.directory.Snapshot().Domain(domain)
	return d.Language
}

func (p *pbx) route(r route.Request, now time.Time) route.Plan {
	r.Live = p.signalling.present()
	plan := route.Route(ordered{p.directory.Snapshot(), p.trunks.book}, r, now)
	if plan.Group != "" {
		p.signalling.legs.given(plan.Group + "@" + r.Domain)
	}
	if plan.Emergency {
		p.emergency(r, plan)
	}
	if c := plan.Charge; c.Denied {
		p.auditor.callDenied(r.Domain, c.Extension, r.Dialled, p.whyDenied(r, c, plan.Why, now))
		p.purse.denied(r.Domain, plan)
	}
	return plan
}

// offerMD5: the domain decides. TLS listeners offer what the domain allows too, for phones that know nothing else.
func (p *pbx) offerMD5(realm string, _ auth.Peer) bool {
	d, ok := p.directory.Snapshot().Domain(realm)
	return ok && d.AllowMD5
}

// trusted exempts carriers and other nodes from the limit per source: all calls of a town come from one address.
func (p *pbx) trusted(a netip.Addr) bool {
	return len(p.directory.Snapshot().TrunksFrom(a)) > 0 || slices.ContainsFunc(p.nodes.Others(), func(m nodes.Member) bool { return m.Address.Addr() == a })
}

// newID names a call and its recording: 120 random bits, safe in a URL and a file name.
func newID() string { return fmt.Sprintf("c%s", rand.Text()) }
