package playback

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A stream brings a listener a second of sound in a second, and so much ahead: enough for a player's buffer and for going back and forth, too little to take
// recordings away in a moment. The measure is the listener's, over all recordings and requests at once.
const (
	lead       = 30 * time.Second
	maxBudgets = 10_000
)

// pacer has the budgets of listeners.
type pacer struct {
	mu      sync.Mutex
	budgets map[string]*rate.Limiter // milliseconds of sound
	now     func() time.Time
}

// of is a listener's budget.
func (p *pacer) of(listener string) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.budgets[listener]; b != nil {
		return b
	}
	if len(p.budgets) >= maxBudgets {
		for who, b := range p.budgets {
			if b.TokensAt(p.now()) >= float64(lead.Milliseconds()) { // it is as if it were new
				delete(p.budgets, who)
			}
		}
	}
	b := rate.NewLimiter(rate.Limit(1000), int(lead.Milliseconds()))
	p.budgets[listener] = b
	return b
}
