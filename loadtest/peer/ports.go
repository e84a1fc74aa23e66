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

	firstMedia, mediaBlock = 30000, 150 // one block for each switch that is to have ports of its own
	mediaBlocks            = (32768 - firstMedia) / mediaBlock
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
	return block("rtp/"+addr, firstRTP, rtpBlock, rtpBlocks)
}

// MediaPorts finds a range of ports for the media of one switch on this machine, which no other switch gets as long as this process of the tests lives:
// telephones speak on to the ports of one that was killed, and another one would take them for its own.
func MediaPorts() (first, last int, err error) {
	return block("media", firstMedia, mediaBlock, mediaBlocks)
}

// block reserves one of n ranges of so many ports.
func block(name string, from, size, n int) (first, last int, err error) {
	start := rand.IntN(n)
	for i := range n {
		first = from + (start+i)%n*size
		if reserve(fmt.Sprintf("%s/%d", name, first)) {
			return first, first + size - 1, nil
		}
	}
	return 0, 0, fmt.Errorf("peer: no free ports: %s", name)
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
