package directory

import (
	"maps"
	"slices"

	"naisen/provisioning"
)

func (d *domain) readQueues(r provisioning.Reader) (err error) {
	if d.queues, err = readAll[provisioning.Queue](r, d.self.Name); err != nil {
		return err
	}
	if d.agents, err = readAll[provisioning.Agent](r, d.self.Name); err != nil {
		return err
	}
	if d.supervisions, err = readAll[provisioning.Supervision](r, d.self.Name); err != nil {
		return err
	}
	d.callBacks, err = readAll[provisioning.CallBack](r, d.self.Name)
	return err
}

// takeQueues is take for what belongs to the call centre.
func (e *edit) takeQueues(r provisioning.Reader, c provisioning.Change) error {
	switch c.Kind {
	case provisioning.KindQueue:
		return set(e, r, c, &e.queues)
	case provisioning.KindAgent:
		return set(e, r, c, &e.agents)
	case provisioning.KindCallBack:
		return set(e, r, c, &e.callBacks)
	case provisioning.KindSupervision:
		return set(e, r, c, &e.supervisions)
	}
	return e.takeNumbers(r, c)
}

// Queue by its number.
func (s *Snapshot) Queue(domainName, number string) (provisioning.Queue, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.Queue { return d.queues })
}

// Agent is what the person at an extension has set; the zero value when nothing was.
func (s *Snapshot) Agent(domainName, number string) (provisioning.Agent, bool) {
	return find(s, domainName, number, func(d *domain) map[string]provisioning.Agent { return d.agents })
}

// Queues of a domain by number.
func (s *Snapshot) Queues(domainName string) []provisioning.Queue {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.Queue { return d.queues })
}

// Agents of a domain by number.
func (s *Snapshot) Agents(domainName string) []provisioning.Agent {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.Agent { return d.agents })
}

// CallBacks of a domain by ID.
func (s *Snapshot) CallBacks(domainName string) []provisioning.CallBack {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.CallBack { return d.callBacks })
}

// Supervisions of a domain by name.
func (s *Snapshot) Supervisions(domainName string) []provisioning.Supervision {
	return ordered(s, domainName, func(d *domain) map[string]provisioning.Supervision { return d.supervisions })
}

func ordered[T any](s *Snapshot, domainName string, in func(*domain) map[string]T) []T {
	d, ok := s.domains[domainName]
	if !ok {
		return nil
	}
	m := in(d)
	out := make([]T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}
