package traffic

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketBuffer is large so that a generator that is late loses nothing by itself.
const socketBuffer = 256 << 10

// openPair binds RTP on an even port and RTCP on the next one. RTCP is never read: reports of the switch end there.
func openPair(at netip.Addr) (rtp, rtcp, port int, err error) {
	for range 200 {
		if rtp, port, err = open(at, 0); err != nil {
			return -1, -1, 0, err
		}
		if port%2 == 0 {
			if rtcp, _, err = open(at, port+1); err == nil {
				return rtp, rtcp, port, nil
			}
		}
		_ = unix.Close(rtp)
	}
	return -1, -1, 0, fmt.Errorf("traffic: no pair of ports on %s", at)
}

func open(at netip.Addr, port int) (fd, bound int, err error) {
	if !at.Is4() {
		return -1, 0, fmt.Errorf("traffic: %s is not IPv4", at)
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, fmt.Errorf("traffic: socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: at.As4()})
	}
	var sa unix.Sockaddr
	if err == nil {
		sa, err = unix.Getsockname(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, 0, fmt.Errorf("traffic: bind: %w", err)
	}
	return fd, sa.(*unix.SockaddrInet4).Port, nil
}

// raw4 is an IPv4 address as the kernel takes it.
func raw4(to netip.AddrPort) unix.RawSockaddrInet4 {
	var port [2]byte
	binary.BigEndian.PutUint16(port[:], to.Port())
	return unix.RawSockaddrInet4{Family: unix.AF_INET, Port: binary.NativeEndian.Uint16(port[:]), Addr: to.Addr().Unmap().As4()}
}

func sendTo(fd int, pkt []byte, to *unix.RawSockaddrInet4) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&pkt[0])), uintptr(len(pkt)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(to)), unix.SizeofSockaddrInet4)
	return e
}

// inbox receives datagrams with the moment at which the kernel got them, so that the generator's own lateness is not counted.
type inbox struct {
	data    [2048]byte
	control [128]byte
	iov     unix.Iovec
	msg     unix.Msghdr
}

// receive gives the datagram's length and its arrival in wall nanoseconds.
func (b *inbox) receive(fd int) (n int, arrived int64, errno unix.Errno) {
	b.iov.Base = &b.data[0]
	b.iov.SetLen(len(b.data))
	b.msg.Iov, b.msg.Iovlen = &b.iov, 1
	b.msg.Control = &b.control[0]
	b.msg.SetControllen(len(b.control))
	r, _, e := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msg)), unix.MSG_DONTWAIT)
	if e != 0 {
		return 0, 0, e
	}
	const head = unix.SizeofCmsghdr
	c := b.control[:b.msg.Controllen]
	if len(c) >= head+16 && binary.NativeEndian.Uint32(c[8:]) == unix.SOL_SOCKET && binary.NativeEndian.Uint32(c[12:]) == unix.SO_TIMESTAMPNS {
		arrived = int64(binary.NativeEndian.Uint64(c[head:]))*1e9 + int64(binary.NativeEndian.Uint64(c[head+8:]))
	}
	return int(r), arrived, 0
}
