package stack

import (
	"fmt"
	"net/netip"
	"strings"

	"naisen/sip"
)

// place is a listener with the name by which it is known outside.
type place struct {
	Listen             // Addr is the actual one
	host        string // of Via and Contact
	port        int
	packet      *packetListener // nil on a stream
	defaultPort int
}

// newPlace works out the advertised name. Without a port in it, it is that of the listener, left out when it is the transport's own.
func newPlace(l Listen, actual netip.AddrPort) (*place, error) {
	p := &place{Listen: l, host: actual.Addr().WithZone("").String(), port: int(actual.Port()), defaultPort: 5060}
	p.Addr = actual
	switch l.Transport {
	case "tls":
		p.defaultPort = 5061
	case "wss":
		p.defaultPort = 443 // RFC 7118 section 6
	}
	if l.Advertise != "" {
		host, port, err := sip.ParseHostPort(l.Advertise)
		if err != nil {
			return nil, fmt.Errorf("stack: advertise %q: %w", l.Advertise, err)
		}
		if p.host = host; port != 0 {
			p.port = port
		} else if p.port == p.defaultPort {
			p.port = 0
		}
	}
	return p, nil
}

// listenFor picks the listener that a request to remote leaves from: the one with the wanted address, else one of the same family,
// where loopback only talks to loopback. Nil when none fits.
func (s *Stack) listenFor(transport string, local, remote netip.Addr) *place {
	var second *place
	for _, p := range s.places {
		a := p.Addr.Addr()
		if p.Transport != transport || local.IsValid() && a != local || remote.IsValid() && a.Is4() != remote.Is4() {
			continue
		}
		if !remote.IsValid() || a.IsLoopback() == remote.IsLoopback() {
			return p
		}
		if second == nil {
			second = p
		}
	}
	return second
}

func (s *Stack) packetFor(to Target) *packetListener {
	if p := s.listenFor("udp", to.Local, to.Addr.Addr()); p != nil {
		return p.packet
	}
	return nil
}

// placeOf finds the listener of a flow. On a connection that we dialled it is the one that the peer could connect back to, if any.
func (s *Stack) placeOf(f *Flow) *place {
	for _, p := range s.places {
		if p.Transport == f.transport && p.Addr == f.local {
			return p
		}
	}
	if f.conn != nil && f.conn.dialed != nil {
		return s.listenFor(f.transport, f.local.Addr(), f.remote.Addr())
	}
	return nil
}

// address is what to write into Via and Contact for a flow.
func (s *Stack) address(f *Flow) (host string, port int) {
	if p := s.placeOf(f); p != nil {
		return p.host, p.port
	}
	return f.local.Addr().WithZone("").String(), int(f.local.Port())
}

// via makes our Via, asking for rport (RFC 3581).
func (s *Stack) via(f *Flow, branch, advertise string) Via {
	v := Via{Transport: strings.ToUpper(f.transport)}
	if v.Host, v.Port = s.address(f); advertise != "" {
		if host, port, err := sip.ParseHostPort(advertise); err == nil {
			v.Host, v.Port = host, port
		}
	}
	v.Params = sip.Params{{Name: "branch", Value: branch}, {Name: "rport", Flag: true}}
	return v
}

func paramReceived(source string) sip.Param { return sip.Param{Name: "received", Value: source} }

// Contact is the URI by which a peer on this flow or target reaches us: the target's or the listener's advertised name if there is one,
// with ;transport= on TCP, TLS and WebSocket.
func (s *Stack) Contact(user string, to Target) sip.URI {
	u := sip.URI{Scheme: "sip", User: user}
	transport := to.Transport
	if to.Flow != nil {
		transport = to.Flow.transport
		u.Host, u.Port = s.address(to.Flow)
	} else {
		if transport == "" {
			transport = "udp"
		}
		p := s.listenFor(transport, to.Local, to.Addr.Addr())
		if p == nil && len(s.places) > 0 {
			p = s.places[0] // nothing better: at least an address of ours
		}
		if p != nil {
			u.Host, u.Port, transport = p.host, p.port, p.Transport
		}
	}
	if host, port, err := sip.ParseHostPort(to.Advertise); to.Advertise != "" && err == nil {
		u.Host, u.Port = host, port
	}
	if transport == "wss" {
		transport = "ws" // RFC 7118 section 5.2.1: there is one name for both
	}
	if transport == "tcp" || transport == "tls" || transport == "ws" {
		u.Params = sip.Params{{Name: "transport", Value: transport}}
	}
	return u
}

// Flow makes the UDP flow from one of our listeners to remote, so that a registrar can rebuild it after a restart. Nil unless
// transport is "udp" and local is one of our UDP listeners; the zero AddrPort takes the first that can reach remote.
func (s *Stack) Flow(transport string, local, remote netip.AddrPort) *Flow {
	if transport != "udp" || !remote.IsValid() {
		return nil
	}
	var l *packetListener
	if !local.IsValid() {
		l = s.packetFor(Target{Addr: remote})
	}
	for _, p := range s.places {
		if l == nil && p.packet != nil && p.Addr == local {
			l = p.packet
		}
	}
	if l == nil {
		return nil
	}
	return &Flow{transport: "udp", local: l.addr, remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()), udp: l}
}

// LocalAddrs are the listeners in the order of Config.Listen, with their actual ports.
func (s *Stack) LocalAddrs() []Listen {
	out := make([]Listen, len(s.places))
	for i, p := range s.places {
		out[i] = p.Listen
	}
	return out
}

// Keepalive sends a CRLF CRLF ping on the flow (RFC 5626 section 3.5.1). ErrFlowGone when it is dead.
func (s *Stack) Keepalive(f *Flow) error { return f.write([]byte("\r\n\r\n")) }

// Own tells whether an address is one of our listeners: whatever is sent there comes back.
func (s *Stack) Own(a netip.AddrPort) bool {
	for _, p := range s.places {
		if p.Addr == a {
			return true
		}
	}
	return false
}
