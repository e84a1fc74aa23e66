package stack

import (
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	keepAliveEvery = 30 * time.Second
	unackedTime    = 4500 * time.Millisecond // a phone that vanished without FIN fails over within 5 s (threats.md D10)
)

// tuneSocket lets the kernel notice a dead peer. A connection that is not TCP, as in tests, is left alone.
func tuneSocket(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepAliveEvery, Interval: keepAliveEvery, Count: 3})
	rc, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = rc.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTime/time.Millisecond))
	})
}

// widen asks for a receive buffer of so many bytes: as root past net.core.rmem_max, else as far as that allows (socket(7)).
func widen(u *net.UDPConn, bytes int) {
	_ = u.SetReadBuffer(bytes)
	if rc, err := u.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && got < 2*bytes { // the kernel tells twice what it was asked
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes)
			}
		})
	}
}

// meminfoDrops is where SO_MEMINFO tells how many datagrams found the buffer full (linux/sock_diag.h: SK_MEMINFO_DROPS).
const meminfoDrops = 8

// kernelDropped counts what the kernel dropped before we read it; 0 of what is no socket.
func kernelDropped(c any) (n uint64) {
	u, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	rc, err := u.SyscallConn()
	if err != nil {
		return 0
	}
	_ = rc.Control(func(fd uintptr) {
		var info [meminfoDrops + 1]uint32
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 && size == uint32(unsafe.Sizeof(info)) {
			n = uint64(info[meminfoDrops])
		}
	})
	return n
}
