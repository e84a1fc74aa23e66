package stack

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	maxDatagram   = 65535
	udpReadBuffer = 4 << 20 // bytes asked of the kernel, so that a burst of registrations is queued there
)

// packetListener is one UDP socket of ours.
type packetListener struct {
	s    *Stack
	pc   net.PacketConn
	addr netip.AddrPort // actual
}

// serve reads until the socket is closed. No read error ends it: a listener that died silently is a switch that is deaf.
func (l *packetListener) serve() {
	buf := make([]byte, maxDatagram)
	backoff := time.Duration(0)
	for {
		n, from, err := l.read(buf)
		if err != nil {
			if l.s.closing() || errors.Is(err, net.ErrClosed) {
				return
			}
			if backoff = min(max(2*backoff, time.Millisecond), time.Second); backoff > 100*time.Millisecond {
				l.s.log.Warn("sip udp read", "local", l.addr, "err", err)
			}
			if !l.s.pause(backoff) {
				return
			}
			continue
		}
		backoff = 0
		if from.IsValid() {
			l.s.guard(func() { l.packet(buf[:n], from) })
		}
	}
}

func (l *packetListener) read(buf []byte) (int, netip.AddrPort, error) {
	if u, ok := l.pc.(*net.UDPConn); ok {
		n, from, err := u.ReadFromUDPAddrPort(buf)
		return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
	}
	n, from, err := l.pc.ReadFrom(buf)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, addrPort(from), nil
}

// addrPort converts what an in-memory network gives.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	default:
		if a != nil {
			ap, _ = netip.ParseAddrPort(a.String())
		}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// packet tells SIP from what else arrives on a SIP port (RFC 5626 sections 4.4 and 5.4).
func (l *packetListener) packet(b []byte, from netip.AddrPort) {
	if isKeepalive(b) {
		return
	}
	if isSTUN(b) {
		l.stun(b, from)
		return
	}
	l.s.datagram(b, &Flow{transport: "udp", local: l.addr, remote: from, udp: l})
}

// isKeepalive: CRLFs, or the handful of arbitrary bytes that some phones send to hold a NAT binding open.
func isKeepalive(b []byte) bool {
	if len(b) <= 4 {
		return true
	}
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}

// send writes one datagram of any size: the limit of RFC 3261 section 18.1.1 is for requests that have a choice of transport.
func (l *packetListener) send(b []byte, to netip.AddrPort) error {
	var err error
	if u, ok := l.pc.(*net.UDPConn); ok {
		if mark := marking(to.Addr(), l.s.peer(to.Addr()).DSCP); mark != nil {
			_, _, err = u.WriteMsgUDPAddrPort(b, mark, to)
		} else {
			_, err = u.WriteToUDPAddrPort(b, to)
		}
	} else {
		_, err = l.pc.WriteTo(b, net.UDPAddrFromAddrPort(to))
	}
	if err != nil {
		return ErrTransport
	}
	l.s.stats.sent.Add(1)
	return nil
}

func (s *Stack) peer(a netip.Addr) PeerStyle {
	if s.cfg.Peer == nil {
		return PeerStyle{}
	}
	return s.cfg.Peer(a)
}
