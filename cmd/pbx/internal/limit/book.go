package limit

import (
	"slices"
	"sync"
	"time"

	"naisen/provisioning"
)

// The limits by name, as people are told.
const (
	Calls   = "calls"
	Foreign = "foreign_per_hour"
	Minutes = "minutes_per_day"
	Yen     = "yen_per_day"
)

// Payer is who an outside call counts for. With an empty extension it is the domain as a whole.
type Payer struct{ Domain, Extension string }

// Want is an outside call that asks to begin.
type Want struct {
	Call    string // the same call may ask again for another payer: a transfer, a forward
	Payer   Payer
	Foreign bool
	Price   int64 // thousandths of a yen per minute
	Dialled string
	Class   string
}

// Refusal says which limit of whom was reached. The zero value is no refusal.
type Refusal struct {
	Limit string
	Of    Payer
}

// Used is what a payer has used: now, in the last hour, and since midnight.
type Used struct {
	Calls   int
	Foreign int
	Talk    time.Duration
	Cost    int64 // thousandths of a yen, running calls included
}

// Refused is one refusal as it is remembered for people who ask why.
type Refused struct {
	At                    time.Time
	Dialled, Class, Limit string
}

// Due is a running call whose payer has nothing left.
type Due struct {
	Call    string
	Refusal Refusal
	First   bool // it was not due before
}

// BookConfig is what a Book asks.
type BookConfig struct {
	Clock func() time.Time
	// Midnight is when the payer's day began, at or before t. Pure: it is asked under the book's lock.
	Midnight func(domain string, t time.Time) time.Time
	// Terms are the limits in force: of the extension and of its domain. It is asked each time, so that a change is live at once.
	Terms func(Payer) (own, all provisioning.Limits)
}

// Book keeps what outside calls have cost, per extension and per domain. Its memory is bounded by the payers that exist and called today.
type Book struct {
	cfg      BookConfig
	mu       sync.Mutex
	accounts map[Payer]*account
	running  map[string][]*talk // by call
	afar     map[string]*talk   // of other nodes, by call
	swept    time.Time
}

// refusalsKept is how many refusals of a payer people can ask for.
const refusalsKept = 5

type account struct {
	midnight time.Time // of the day that talk and cost are of
	talk     time.Duration
	cost     int64
	foreign  window
	live     []*talk
	refused  []Refused // newest last
}

// talk is one outside call of one payer.
type talk struct {
	want     Want
	begun    time.Time
	answered time.Time // zero: not yet
	due      bool
	afar     bool // another node's: it is ended and settled there
}

// NewBook makes an empty book.
func NewBook(cfg BookConfig) *Book {
	return &Book{cfg: cfg, accounts: map[Payer]*account{}, running: map[string][]*talk{}, afar: map[string]*talk{}}
}

// Admit lets an outside call begin and counts it, or says which limit stands against it. The first minute is taken to be spent until the
// call ends: calls that begin together cannot share the last yen.
func (b *Book) Admit(w Want) Refusal {
	now := b.cfg.Clock()
	own, all := b.cfg.Terms(w.Payer)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	if r := b.stands(w, own, all, now); r.Limit != "" {
		b.refuse(w, r.Limit, now)
		return r
	}
	whole := Payer{Domain: w.Payer.Domain}
	t := &talk{want: w, begun: now}
	b.running[w.Call] = append(b.running[w.Call], t)
	for _, p := range []Payer{w.Payer, whole} {
		a := b.account(p, now)
		a.live = append(a.live, t)
		if w.Foreign {
			a.foreign.add(now)
		}
	}
	return Refusal{}
}

// Would tells what Admit would say, and counts nothing.
func (b *Book) Would(w Want) Refusal {
	now := b.cfg.Clock()
	own, all := b.cfg.Terms(w.Payer)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stands(w, own, all, now)
}

func (b *Book) stands(w Want, own, all provisioning.Limits, now time.Time) Refusal {
	whole := Payer{Domain: w.Payer.Domain}
	if limit := b.account(w.Payer, now).stands(own, w, now); limit != "" {
		return Refusal{limit, w.Payer}
	}
	return Refusal{b.account(whole, now).stands(all, w, now), whole}
}

// Refuse remembers a call that something else than a limit refused: rights.
func (b *Book) Refuse(w Want, why string) {
	now := b.cfg.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse(w, why, now)
}

func (b *Book) refuse(w Want, why string, now time.Time) {
	a := b.account(w.Payer, now)
	if len(a.refused) >= refusalsKept {
		a.refused = slices.Delete(a.refused, 0, 1)
	}
	a.refused = append(a.refused, Refused{now, w.Dialled, w.Class, why})
}

// stands names the limit that does not let w begin.
func (a *account) stands(l provisioning.Limits, w Want, now time.Time) string {
	within := func(limit int, used int64) bool { return limit == provisioning.Unlimited || used <= int64(limit) }
	used := a.used(now, true)
	switch {
	case !within(l.Calls, int64(used.Calls)+1):
		return Calls
	case w.Foreign && !within(l.ForeignPerHour, int64(used.Foreign)+1):
		return Foreign
	case !within(l.MinutesPerDay, int64((used.Talk+time.Minute)/time.Minute)):
		return Minutes
	case w.Price > 0 && !within(l.YenPerDay, (used.Cost+w.Price+999)/1000):
		return Yen
	}
	return ""
}

// used adds running calls to what was settled. reserve counts at least a minute of each.
func (a *account) used(now time.Time, reserve bool) Used {
	u := Used{Calls: len(a.live), Foreign: a.foreign.sum(now, 60), Talk: a.talk, Cost: a.cost}
	for _, t := range a.live {
		if t.afar && t.want.Foreign && now.Sub(t.begun) < time.Hour { // ours are in the window since they began, these since they ended
			u.Foreign++
		}
		d := t.since(a.midnight, now)
		if reserve {
			d = max(d, time.Minute)
		}
		u.Talk += d
		u.Cost += Cost(t.want.Price, d)
	}
	return u
}

// since is how long it has been talked today.
func (t *talk) since(midnight, until time.Time) time.Duration {
	if t.answered.IsZero() {
		return 0
	}
	from := t.answered
	if from.Before(t.begun) { // joined to a call that was answered long ago
		from = t.begun
	}
	if from.Before(midnight) {
		from = midnight
	}
	return max(0, until.Sub(from))
}

// Cost of talk in thousandths of a yen: every begun second counts.
func Cost(price int64, d time.Duration) int64 {
	seconds := int64((d + time.Second - 1) / time.Second)
	return (price*seconds + 59) / 60
}

// Answered tells when a call was answered: from then on it costs.
func (b *Book) Answered(call string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.running[call] {
		if t.answered.IsZero() {
			t.answered = at
		}
	}
}

// Move makes what runs under one call part of another: a transfer joined them. Each is settled once, with the second.
func (b *Book) Move(from, to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if talks := b.running[from]; len(talks) > 0 && from != to {
		b.running[to] = append(b.running[to], talks...)
		delete(b.running, from)
	}
}

// Spare takes a part of a call out again that Admit let begin and nobody answered: the last of that payer to that number. It costs nothing.
func (b *Book) Spare(w Want) {
	b.mu.Lock()
	defer b.mu.Unlock()
	talks := b.running[w.Call]
	for i := len(talks) - 1; i >= 0; i-- {
		t := talks[i]
		if t.want.Payer != w.Payer || t.want.Dialled != w.Dialled {
			continue
		}
		for _, p := range []Payer{w.Payer, {Domain: w.Payer.Domain}} {
			if a := b.accounts[p]; a != nil {
				a.live = slices.DeleteFunc(a.live, func(o *talk) bool { return o == t })
			}
		}
		if b.running[w.Call] = slices.Delete(talks, i, i+1); len(talks) == 1 {
			delete(b.running, w.Call)
		}
		return
	}
}

// Settle ends a call, answered or not, and gives back what was only reserved. It returns what the call cost since midnight, in thousandths
// of a yen. A call that the book does not know costs nothing.
func (b *Book) Settle(call string, answered, ended time.Time) (milliYen int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.running[call] {
		if t.answered.IsZero() || answered.IsZero() { // a call that turned out never to be answered is free
			t.answered = answered
		}
		for i, p := range []Payer{t.want.Payer, {Domain: t.want.Payer.Domain}} {
			a := b.account(p, ended)
			a.live = slices.DeleteFunc(a.live, func(o *talk) bool { return o == t })
			d := t.since(a.midnight, ended)
			c := Cost(t.want.Price, d)
			a.talk += d
			a.cost += c
			if i == 0 {
				milliYen += c
			}
		}
	}
	delete(b.running, call)
	return milliYen
}

// Restore counts a call that ended before this book began.
func (b *Book) Restore(p Payer, foreign bool, started, answered, ended time.Time, milliYen int64) {
	now := b.cfg.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range []Payer{p, {Domain: p.Domain}} {
		a := b.account(p, now)
		if foreign {
			a.foreign.past(started, now)
		}
		if !answered.IsZero() && ended.After(a.midnight) {
			if answered.Before(a.midnight) {
				answered = a.midnight
			}
			a.talk += max(0, ended.Sub(answered))
			a.cost += milliYen
		}
	}
}

// Running lists the calls in the book, to ask which of them were answered.
func (b *Book) Running() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]string, 0, len(b.running))
	for id := range b.running {
		out = append(out, id)
	}
	return out
}

// Due lists the running calls whose payer has no minutes or no money left. Free calls do not end for money.
func (b *Book) Due() (due []Due) {
	for _, p := range b.talking() {
		terms, all := b.cfg.Terms(p)
		if p.Extension == "" {
			terms = all
		}
		due = append(due, b.dueOf(p, terms)...)
	}
	return due
}

func (b *Book) talking() (out []Payer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, a := range b.accounts {
		if len(a.live) > 0 {
			out = append(out, p)
		}
	}
	return out
}

func (b *Book) dueOf(p Payer, terms provisioning.Limits) (due []Due) {
	now := b.cfg.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.account(p, now)
	u := a.used(now, false)
	for _, t := range a.live {
		limit := ""
		switch {
		case t.afar: // the node that has it looks itself
			continue
		case terms.MinutesPerDay != provisioning.Unlimited && u.Talk >= time.Duration(terms.MinutesPerDay)*time.Minute:
			limit = Minutes
		case t.want.Price > 0 && terms.YenPerDay != provisioning.Unlimited && u.Cost >= int64(terms.YenPerDay)*1000:
			limit = Yen
		default:
			continue
		}
		due = append(due, Due{t.want.Call, Refusal{limit, p}, !t.due})
		t.due = true
	}
	return due
}

// State is what a payer has used, and who was refused lately, newest first.
func (b *Book) State(p Payer) (Used, []Refused) {
	now := b.cfg.Clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.accounts[p] == nil {
		return Used{}, nil
	}
	a := b.account(p, now)
	refused := slices.Clone(a.refused)
	slices.Reverse(refused)
	return a.used(now, false), refused
}

// account opens a payer's account and begins a new day in it when midnight has passed.
func (b *Book) account(p Payer, now time.Time) *account {
	a := b.accounts[p]
	if a == nil {
		a = &account{}
		b.accounts[p] = a
	}
	if midnight := b.cfg.Midnight(p.Domain, now); midnight.After(a.midnight) {
		a.midnight, a.talk, a.cost = midnight, 0, 0
	}
	return a
}

// sweep forgets, once an hour, who has nothing running and nothing counted.
func (b *Book) sweep(now time.Time) {
	if now.Sub(b.swept) < time.Hour {
		return
	}
	b.swept = now
	for p, a := range b.accounts {
		a = b.account(p, now)
		if len(a.live) == 0 && a.talk == 0 && a.cost == 0 && a.foreign.sum(now, 60) == 0 {
			delete(b.accounts, p)
		}
	}
}
