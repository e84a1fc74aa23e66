package relay

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"
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

// poller is one epoll set with an eventfd to wake it. The set itself is watched by Go's own poller, so that an idle loop is a parked
// goroutine: a thread of its own that sleeps in epoll_wait would be taken from its processor by the scheduler at each wait
// (measured at 20 calls: 61-98 µs of CPU a packet that way, see loadtest/callgen).
type poller struct {
	epoll, wake int
	file        *os.File // the epoll set, as Go's poller knows it
	raw         syscall.RawConn
	until       time.Time // the deadline that is set

	// One wait's arguments and result, here so that the closure is made once.
	events []unix.EpollEvent
	got    int
	look   func(fd uintptr) bool
}

// wakeToken marks the eventfd among the events; endpoints carry their slot.
const wakeToken = -1

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("relay: epoll: %w", err)
	}
	if err := unix.SetNonblock(ep, true); err != nil { // else os.NewFile would not watch it
		_ = unix.Close(ep)
		return nil, fmt.Errorf("relay: epoll: %w", err)
	}
	p := &poller{epoll: ep, file: os.NewFile(uintptr(ep), "epoll")}
	if p.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		_ = p.file.Close()
		return nil, fmt.Errorf("relay: eventfd: %w", err)
	}
	if p.raw, err = p.file.SyscallConn(); err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // fails if Go's poller does not watch it
	}
	if err == nil {
		err = p.add(p.wake, wakeToken, 0)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("relay: poller: %w", err)
	}
	p.look = func(uintptr) bool {
		p.got = p.poll(p.events)
		return p.got > 0
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

// poll looks without waiting.
func (p *poller) poll(events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 { // EINTR: the loop comes round again
		return 0
	}
	return int(n)
}

// wait gives the sockets that are ready, parking until there is one or until the deadline.
func (p *poller) wait(events []unix.EpollEvent, until time.Time) int {
	if !until.Equal(p.until) {
		p.until = until
		_ = p.file.SetReadDeadline(until)
	}
	p.events, p.got = events, 0
	_ = p.raw.Read(p.look) // an error is the deadline: nothing is ready
	return p.got
}

func (p *poller) close() {
	_ = unix.Close(p.wake)
	_ = p.file.Close()
}
