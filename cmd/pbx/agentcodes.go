package main

import (
	"context"
	"errors"
	"slices"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/sip/event"
)

// agentCodes is what agents do from their telephones, in the store: audited, and live for the next caller.
type agentCodes struct {
	store provisioning.Store
	ready func(queue.Key) // ends a wrap-up
}

var _ app.Agents = agentCodes{}

// change writes what the agent of an extension set. An extension that serves no queue sets nothing.
func (c agentCodes) change(ctx context.Context, domain, extension string, f func(w provisioning.Writer, a provisioning.Agent, mine []string) (provisioning.Agent, bool)) error {
	who := provisioning.Subject{Domain: domain, User: "extension " + extension, Device: extension}
	return c.store.Update(ctx, who, func(w provisioning.Writer) error {
		all, err := provisioning.List[provisioning.Queue](w, domain, "", 0)
		if err != nil {
			return err
		}
		var mine []string
		for _, q := range all {
			if slices.ContainsFunc(q.Members, func(m provisioning.QueueMember) bool { return m.Agent == extension }) {
				mine = append(mine, q.Number)
			}
		}
		a, _, err := provisioning.Get[provisioning.Agent](w, domain, extension)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		a.Number = extension
		a, ok := f(w, a, mine)
		if !ok {
			return errNoFeature
		}
		_, err = w.Put(domain, a, "")
		return err
	})
}

// SignInOrOut implements app.Agents.
func (c agentCodes) SignInOrOut(ctx context.Context, domain, extension, queue string) (in bool, err error) {
	err = c.change(ctx, domain, extension, func(_ provisioning.Writer, a provisioning.Agent, mine []string) (provisioning.Agent, bool) {
		a, ok := a.Toggled(queue, mine)
		in = a.SignedInTo(queue)
		return a, ok
	})
	return in, err
}

// Pause implements app.Agents.
func (c agentCodes) Pause(ctx context.Context, domain, extension, reason string) (paused bool, err error) {
	err = c.change(ctx, domain, extension, func(w provisioning.Writer, a provisioning.Agent, _ []string) (provisioning.Agent, bool) {
		d, _, err := provisioning.Get[provisioning.Domain](w, domain, domain)
		a, ok := a.Pausing(reason, d.PauseReasons())
		paused = a.Paused != ""
		return a, ok && err == nil
	})
	return paused, err
}

// Ready implements app.Agents.
func (c agentCodes) Ready(ctx context.Context, domain, extension string) error {
	err := c.change(ctx, domain, extension, func(w provisioning.Writer, a provisioning.Agent, _ []string) (provisioning.Agent, bool) {
		a.Paused = ""
		entry := provisioning.AuditEntry{Domain: domain, Action: string(policy.AgentState), Object: provisioning.KindAgent + "/" + extension, Outcome: "ok",
			Detail: map[string]any{"ready": true}}
		return a, a.SignedIn && w.AddAudit(entry) == nil
	})
	if err == nil {
		c.ready(queue.Key{Domain: domain, Number: extension})
	}
	return err
}

// wireAgents joins agents and lamps.
func (p *pbx) wireAgents() {
	s := p.signalling
	s.agents = func(k queue.Key) queue.State { return p.queues.View().Agents[k].State }
	p.queues.lamp = func(k queue.Key) { s.events.notifier.Changed("dialog", s.agentLamp(k.Domain, k.Number)) }
}

// agentLamp is the number whose lamp shows what the agent of an extension does: the code to sign in, and the extension.
func (s *signalling) agentLamp(domain, extension string) event.AOR {
	if code := s.directory.Snapshot().FeatureCodes(domain).CodeOf(provisioning.FeatureAgentSign); code != "" {
		return event.AOR{User: code + extension, Domain: domain}
	}
	return event.AOR{}
}

// lampOfAgent finds the agent whose lamp a number is. The code alone is the watcher's own.
func (s *signalling) lampOfAgent(a event.AOR) (extension string, ok bool) {
	feature, extension, ok := s.directory.Snapshot().Feature(a.Domain, a.User)
	return extension, ok && feature == provisioning.FeatureAgentSign
}

// ownLamp leads who watches the code to sign in to its own agent's lamp, so that one key of the telephone dials and shows it.
func (s *signalling) ownLamp(watcher, about event.AOR) event.AOR {
	if extension, ok := s.lampOfAgent(about); ok && extension == "" {
		about.User += watcher.User
	}
	return about
}

// attendance is what an agent's lamp shows: dark signed out, lit while it takes calls or talks, blinking while it pauses, rests, wraps up or
// has no telephone.
func (s *signalling) attendance(a event.AOR) (event.DialogState, bool) {
	extension, ok := s.lampOfAgent(a)
	if !ok || s.agents == nil {
		return "", false
	}
	switch s.agents(queue.Key{Domain: a.Domain, Number: extension}) {
	case "", queue.SignedOut:
		return "", false
	case queue.Paused, queue.WrapUp, queue.Resting, queue.Unreachable:
		return event.Early, true
	case queue.Ready, queue.Offered, queue.Talking, queue.Busy:
	}
	return event.Confirmed, true
}
