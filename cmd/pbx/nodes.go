package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/nodes"
	"naisen/provisioning"
	"naisen/provisioning/store"
	"naisen/sip"
	"naisen/sip/edge"
	"naisen/sip/registrar"
	"naisen/sip/stack"
)

// between is how this node and the others on the same database reach each other: by SIP over TLS, where both show a certificate that stands in the table of
// nodes, sealed by the key which only nodes have. Nothing else is believed of a peer for that.
type between struct {
	members   *nodes.Members
	registrar *registrar.Registrar
	identity  *stack.Identity
	self      sip.URI

	mu     sync.Mutex
	trusts map[string]*stack.Trust // by a node's start; guarded by mu
}

var _ edge.Nodes = (*between)(nil)

// nodeName is what a node's certificate is for, and what is asked for in the handshake.
func nodeName(node string) string { return node + ".node.naisen.internal" }

// maxTrusts bounds what is remembered of nodes that are started again and again.
const maxTrusts = 64

// trust vouches for one start of one node; nil: for nobody, since it said nothing usable.
func (b *between) trust(m nodes.Member) *stack.Trust {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, known := b.trusts[m.Start]
	if known {
		return t
	}
	if len(b.trusts) >= maxTrusts {
		clear(b.trusts)
	}
	t, _ = stack.NewTrust(m.Certificate)
	b.trusts[m.Start] = t
	return t
}

// another says that another node lives and takes calls. A nil between is a switch that is alone.
func (b *between) another() bool {
	return b != nil && slices.ContainsFunc(b.members.Others(), func(m nodes.Member) bool { return !m.Draining })
}

// Who implements edge.Nodes.
func (b *between) Who(f *stack.Flow) (string, bool) {
	if f == nil || len(f.PeerCertificates()) == 0 {
		return "", false
	}
	for _, m := range b.members.Others() {
		if t := b.trust(m); t != nil && f.VerifyPeer(nodeName(m.Name), t, x509.ExtKeyUsageClientAuth) == nil {
			return m.Name, true
		}
	}
	return "", false
}

// Way implements edge.Nodes.
func (b *between) Way(node string) (stack.Target, bool) {
	m, ok := b.members.Other(node)
	if !ok {
		return stack.Target{}, false
	}
	t := b.trust(m)
	return stack.Target{Transport: "tls", Addr: m.Address, TLS: &stack.ClientTLS{ServerName: nodeName(node), Trust: t, Identity: b.identity}}, t != nil
}

// Here implements edge.Nodes.
func (b *between) Here(aor, key string) (stack.Target, bool) {
	binding, ok := b.registrar.Here(aor, key)
	return binding.Target(), ok
}

// Self implements edge.Nodes.
func (b *between) Self() sip.URI { return b.self }

// nodeURI is where a node is reached.
func nodeURI(a netip.AddrPort) sip.URI {
	return sip.URI{Scheme: "sip", Host: a.Addr().String(), Port: int(a.Port()), Params: sip.Params{{Name: "transport", Value: "tls"}}}
}

// way leads to the telephone of a binding: by its flow, or by the node that has it. False: that node is away.
func (s *signalling) way(b registrar.Binding) (stack.Target, []sip.Address, bool) {
	if b.Node == "" {
		return b.Target(), routes(b), true
	}
	if s.between == nil {
		return stack.Target{}, nil, false
	}
	to, ok := s.between.Way(b.Node)
	if !ok {
		return stack.Target{}, nil, false
	}
	return to, append([]sip.Address{edge.Route(nodeURI(to.Addr), b.AOR, b.Key)}, routes(b)...), true
}

// nodeAlive is asked by the registrar.
func (p *pbx) nodeAlive(node string) bool {
	_, ok := p.nodes.Other(node)
	return ok
}

// joinNodes makes this switch one of several, before anything asks which. The others hear of it when it takes calls.
func (p *pbx) joinNodes(ctx context.Context) {
	if p.config.Node != "" {
		p.nodes = nodes.New(nodes.Config{Name: p.config.Node, Table: p.store, Seal: p.keys, Changed: func() { p.signalling.afar.wake() }, Log: p.log})
		p.closing("nodes", p.nodes.Close)
	}
	if p.config.sharesJournals() { // who looks dead while it starts would lose its journals
		p.nodes.Start(ctx, nodes.Statement{Start: rand.Text(), Draining: true})
	}
}

// startNodes tells the other nodes where this one is, and follows their registrations.
func (p *pbx) startNodes(ctx context.Context, s *signalling) error {
	if p.nodes == nil {
		return nil
	}
	key, err := keyOf(p.config.path("keys", "edge.key"))
	if err != nil {
		return err
	}
	var self netip.AddrPort
	for _, l := range p.stack.LocalAddrs() {
		if l.Transport == "tls" && !self.IsValid() {
			self = l.Addr
		}
	}
	s.between.self = nodeURI(self)
	s.edge = edge.New(p.stack, s.between, key)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificates.node.Certificate[0]})
	p.follower.start(ctx, p.store, p.registrar, p.log)
	p.closing("other nodes' registrations", func(context.Context) error { p.follower.close(); return nil })
	start := rand.Text()
	s.afar = newNeighbours(start, s.between, p.stack, p.afarChanged, p.log)
	p.purse.afar = s.afar
	s.afar.on[kindSpent] = p.purse.learn
	for _, l := range p.stack.LocalAddrs() {
		s.afar.addrs = append(s.afar.addrs, l.Addr.Addr())
	}
	p.nodes.Start(ctx, nodes.Statement{Address: self, Certificate: chain, Start: start})
	p.alarms.watch("node-name-taken", p.nodes.Taken)
	p.alarms.watchEach("node-away", func() map[[2]string]string {
		out := map[[2]string]string{}
		for _, name := range p.nodes.Missing() {
			out[[2]string{"", name}] = ""
		}
		return out
	})
	return nil
}

// wireBetween finds or makes this node's certificate. It stands in the table of nodes, and nobody else has to know it.
func (p *pbx) wireBetween(s *signalling) error {
	if p.nodes == nil {
		return nil
	}
	pair, err := nodeCertificate(p.config.path("certificates"), nodeName(p.config.Node))
	if err != nil {
		return err
	}
	p.certificates.node, p.certificates.nodeName = pair, nodeName(p.config.Node)
	s.between = &between{members: p.nodes, registrar: p.registrar, identity: stack.IdentityOf(*pair), trusts: map[string]*stack.Trust{}}
	return nil
}

// follower reads the bindings that another node changed.
type follower struct {
	mu   sync.Mutex
	aors map[string]bool // guarded by mu
	all  bool            // guarded by mu

	wake chan struct{} // room for one
	stop context.CancelFunc
	done chan struct{}
}

const (
	followBound = 1000        // AORs that wait; then all are read
	followAll   = time.Minute // how often all are read anyway
)

func newFollower() *follower {
	return &follower{aors: map[string]bool{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// moved is store.Config.Moved.
func (f *follower) moved(aors []string) {
	f.mu.Lock()
	if f.all = f.all || aors == nil || len(f.aors)+len(aors) > followBound; f.all {
		clear(f.aors)
	} else {
		for _, a := range aors {
			f.aors[a] = true
		}
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take gives what waits: nil for all.
func (f *follower) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all {
		f.all = false
		return nil
	}
	out := make([]string, 0, len(f.aors))
	for a := range f.aors {
		out = append(out, a)
	}
	clear(f.aors)
	return out
}

func (f *follower) start(ctx context.Context, s *store.Store, r *registrar.Registrar, log *slog.Logger) {
	ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(f.done)
		tick := time.NewTicker(followAll)
		defer tick.Stop()
		for {
			select {
			case <-f.wake:
			case <-tick.C:
				f.moved(nil)
			case <-ctx.Done():
				return
			}
			aors := f.take()
			if aors != nil && len(aors) == 0 {
				continue
			}
			if err := follow(ctx, s, r, aors); err != nil && ctx.Err() == nil {
				log.Warn("pbx: other nodes' registrations cannot be read", "err", err) // all are read when the database is back, or in a minute
			}
		}
	}()
}

func follow(ctx context.Context, s *store.Store, r *registrar.Registrar, aors []string) error {
	rows, err := s.Bindings(ctx, aors...)
	if errors.Is(err, provisioning.ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	records := make([]registrar.Record, len(rows))
	for i, row := range rows {
		records[i] = registrar.Record(row)
	}
	r.Learn(aors, records)
	return nil
}

func (f *follower) close() {
	f.stop()
	<-f.done
}
