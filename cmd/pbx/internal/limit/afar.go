package limit

import (
	"slices"
	"time"
)

// Afar counts a call that runs at another node, as it is known now: it takes a place and spends, and is ended and settled there. What it came to is told by
// Restore.
func (b *Book) Afar(w Want, begun, answered time.Time) {
	now := b.cfg.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over(w.Call)
	t := &talk{want: w, begun: begun, answered: answered, afar: true}
	b.afar[w.Call] = t
	for _, p := range []Payer{w.Payer, {Domain: w.Payer.Domain}} {
		a := b.account(p, now)
		a.live = append(a.live, t)
	}
}

// AfarOver forgets a call of another node that is over.
func (b *Book) AfarOver(call string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over(call)
}

// over is AfarOver with mu held.
func (b *Book) over(call string) {
	t := b.afar[call]
	if t == nil {
		return
	}
	delete(b.afar, call)
	for _, p := range []Payer{t.want.Payer, {Domain: t.want.Payer.Domain}} {
		if a := b.accounts[p]; a != nil {
			a.live = slices.DeleteFunc(a.live, func(o *talk) bool { return o == t })
		}
	}
}
