package call

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
)

// Snapshot is what others see of a call: plain values, published by pointer, never changed afterwards.
type Snapshot struct {
	ID, Domain string
	Direction  route.Direction
	From, To   string
	Phase      Phase
	Started    time.Time
	Answered   time.Time
	Recording  string
	Bridge     string
	Parties    []PartySnapshot
}

// PartySnapshot is one leg of a Snapshot.
type PartySnapshot struct {
	Leg    LegID
	Number string
	Phase  PartyPhase
	Codec  media.Codec
}

// Snapshot returns the latest published state; safe from any goroutine.
func (c *Call) Snapshot() *Snapshot { return c.shown.Load() }

func (c *Call) publish() {
	s := &Snapshot{ID: c.in.ID, Domain: c.in.Request.Domain, Direction: c.plan.Direction, From: c.in.Request.Number, To: c.plan.To,
		Phase: c.phase, Started: c.started, Answered: c.answered, Recording: c.record.id}
	if s.To == "" {
		s.To = c.in.Request.Dialled
	}
	if c.bridge != nil && c.phase == Talking {
		s.Bridge = c.bridge.String()
	}
	if c.caller != nil {
		s.add(c.caller)
	}
	for _, p := range c.called {
		s.add(p)
	}
	c.shown.Store(s)
}

func (s *Snapshot) add(p *party) {
	ps := PartySnapshot{Leg: p.id, Number: p.number, Phase: p.phase}
	if p.ep != nil && p.phase != PartyGone {
		ps.Codec = p.ep.Codec()
	}
	s.Parties = append(s.Parties, ps)
}
