package relay

import (
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
	family := unix.AF_INET
	if at.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("relay: socket: %w", err)
	}
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp<<2)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	if err := unix.Bind(fd, sockaddrOf(at)); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("relay: bind: %w", err)
	}
	return fd, nil
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

// poller is one epoll set with an eventfd to wake it.
type poller struct{ epoll, wake int }

// wakeToken marks the eventfd among the events; endpoints carry their slot.
const wakeToken = -1

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("relay: epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(ep)
		return nil, fmt.Errorf("relay: eventfd: %w", err)
	}
	p := &poller{ep, wake}
	if err := p.add(wake, wakeToken, 0); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// add watches fd. Level-triggered: one read per event needs no second read to see the end, and a flooded socket takes its turn.
func (p *poller) add(fd int, slot, channel int32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot, Pad: channel}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("relay: epoll add: %w", err)
	}
	return nil
}

func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil) }

// signal wakes wait; safe from any goroutine while the poller is open.
func (p *poller) signal() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.wake, one[:])
}

// drain empties the eventfd.
func (p *poller) drain() {
	var b [8]byte
	_, _ = unix.Read(p.wake, b[:])
}

// wait blocks for at most ms milliseconds; a negative ms blocks until something happens.
func (p *poller) wait(events []unix.EpollEvent, ms int) int {
	n, err := unix.EpollWait(p.epoll, events, ms)
	if err != nil { // EINTR: the loop comes round again
		return 0
	}
	return n
}

func (p *poller) close() {
	_ = unix.Close(p.wake)
	_ = unix.Close(p.epoll)
}
