package event

import (
	"slices"

	"naisen/sip/stack"
)

// add puts a subscription into every index, or tells the status to refuse it with. A phone that starts again forgets its subscriptions:
// when its watcher is at the limit, the oldest one of the same phone to the same thing makes room, so that nobody locks himself out.
func (n *Notifier) add(s *subscription) (status int, replaced *subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closing:
		return 503, nil
	case len(n.subs) >= n.cfg.Total || n.perDomain[s.watcher.Domain] >= n.cfg.PerDomain:
		return 503, nil
	case n.perAOR[s.watcher.AOR] >= n.cfg.PerWatcher:
		for _, o := range n.watching[s.topic()] {
			if o.watcher.AOR == s.watcher.AOR && o.phone == s.phone {
				replaced = o
				break
			}
		}
		if replaced == nil {
			return 403, nil
		}
		n.take(replaced)
	}
	n.subs[s.key] = s
	n.watching[s.topic()] = append(n.watching[s.topic()], s)
	n.perAOR[s.watcher.AOR]++
	n.perDomain[s.watcher.Domain]++
	n.attach(s, s.flow)
	return 200, replaced
}

// remove takes a subscription out of every index.
func (n *Notifier) remove(s *subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.take(s)
	if n.closing && len(n.subs) == 0 {
		select {
		case <-n.idle:
		default:
			close(n.idle)
		}
	}
}

// take is remove with mu held.
func (n *Notifier) take(s *subscription) {
	if n.subs[s.key] != s {
		return
	}
	delete(n.subs, s.key)
	t := s.topic()
	rest := slices.DeleteFunc(n.watching[t], func(o *subscription) bool { return o == s })
	if n.watching[t] = rest; len(rest) == 0 {
		delete(n.watching, t)
	}
	if n.perAOR[s.watcher.AOR]--; n.perAOR[s.watcher.AOR] == 0 {
		delete(n.perAOR, s.watcher.AOR)
	}
	if n.perDomain[s.watcher.Domain]--; n.perDomain[s.watcher.Domain] == 0 {
		delete(n.perDomain, s.watcher.Domain)
	}
	n.detach(s)
}

// attach notes on which connection a subscriber is. Called with mu held.
func (n *Notifier) attach(s *subscription, f *stack.Flow) {
	n.detach(s)
	if s.on = nil; f == nil || f.Transport() == "udp" {
		return
	}
	if n.flows[f] == nil {
		n.flows[f] = map[*subscription]bool{}
	}
	n.flows[f][s] = true
	s.on = f
}

func (n *Notifier) detach(s *subscription) {
	if set := n.flows[s.on]; set != nil {
		if delete(set, s); len(set) == 0 {
			delete(n.flows, s.on)
		}
	}
}

func (n *Notifier) moved(s *subscription, f *stack.Flow) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.subs[s.key] == s {
		n.attach(s, f)
	}
}

func (n *Notifier) find(k subKey) *subscription {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.subs[k]
}
