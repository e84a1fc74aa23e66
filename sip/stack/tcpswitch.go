package stack

import (
	"net/netip"
	"time"
)

// A request above datagramRequest bytes leaves by TCP where that is possible (RFC 3261 section 18.1.1: 1,300 bytes where the path's MTU is
// not known). Responses of any size go out as they must: by the way their request came.
const (
	datagramRequest = 1300
	switchTime      = time.Second      // given to a connection that is made for the size of a request alone
	noTCPFor        = 10 * time.Minute // a peer that does not take TCP is not asked again so long
	maxNoTCP        = 1024
)

// mayTCP tells whether a request to a target on a UDP flow may go by TCP instead.
func (s *Stack) mayTCP(to Target, f *Flow) bool {
	if !to.OrTCP || f.reliable() {
		return false
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	until, ok := s.pool.noTCP[f.remote]
	if ok && time.Now().After(until) {
		delete(s.pool.noTCP, f.remote)
		ok = false
	}
	return !ok
}

// noTCP remembers that a peer does not take TCP.
func (s *Stack) noTCP(a netip.AddrPort) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if _, ok := s.pool.noTCP[a]; !ok && len(s.pool.noTCP) >= maxNoTCP {
		for other := range s.pool.noTCP { // any: it is asked once more, that is all
			delete(s.pool.noTCP, other)
			break
		}
	}
	s.pool.noTCP[a] = time.Now().Add(noTCPFor)
}

// overTCP sends the request over TCP, and over UDP after all when no connection comes about in time. Runs on the shard.
func (t *ClientTx) overTCP(udp *Flow) {
	t.udp = udp
	to := t.to
	to.Transport, to.Addr, to.Flow = "tcp", udp.remote, nil
	late := t.sh.after(switchTime, func() {
		if t.state == txProceeding && t.flow == nil {
			t.backToUDP()
		}
	})
	t.s.connect(to, func(f *Flow, err error) {
		t.sh.do(func() { // from whatever goroutine connected
			late.stop()
			switch {
			case t.state != txProceeding || t.flow != nil:
			case err != nil: // refused, or an ICMP error
				t.backToUDP()
			default:
				t.transmit(f)
			}
		})
	})
}

// backToUDP goes on without TCP, and remembers that it is of no use there.
func (t *ClientTx) backToUDP() {
	t.s.noTCP(t.udp.remote)
	t.transmit(t.udp)
}
