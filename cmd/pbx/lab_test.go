package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"naisen/provisioning"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// lab is the whole switch as `pbx serve` assembles it, on real loopback sockets with free ports and its own directory.
type lab struct {
	t    *testing.T
	p    *pbx
	stop func() // before the test ends
}

// newLab serves until the test ends. It listens where change says; by default on UDP, TCP and TLS of 127.0.0.1.
func newLab(t *testing.T, change func(*Config)) *lab {
	t.Helper()
	c := Config{Data: t.TempDir(), Drain: 1, SIP: SIPConfig{Listen: []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"}},
		HTTP: HTTPConfig{Listen: "127.0.0.1:0", Metrics: "off"}}
	if change != nil {
		change(&c)
	}
	c.setDefaults()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := assemble(ctx, c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return &lab{t, p, stop}
}

// at is where the switch listens.
func (l *lab) at(transport string) netip.AddrPort {
	l.t.Helper()
	for _, a := range l.p.stack.LocalAddrs() {
		if a.Transport == transport {
			return a.Addr
		}
	}
	l.t.Fatalf("no %s listener", transport)
	return netip.AddrPort{}
}

// put changes entities as REST does, and returns when calls see them.
func (l *lab) put(entities ...provisioning.Entity) {
	l.t.Helper()
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(l.t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, e := range entities {
			if _, err := w.Put(l.p.config.Domain, e, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// phone is one of the two extensions of the first run, on a UDP socket of that address.
func (l *lab) phone(number string, addr netip.Addr) *siptest.Phone {
	l.t.Helper()
	p := siptest.NewPhone(l.t, number, l.socket(addr), l.at("udp"))
	p.Domain = l.p.config.Domain
	p.Auth = siptest.Digest(number, l.p.first.Extensions[number].Reveal())
	return p
}

func (l *lab) socket(addr netip.Addr) *net.UDPConn {
	l.t.Helper()
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		l.t.Fatal(err)
	}
	return pc
}

// offer is plain G.711 from that address.
func offer(addr netip.Addr) []byte {
	family := "IP4"
	if addr.Is6() {
		family = "IP6"
	}
	return []byte(strings.ReplaceAll("v=0\r\no=- 1 1 IN F A\r\ns=-\r\nc=IN F A\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		"F A", family+" "+addr.String()))
}

// callTo makes an INVITE with an offer.
func callTo(p *siptest.Phone, user string) *stack.Request {
	r := p.NewRequest("INVITE", user)
	r.SetBody("application/sdp", offer(p.Addr.Addr()))
	return r
}

// authorised sends an INVITE, answers its challenge and returns the one that was sent then.
func (l *lab) authorised(p *siptest.Phone, inv *stack.Request) *stack.Request {
	l.t.Helper()
	p.Send(inv)
	challenge := p.ExpectStatus(401, "INVITE")
	p.Ack(inv, challenge)
	inv = p.Again(inv)
	if err := p.Auth(inv, challenge); err != nil {
		l.t.Fatal(err)
	}
	p.Send(inv)
	return inv
}
