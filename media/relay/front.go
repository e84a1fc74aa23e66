package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/webrtc"
)

// front is the one UDP port of all browsers on one local address. It answers the first connectivity check of each by the ufrag in it; then the leg gets a
// socket of its own on the same port, connected to where the check came from, and the kernel tells the legs apart by that address. So a browser's voice
// runs over the shards like everybody's, without a lock or a look-up of ours, and DTLS from an address that passed no check ends here
// (threats.md F1, CVE-2023-49786). Before Linux 6.13 the kernel's own look-up grows with the legs of one port.
type front struct {
	at   netip.AddrPort
	conn *net.UDPConn
	done sync.WaitGroup

	strange atomic.Uint64 // datagrams that were no check of a leg of ours

	mu   sync.RWMutex // signalling's and this port's; no packet of voice passes here
	legs map[string]*endpoint
}

// openFront binds a port and serves it. Port 0: any that is free. The bind is exclusive, so that another program's port is not shared; what joins it
// afterwards are the legs' own sockets.
func openFront(at netip.AddrPort) (*front, error) {
	fd, err := listenUDP(at, expedited)
	if err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("relay: browsers' port: %w", err)
	}
	file := os.NewFile(uintptr(fd), "browsers")
	pc, err := net.FilePacketConn(file)
	_ = file.Close()
	if err != nil {
		return nil, fmt.Errorf("relay: browsers' port: %w", err)
	}
	f := &front{conn: pc.(*net.UDPConn), legs: map[string]*endpoint{}}
	f.at = netip.AddrPortFrom(at.Addr(), uint16(f.conn.LocalAddr().(*net.UDPAddr).Port))
	f.done.Go(f.serve)
	return f, nil
}

func (f *front) serve() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			f.handle(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// handle answers a check of a leg that lives here; anything else gets nothing, and a wrong password neither.
func (f *front) handle(pkt []byte, from netip.AddrPort) {
	c, err := webrtc.Read(pkt)
	if err != nil {
		f.strange.Add(1)
		return
	}
	f.mu.RLock()
	e := f.legs[c.Ours]
	f.mu.RUnlock()
	if e == nil {
		f.strange.Add(1)
		return
	}
	if answer := e.checked(c, from); answer != nil {
		_, _ = f.conn.WriteToUDPAddrPort(answer, from)
	}
}

// enter lets the checks with that ufrag reach a leg.
func (f *front) enter(ufrag string, e *endpoint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.legs[ufrag] = e
}

func (f *front) leave(ufrags ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range ufrags {
		delete(f.legs, u)
	}
}

func (f *front) close() {
	_ = f.conn.Close()
	f.done.Wait()
}

// connect makes a leg's own socket on the port.
func (f *front) connect(to netip.AddrPort, dscp int) (int, error) {
	fd, err := openUDP(f.at.Addr(), dscp)
	if err != nil {
		return -1, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
		if err = unix.Bind(fd, sockaddrOf(f.at)); err == nil {
			err = unix.Connect(fd, sockaddrOf(to))
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("relay: browser's socket: %w", err)
	}
	return fd, nil
}

// frontOn finds or opens the browsers' port of a local address. Engine.mu is held. Without a configured port it is one of the range for everybody.
func (e *Engine) frontOn(local netip.Addr) (*front, error) {
	if f := e.fronts[local]; f != nil {
		return f, nil
	}
	if e.cfg.BrowserPort != 0 {
		f, err := openFront(netip.AddrPortFrom(local, uint16(e.cfg.BrowserPort)))
		if err == nil {
			e.fronts[local] = f
		}
		return f, err
	}
	for range bindAttempts {
		i, ok := e.ports.take(e.Now()) // for as long as the engine lives
		if !ok {
			return nil, media.ErrNoPorts
		}
		f, err := openFront(netip.AddrPortFrom(local, uint16(e.ports.first+2*i)))
		if err == nil {
			e.fronts[local] = f
			return f, nil
		}
		e.ports.release(i, e.Now())
		if !taken(err) {
			return nil, err
		}
	}
	return nil, media.ErrNoPorts
}

func (e *Engine) closeFronts() {
	e.mu.Lock()
	all := e.fronts
	e.fronts = map[netip.Addr]*front{}
	e.mu.Unlock()
	for _, f := range all {
		f.close()
	}
}
