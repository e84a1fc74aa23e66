package siptest

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// sent is a packet whose fate is decided when its instant is over: only then is it known what else was sent at that instant.
type sent struct {
	from, to netip.AddrPort
	data     []byte
	at       time.Time
	arrive   func(time.Duration) // called for each copy with the time from now until it arrives
	looks    string              // what it is, without what is drawn at random: tags, branches, Call-IDs, bodies
	callID   string
	dice     *rand.Rand
}

// send takes a packet. Virtual time goes on only when every goroutine waits, so one nanosecond later all packets of this instant are here.
func (n *Network) send(from, to netip.AddrPort, b []byte, arrive func(time.Duration)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if len(n.batch) > 0 && !n.batch[0].at.Equal(now) { // outside a bubble time does not wait
		n.settle()
	}
	p := &sent{from: from, to: to, data: b, at: now, arrive: arrive}
	p.look()
	n.batch = append(n.batch, p)
	if len(n.batch) == 1 {
		time.AfterFunc(time.Nanosecond, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.settle()
		})
	}
}

// settle decides the fates of the packets of one instant. Called with mu held.
func (n *Network) settle() {
	batch := n.batch
	n.batch = nil
	n.deal(batch)
	for _, p := range batch { // a link without jitter keeps the order in which they were sent
		for _, d := range n.journey(p) {
			p.arrive(d - time.Since(p.at))
		}
	}
}

// deal gives each packet its dice. They depend on what it is and when, not on which goroutine sent first of those that ran at this
// instant: so a history replays exactly. Packets that look alike are told apart by which of their calls was seen first.
func (n *Network) deal(batch []*sent) {
	order := slices.Clone(batch)
	slices.SortStableFunc(order, func(a, b *sent) int {
		return cmp.Or(strings.Compare(a.looks, b.looks), cmp.Compare(n.age(a), n.age(b)))
	})
	alike := uint64(0)
	for i, p := range order {
		if i == 0 || order[i-1].looks != p.looks {
			alike = 0
		}
		alike++
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s", p.at.Sub(n.start), p.looks)
		k := h.Sum64()
		p.dice = rand.New(rand.NewPCG(n.seed+alike, k))
		if _, ok := n.known[p.callID]; !ok {
			n.calls++
			n.known[p.callID] = n.calls
		}
	}
}

// age is the place of a packet's call among all; new ones come last.
func (n *Network) age(p *sent) int {
	if i, ok := n.known[p.callID]; ok {
		return i
	}
	return n.calls + 1
}

// look reads what the dice depend on.
func (p *sent) look() {
	line, rest, _ := bytes.Cut(p.data, []byte("\r\n"))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", p.from, p.to, line)
	for _, name := range []string{"From: ", "To: ", "CSeq: "} {
		v, _, _ := bytes.Cut(field(rest, name), []byte(";tag="))
		fmt.Fprintf(&b, " %s", v)
	}
	p.looks, p.callID = b.String(), string(field(rest, "Call-ID: "))
}

// field is the value of the first header of that name, but for the very first line's.
func field(rest []byte, name string) []byte {
	_, v, _ := bytes.Cut(rest, []byte("\r\n"+name))
	v, _, _ = bytes.Cut(v, []byte("\r\n"))
	return v
}

// journey gives a delay per copy, none if the packet is lost. It records what the packet was. Called with mu held.
func (n *Network) journey(p *sent) []time.Duration {
	key := [2]netip.Addr{p.from.Addr(), p.to.Addr()}
	l, ok := n.links[key]
	if !ok {
		l = n.usual
	}
	i, j := n.lane(p.from.Addr()), n.lane(p.to.Addr())
	skew := time.Duration(31*i+j+1) * time.Microsecond
	one := func() time.Duration {
		d := l.Delay + skew
		if l.Jitter > 0 {
			return d + time.Duration(p.dice.Int64N(int64(l.Jitter)))
		}
		// Without jitter a link keeps the order, also of what was sent at one instant.
		if next := n.latest[key].Add(time.Nanosecond); p.at.Add(d).Before(next) {
			d = next.Sub(p.at)
		}
		n.latest[key] = p.at.Add(d)
		return d
	}
	var out []time.Duration
	if !l.Down && p.dice.Float64() >= l.Loss {
		out = append(out, one())
		if l.Duplicate > 0 && p.dice.Float64() < l.Duplicate {
			out = append(out, one())
		}
	}
	if m, ok := summarise(p.data); ok {
		m.From, m.To, m.At = i, j, p.at.Sub(n.start)
		if n.drop != nil && n.drop(n.names[i], n.names[j], m) {
			out = nil
		}
		m.Lost = len(out) == 0
		n.trace = append(n.trace, m)
	}
	return out
}
