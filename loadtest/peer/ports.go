package peer

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Ports for what tests start lie below those that the kernel gives to whoever asks for any port (32768 and up), and beside those of the
// switch's media (20000 to 29999): a port that was free when it was looked up cannot be taken by a passing connection before its program binds it.
const (
	firstPort, lastPort = 15000, 20000
	firstRTP, rtpBlock  = 10000, 20 // one block for each phone
	rtpBlocks           = (firstPort - firstRTP) / rtpBlock
)

// FreePort finds an even port that is free for UDP and TCP on addr, as its next one is. No process of the tests gets it again as long as this one lives.
func FreePort(addr string) (int, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return 0, err
	}
	pairs := (lastPort - firstPort) / 2
	start := rand.IntN(pairs)
	for i := range pairs {
		port := firstPort + (start+i)%pairs*2
		if reserve(fmt.Sprintf("port/%s/%d", ip, port)) && free(ip, port) && free(ip, port+1) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("peer: no free port on %s", addr)
}

// rtpPorts finds a range of ports that no other phone of the tests uses on addr.
func rtpPorts(addr string) (first, last int, err error) {
	start := rand.IntN(rtpBlocks)
	for i := range rtpBlocks {
		first = firstRTP + (start+i)%rtpBlocks*rtpBlock
		if reserve(fmt.Sprintf("rtp/%s/%d", addr, first)) {
			return first, first + rtpBlock - 1, nil
		}
	}
	return 0, 0, fmt.Errorf("peer: no free RTP ports on %s", addr)
}

// reserve takes a name among all processes of this machine until this process ends: a socket that nobody connects to. Its descriptor is
// meant to stay open, so no Go value owns it.
func reserve(name string) bool {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: "@naisen-test/" + name}); err != nil {
		_ = syscall.Close(fd)
		return false
	}
	return true
}

func free(ip netip.Addr, port int) bool {
	at := net.JoinHostPort(ip.String(), strconv.Itoa(port))
	l, err := net.Listen("tcp", at)
	if err != nil {
		return false
	}
	_ = l.Close()
	u, err := net.ListenPacket("udp", at)
	if err != nil {
		return false
	}
	return u.Close() == nil
}
