package relay

import (
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// many are the arguments of recvmmsg or sendmmsg, each datagram in its own buffer.
type many struct {
	hdrs []mmsghdr
	iovs []unix.Iovec
	at   []unix.RawSockaddrInet4
	bufs [][]byte
}

func newMany(n, size int) *many {
	m := &many{hdrs: make([]mmsghdr, n), iovs: make([]unix.Iovec, n), at: make([]unix.RawSockaddrInet4, n), bufs: make([][]byte, n)}
	for i := range m.hdrs {
		m.bufs[i] = make([]byte, size)
		m.iovs[i].Base = &m.bufs[i][0]
		m.iovs[i].SetLen(size)
		h := &m.hdrs[i].hdr
		h.Iov, h.Iovlen = &m.iovs[i], 1
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&m.at[i])), unix.SizeofSockaddrInet4
	}
	return m
}

func (m *many) call(trap uintptr, fd, n int) int {
	r, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(r)
}

// BenchmarkSharedPort is the floor of the other way, one port for many legs: the kernel's send and receive of packets of 24 legs, a batch of which is
// received from one socket by one call and sent from it by another. Beside BenchmarkUDPLoop, which is the floor of a socket for each leg, and
// BenchmarkUDPLoopColdLegs, which is that floor with as many legs as a shard has, it says what the calls themselves cost.
func BenchmarkSharedPort(b *testing.B) {
	const legs = 24
	in, at := benchSocket(b)
	_ = unix.SetsockoptInt(in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
	out := newMany(legs, 182)
	for i := range out.at {
		out.at[i] = *(*unix.RawSockaddrInet4)(unsafe.Pointer(&addressPointer(at).raw))
	}
	back := newMany(legs, 2048)
	b.ReportAllocs()
	for done := 0; done < b.N; done += legs {
		if n := out.call(unix.SYS_SENDMMSG, in, legs); n != legs {
			b.Fatalf("sent %d", n)
		}
		if n := back.call(unix.SYS_RECVMMSG, in, legs); n != legs {
			b.Fatalf("received %d", n)
		}
	}
}

// BenchmarkUDPLoopColdLegs sends and receives on 400 pairs of sockets in turn, so that no leg's is in the processor's first caches.
func BenchmarkUDPLoopColdLegs(b *testing.B) {
	const legs = 400
	var from, to [legs]int
	var at [legs]address
	for i := range legs {
		from[i], _ = benchSocket(b)
		fd, a := benchSocket(b)
		to[i], at[i] = fd, addressOf(a)
	}
	var src address
	pkt, buf := make([]byte, 182), make([]byte, 2048)
	b.ReportAllocs()
	for i := 0; b.Loop(); i = (i + 1) % legs {
		if errno := send(from[i], pkt, &at[i]); errno != 0 {
			b.Fatal(errno)
		}
		if _, errno := receive(to[i], buf, &src); errno != 0 {
			b.Fatal(errno)
		}
	}
}

func addressPointer(at netip.AddrPort) *address {
	a := addressOf(at)
	return &a
}

func benchSocket(b *testing.B) (int, netip.AddrPort) {
	b.Helper()
	fd, err := listenUDP(netip.MustParseAddrPort("127.0.0.1:0"), expedited)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(fd) })
	sa, err := unix.Getsockname(fd)
	if err != nil {
		b.Fatal(err)
	}
	return fd, netip.AddrPortFrom(loopback, uint16(sa.(*unix.SockaddrInet4).Port))
}
