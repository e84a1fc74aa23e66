package siptest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Patience is how long Expect waits. Virtual in a bubble; on real sockets it bounds a failing test.
const Patience = 5 * time.Second

// Message is what a phone received: exactly one of both.
type Message struct {
	Request  *stack.Request
	Response *stack.Response
	Raw      []byte
	From     netip.AddrPort
}

// String is the label of the message.
func (m Message) String() string {
	switch {
	case m.Request != nil:
		return m.Request.Method
	case m.Response != nil:
		return strconv.Itoa(m.Response.Status) + " " + m.Response.Reason
	}
	return "(not SIP)"
}

// Phone is a scripted user agent on one datagram socket. It has no transactions and no timers: the script says each message, so that
// it checks the switch's own independently. One goroutine drives it.
type Phone struct {
	Name   string
	Addr   netip.AddrPort
	Proxy  netip.AddrPort                              // where it sends
	Domain string                                      // of its AOR; default the proxy's address
	Auth   func(*stack.Request, *stack.Response) error // answers a challenge; see Digest
	Trying bool                                        // Expect returns 100 too, instead of passing over it
	Steady bool                                        // a request that comes again is answered as before and passed over: on real sockets a busy machine lets the other side repeat it

	Transport string // as in Via and Contact: "tcp", "tls"; empty: UDP
	Instance  string // +sip.instance of its Contact, with which it registers one flow after the other (RFC 5626); empty: it has none
	RegID     int    // of that flow
	PRID      string // by which the push service "acme" wakes it (RFC 8599); empty: it does not sleep

	// Wakes is asked before each message that it sends (within 0) or waits for. An app that sleeps wakes first, and says how long it may still wait; false:
	// it slept through that time. Nil: it is always awake.
	Wakes func(within time.Duration) (left time.Duration, awake bool)

	Owner any // the test's own

	t     testing.TB
	pc    net.PacketConn
	count int
	last  []byte
	said  map[string]*stack.Response // its last answers, by transaction; with Steady only
}

// Phone puts a phone on the network and names its lane.
func (n *Network) Phone(t testing.TB, name string, addr, proxy netip.AddrPort) *Phone {
	t.Helper()
	n.Host(name, addr.Addr())
	pc, err := n.ListenPacket(addr)
	if err != nil {
		t.Fatal(err)
	}
	return NewPhone(t, name, pc, proxy)
}

// NewPhone makes a phone on any socket, a real one too. It is closed when the test ends.
func NewPhone(t testing.TB, name string, pc net.PacketConn, proxy netip.AddrPort) *Phone {
	a, err := netip.ParseAddrPort(pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return &Phone{Name: name, Addr: a, Proxy: proxy, Domain: proxy.Addr().String(), t: t, pc: pc, said: map[string]*stack.Response{}}
}

// Close frees the socket; what is on its way to it is lost.
func (p *Phone) Close() { _ = p.pc.Close() }

// AOR is sip:name@domain.
func (p *Phone) AOR() sip.URI { return sip.URI{Scheme: "sip", User: p.Name, Host: p.Domain} }

// Contact is sip:name@address.
func (p *Phone) Contact() sip.URI {
	u := sip.URI{Scheme: "sip", User: p.Name, Host: p.Addr.Addr().String(), Port: int(p.Addr.Port())}
	if p.Transport != "" {
		u.Params = u.Params.With("transport", p.Transport)
	}
	if p.Instance != "" {
		u.Params = u.Params.WithFlag("ob")
	}
	return u
}

// contact is the Contact of a request, with the instance.
func (p *Phone) contact(method string) sip.Address {
	a := sip.Address{URI: p.Contact()}
	if p.PRID != "" && method == "REGISTER" {
		a.URI.Params = a.URI.Params.With("pn-provider", "acme").With("pn-param", "app").With("pn-prid", p.PRID)
	}
	if p.Instance != "" {
		a.Params = a.Params.With("+sip.instance", "<"+p.Instance+">")
		if method == "REGISTER" {
			a.Params = a.Params.With("reg-id", strconv.Itoa(p.RegID))
		}
	}
	return a
}

// Branch is a new Via branch; deterministic, as are tags and Call-IDs, so that ladders and failures repeat.
func (p *Phone) Branch() string { return "z9hG4bK" + p.id("b") }

func (p *Phone) id(kind string) string {
	p.count++
	return fmt.Sprintf("%s-%s-%d", p.Name, kind, p.count)
}

func (p *Phone) via(branch string) string {
	return fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(cmp.Or(p.Transport, "udp")), p.Addr, branch)
}

// NewRequest makes a complete request outside a dialog to the user at the phone's domain.
func (p *Phone) NewRequest(method, user string) *stack.Request {
	to := sip.URI{Scheme: "sip", User: user, Host: p.Domain}
	r := stack.NewRequest(method, to)
	r.Add("Via", p.via(p.Branch()))
	r.Add("Max-Forwards", "70")
	r.SetFrom(sip.Address{URI: p.AOR()}.WithTag(p.id("t")))
	r.SetTo(sip.Address{URI: to})
	if method == "REGISTER" {
		r.URI = sip.URI{Scheme: "sip", Host: p.Domain}
		r.SetTo(sip.Address{URI: p.AOR()})
	}
	r.Add("Call-ID", p.id("c"))
	r.Add("CSeq", "1 "+method)
	r.SetContact(p.contact(method))
	if p.Instance != "" && method == "REGISTER" {
		r.Set("Supported", "path, outbound, gruu")
	}
	return r
}

// Again makes the next attempt at the same request: new branch, next CSeq, no body change (RFC 3261 section 22.2).
func (p *Phone) Again(r *stack.Request) *stack.Request {
	c := r.Clone()
	n, m := c.CSeq()
	c.Set("Via", p.via(p.Branch()))
	c.Set("CSeq", fmt.Sprintf("%d %s", n+1, m))
	return c
}

// Send sends a message to the proxy.
func (p *Phone) Send(m interface{ Append([]byte) ([]byte, error) }) {
	p.t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		p.t.Fatalf("%s: %v", p.Name, err)
	}
	p.SendRaw(b)
}

// SendRaw sends any bytes.
func (p *Phone) SendRaw(b []byte) {
	p.t.Helper()
	p.last = b
	if p.Wakes != nil {
		p.Wakes(0)
	}
	if _, err := p.pc.WriteTo(b, net.UDPAddrFromAddrPort(p.Proxy)); err != nil {
		p.t.Fatalf("%s: send: %v", p.Name, err)
	}
}

// Repeat sends the last bytes once more, as a retransmission does.
func (p *Phone) Repeat() { p.t.Helper(); p.SendRaw(p.last) }

// ReadRaw waits for one packet of any kind; false when none came in time.
func (p *Phone) ReadRaw(within time.Duration) ([]byte, netip.AddrPort, bool) {
	p.t.Helper()
	if p.Wakes != nil {
		left, awake := p.Wakes(within)
		if !awake {
			return nil, netip.AddrPort{}, false
		}
		within = left
	}
	_ = p.pc.SetReadDeadline(time.Now().Add(within))
	buf := make([]byte, 65535)
	n, from, err := p.pc.ReadFrom(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, netip.AddrPort{}, false
	}
	if err != nil {
		p.t.Fatalf("%s: read: %v", p.Name, err)
	}
	source, _ := netip.ParseAddrPort(from.String())
	return buf[:n:n], source, true
}

// Read waits for one message; false when none came in time. What is not proper SIP fails the test.
func (p *Phone) Read(within time.Duration) (Message, bool) {
	p.t.Helper()
	b, from, ok := p.ReadRaw(within)
	for ok && len(bytes.Trim(b, "\r\n")) == 0 { // a keep-alive of the registrar's
		b, from, ok = p.ReadRaw(within)
	}
	if !ok {
		return Message{}, false
	}
	m := Message{Raw: b, From: from}
	var err error
	if m.Request, m.Response, err = stack.Parse(b); err != nil {
		p.t.Errorf("%s received what is not proper SIP: %v\n%s", p.Name, err, b)
	}
	if m.Request != nil && m.Request.Method != "ACK" {
		if said := p.said[transaction(m.Request)]; said != nil {
			p.Send(said)
			return p.Read(within)
		}
	}
	return m, true
}

// transaction is what the repetitions of a request have in common.
func transaction(r *stack.Request) string { return r.Method + " " + r.Get("Via") }

// next waits for a message, passing over 100 unless Trying is set.
func (p *Phone) next(want string) Message {
	p.t.Helper()
	for {
		m, ok := p.Read(Patience)
		if !ok {
			p.t.Fatalf("%s: waited for %s, nothing came", p.Name, want)
		}
		if m.Response != nil && m.Response.Status == 100 && !p.Trying {
			continue
		}
		return m
	}
}

// Expect waits for a request with that method; anything else fails the test.
func (p *Phone) Expect(method string) *stack.Request {
	p.t.Helper()
	m := p.next(method)
	if m.Request == nil || m.Request.Method != method {
		p.t.Fatalf("%s: waited for %s, got %s:\n%s", p.Name, method, m, m.Raw)
	}
	m.Request.Flow = nil
	return m.Request
}

// ExpectStatus waits for a response with that status to that method; anything else fails the test.
func (p *Phone) ExpectStatus(status int, method string) *stack.Response {
	p.t.Helper()
	m := p.next(fmt.Sprint(status, " ", method))
	if m.Response == nil || m.Response.Status != status {
		p.t.Fatalf("%s: waited for %d to %s, got %s:\n%s", p.Name, status, method, m, m.Raw)
	}
	if _, got := m.Response.CSeq(); got != method {
		p.t.Fatalf("%s: waited for %d to %s, got it to %s", p.Name, status, method, got)
	}
	return m.Response
}

// Silence fails the test if anything arrives within d.
func (p *Phone) Silence(d time.Duration) {
	p.t.Helper()
	if m, ok := p.Read(d); ok {
		p.t.Fatalf("%s: expected silence, got %s:\n%s", p.Name, m, m.Raw)
	}
}
