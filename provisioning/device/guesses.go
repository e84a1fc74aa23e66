package device

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of what is wrong before it is told to wait and an operator is told. A right code is never refused for that: it has 130 random bits, and a telephone
// may stand behind the address of who guesses.
const (
	guessesOfOne = 20 // of one address, or /64, at once
	guessesOfAll = 200
	guessRest    = time.Minute // after which one more is looked at as if nothing had been
	maxGuessers  = 4096
)

// guesses counts them. The zero value is ready.
type guesses struct {
	mu   sync.Mutex
	all  *rate.Limiter
	each map[netip.Addr]*rate.Limiter
}

// wrong counts one and tells whether its address, or everybody together, was wrong too often.
func (g *guesses) wrong(from netip.Addr, now time.Time) bool {
	if p, err := from.Prefix(64); err == nil && from.Is6() { // what one attacker has
		from = p.Addr()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil || len(g.each) >= maxGuessers { // a flood of addresses gets new tries, not our memory: all of them count together
		g.each = map[netip.Addr]*rate.Limiter{}
	}
	if g.all == nil {
		g.all = rate.NewLimiter(rate.Every(guessRest/guessesOfAll), guessesOfAll)
	}
	l := g.each[from]
	if l == nil {
		l = rate.NewLimiter(rate.Every(guessRest), guessesOfOne)
		g.each[from] = l
	}
	one, all := l.AllowN(now, 1), g.all.AllowN(now, 1)
	return !one || !all
}
