package book

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// WrongSecrets is how many wrong secrets one address, or all who try one account, may send at once; one more each minute.
	WrongSecrets = 10
	maxGuessers  = 4096 // addresses and accounts whose wrong secrets are remembered
)

// Guesses counts the wrong secrets of telephones' accounts, by whatever way they come. A right secret is not asked about here: it has 128
// random bits, and a telephone with an old one may stand behind the same address. The zero value is ready; safe for concurrent use.
type Guesses struct {
	mu    sync.Mutex
	wrong map[guesser]*rate.Limiter
}

// guesser is an address, or an account by its hash: a name of any length takes the same room.
type guesser struct {
	from    netip.Addr
	account [sha256.Size]byte
}

// Wrong counts a wrong secret and tells whether its address, or all who tried that account, were wrong too often.
func (g *Guesses) Wrong(from netip.Addr, domain, account string) (tooOften bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.may(guesser{from: from}) || !g.may(guesser{account: sha256.Sum256([]byte(domain + "\n" + account))})
}

// may takes one of the guesses that are left. Called with mu held.
func (g *Guesses) may(who guesser) bool {
	l := g.wrong[who]
	if l == nil {
		if len(g.wrong) >= maxGuessers || g.wrong == nil {
			g.wrong = map[guesser]*rate.Limiter{} // a flood of addresses gets new tries, not our memory
		}
		l = rate.NewLimiter(rate.Every(time.Minute), WrongSecrets)
		g.wrong[who] = l
	}
	return l.Allow()
}
