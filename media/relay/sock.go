package relay

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiveBuffer is SO_RCVBUF of each socket: about two seconds of G.711 by the kernel's accounting,
// so that a short stall loses nothing and a flood stays in the kernel.
const receiveBuffer = 64 << 10

// address is a socket address as the kernel writes it, so that no packet allocates one.
type address struct {
	raw unix.RawSockaddrInet6 // large enough for both families
	len uint32
}

// listenUDP opens a bound, non-blocking socket. Priority and buffer are best effort: a container may refuse them.
func listenUDP(at netip.AddrPort, dscp int) (int, error) {
	fd, err := openUDP(at.Addr(), dscp)
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, sockaddrOf(at)); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("relay: bind: %w", err)
	}
	return fd, nil
}

// openUDP is a socket that is not bound yet.
func openUDP(at netip.Addr, dscp int) (int, error) {
	family := unix.AF_INET
	if at.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("relay: socket: %w", err)
	}
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	markUDP(fd, family == unix.AF_INET6, dscp)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	return fd, nil
}

// expedited is the DSCP of voice (RFC 3246, RFC 4594 section 4.1).
const expedited = 46

// marking is the DSCP of a leg's packets: what its trunk wants, then what the class of numbers wants.
func marking(trunk, class int) int { return cmp.Or(trunk&63, class&63, expedited) }

// markUDP gives a socket's packets a DSCP.
func markUDP(fd int, v6 bool, dscp int) {
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp<<2)
}

// Mark implements media.Marker.
func (e *endpoint) Mark(class int) {
	dscp := marking(e.traits.dscp, class)
	if e.closing.Load() || e.web.dscp.Swap(int32(dscp)) == int32(dscp) {
		return
	}
	v6 := e.traits.local.Unmap().Is6()
	e.command(func(_ *shard, e *endpoint, _ int64) {
		if e.leg.gone {
			return
		}
		for _, fd := range []int{e.socks.rtp, e.socks.rtcp} {
			if fd >= 0 {
				markUDP(fd, v6, dscp)
			}
		}
	})
}

func sockaddrOf(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
}

// addressOf converts an address for send; an IPv4 address mapped into IPv6 becomes IPv4.
func addressOf(ap netip.AddrPort) address {
	var a address
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], ap.Port())
	a.raw.Port = binary.NativeEndian.Uint16(port[:])
	if ip := ap.Addr().Unmap(); ip.Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw))
		v4.Family, v4.Addr = unix.AF_INET, ip.As4()
		a.len = unix.SizeofSockaddrInet4
	} else {
		a.raw.Family, a.raw.Addr = unix.AF_INET6, ip.As16()
		a.len = unix.SizeofSockaddrInet6
	}
	return a
}

// addrPort converts what recvfrom wrote; the zero AddrPort if it is neither family.
func (a *address) addrPort() netip.AddrPort {
	var port [2]byte
	binary.NativeEndian.PutUint16(port[:], a.raw.Port)
	p := binary.BigEndian.Uint16(port[:])
	switch a.raw.Family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&a.raw)).Addr), p)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.raw.Addr).Unmap(), p)
	}
	return netip.AddrPort{}
}

// receive reads one datagram without blocking. n is the datagram's true length, which may exceed len(buf) (MSG_TRUNC).
// The raw system call is on purpose: it returns at once, so telling the Go scheduler would only cost (measured: see BenchmarkUDPLoop).
func receive(fd int, buf []byte, from *address) (n int, errno unix.Errno) {
	from.len = unix.SizeofSockaddrInet6
	r, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&from.raw)), uintptr(unsafe.Pointer(&from.len)))
	return int(r), e
}

// send writes one datagram without blocking.
func send(fd int, pkt []byte, to *address) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&pkt[0])), uintptr(len(pkt)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to.raw)), uintptr(to.len))
	return e
}
