package stack_test

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var (
	pbxAddr   = netip.MustParseAddrPort("192.0.2.1:5060")
	aliceAddr = netip.MustParseAddrPort("192.0.2.10:5060")
	bobAddr   = netip.MustParseAddrPort("192.0.2.20:5060")
)

// tu is a Handler made of functions; it records what it saw.
type tu struct {
	request func(*stack.ServerTx)
	cancel  func(*stack.ServerTx)

	mu     sync.Mutex
	acks   []*stack.Request
	strays []*stack.Response
	closed []*stack.Flow
	seen   []string
}

func (u *tu) Request(tx *stack.ServerTx) {
	u.mu.Lock()
	u.seen = append(u.seen, tx.Request().Method)
	u.mu.Unlock()
	if u.request != nil {
		u.request(tx)
	}
}

func (u *tu) Cancel(tx *stack.ServerTx) {
	u.mu.Lock()
	u.seen = append(u.seen, "CANCEL")
	u.mu.Unlock()
	if u.cancel != nil {
		u.cancel(tx)
	}
}

func (u *tu) Ack(r *stack.Request) { u.mu.Lock(); defer u.mu.Unlock(); u.acks = append(u.acks, r) }
func (u *tu) StrayResponse(r *stack.Response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.strays = append(u.strays, r)
}
func (u *tu) FlowClosed(f *stack.Flow) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = append(u.closed, f)
}

func (u *tu) saw() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.seen...)
}

func (u *tu) counts() (acks, strays, closed int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.acks), len(u.strays), len(u.closed)
}

// answer makes a handler that answers with these statuses one after another, at once.
func answer(status ...int) func(*stack.ServerTx) {
	return func(tx *stack.ServerTx) {
		for _, s := range status {
			_ = tx.Respond(stack.NewResponse(tx.Request(), s, ""))
		}
	}
}

// serve runs a stack until the test ends.
func serve(t *testing.T, cfg stack.Config, h stack.Handler) *stack.Stack {
	t.Helper()
	s, err := stack.New(cfg, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// world is one bubble's network with a stack and two phones, 10 ms apart.
type world struct {
	*siptest.Network
	s          *stack.Stack
	u          *tu
	alice, bob *siptest.Phone
}

func newWorld(t *testing.T, u *tu) *world {
	n := siptest.NewNetwork(1)
	n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
	w := &world{Network: n, u: u}
	w.alice = n.Phone(t, "alice", aliceAddr, pbxAddr)
	n.Host("pbx", pbxAddr.Addr())
	w.bob = n.Phone(t, "bob", bobAddr, pbxAddr)
	w.s = serve(t, n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}), u)
	return w
}

// bubble runs f with virtual time.
func bubble(t *testing.T, f func(*testing.T)) { t.Helper(); synctest.Test(t, f) }

// wait lets virtual time pass.
func wait(d time.Duration) { <-time.After(d) }

// invite is an outgoing request of the stack to bob.
func outgoing(method, callID string) *stack.Request {
	to := sip.URI{Scheme: "sip", User: "bob", Host: bobAddr.Addr().String(), Port: 5060}
	r := stack.NewRequest(method, to)
	r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "pbx", Host: "192.0.2.1"}}.WithTag("pbx-1"))
	r.SetTo(sip.Address{URI: to})
	r.Add("Call-ID", callID)
	r.Add("CSeq", "1 "+method)
	return r
}

var toBob = stack.Target{Transport: "udp", Addr: bobAddr}

// results collects what a client transaction reports.
type results struct {
	mu  sync.Mutex
	all []stack.Result
}

func (r *results) on(_ *stack.ClientTx, x stack.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, x)
}

func (r *results) list() []stack.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]stack.Result(nil), r.all...)
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
