package relay

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
)

// ports hands out pairs: an even RTP port and the odd RTCP port above it (RFC 3550 section 11).
// The choice is random, so that a stranger cannot guess the next call's port. A released pair rests for a while, so that late packets of one call
// never reach another, and is not chosen for longer while there are others: a telephone that was not told of its call's end speaks on.
type ports struct {
	mu    sync.Mutex
	first int
	rest  time.Duration
	busy  []bool  // by pair
	until []int64 // by pair: monotonic nanoseconds before which it rests
	used  int
}

func newPorts(low, high int, rest time.Duration) *ports {
	low += low & 1
	n := max(0, (high-low+1)/2)
	return &ports{first: low, rest: rest, busy: make([]bool, n), until: make([]int64, n)}
}

// preferred is how long a pair has been free that is as good as one that was never used; of others the one that was released first is taken.
const preferred = 2 * time.Minute

// take reserves a pair that neither is in use nor rests; false if there is none.
func (p *ports) take(now int64) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.busy)
	if n == 0 {
		return 0, false
	}
	best := -1
	for k, i := 0, rand.IntN(n); k < n; k, i = k+1, (i+1)%n {
		if p.busy[i] || p.until[i] > now || best >= 0 && p.until[i] >= p.until[best] {
			continue
		}
		if best = i; p.until[i] == 0 || now-p.until[i] >= int64(preferred) {
			break
		}
	}
	if best < 0 {
		return 0, false
	}
	p.busy[best] = true
	p.used++
	return best, true
}

func (p *ports) release(pair int, now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy[pair] = false
	p.until[pair] = now + int64(p.rest)
	p.used--
}

func (p *ports) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// bindAttempts bounds how many pairs are tried when other programs hold ports of our range.
const bindAttempts = 64

// pair is two bound sockets.
type pair struct {
	index     int
	rtp, rtcp int // file descriptors
	port      int // of RTP
}

// open binds a fresh pair on an address. ErrNoPorts if none is left.
func (p *ports) open(at netip.Addr, dscp int, now int64) (pair, error) {
	for range bindAttempts {
		i, ok := p.take(now)
		if !ok {
			return pair{}, media.ErrNoPorts
		}
		port := p.first + 2*i
		rtp, err := listenUDP(netip.AddrPortFrom(at, uint16(port)), dscp)
		if err == nil {
			var rtcp int
			if rtcp, err = listenUDP(netip.AddrPortFrom(at, uint16(port+1)), dscp); err == nil {
				return pair{i, rtp, rtcp, port}, nil
			}
			_ = unix.Close(rtp)
		}
		p.release(i, now)
		if !taken(err) {
			return pair{}, err
		}
	}
	return pair{}, media.ErrNoPorts
}

// close releases both sockets at once and lets the ports rest.
func (p *ports) close(s pair, now int64) {
	for _, fd := range []int{s.rtp, s.rtcp} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	if s.index >= 0 { // a browser's leg has none
		p.release(s.index, now)
	}
}

// taken: another program has the port, or an earlier socket of ours lingers.
func taken(err error) bool {
	return errors.Is(err, unix.EADDRINUSE) || errors.Is(err, unix.EACCES)
}
