package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/live"
	"naisen/provisioning/policy"
	"naisen/sip/event"
	"naisen/sip/registrar"
)

// Topics of live events. Whoever has another kind of state adds its topic to p.live before REST is made, and marks changes.
const (
	topicCall         = "call"
	topicLamp         = "lamp"
	topicRegistration = "registration"
)

// wireLive makes the hub and the topics of the switch. It needs the calls, the lamps and the registrar.
func (p *pbx) wireLive() {
	p.live.Add(live.Topic{Name: topicCall, Action: policy.CallRead, Kind: policy.KindCall, Source: callState{p.calls, p.directory}})
	p.live.Add(live.Topic{Name: topicLamp, Action: policy.ExtensionRead, Kind: provisioning.KindExtension,
		Source: lampState{p.signalling.events.lamps, p.directory}})
	if p.queues != nil {
		p.live.Add(live.Topic{Name: topicQueue, Action: policy.QueueWatch, Kind: provisioning.KindQueue, Source: queueLive{p.queues, time.Now}})
		p.live.Add(live.Topic{Name: topicAgent, Action: policy.AgentRead, Kind: provisioning.KindAgent, Source: agentLive{p.queues}})
	}
	p.live.Add(live.Topic{Name: topicRegistration, Action: policy.BindingRead, Kind: policy.KindBinding, Source: registrationState{p.registrar}})
}

// callChanged lights the lamps and tells who looks.
func (p *pbx) callChanged(s *call.Snapshot) {
	if p.signalling.parks != nil {
		p.signalling.parks.Changed(s) // before its lamp says that somebody can be fetched
	}
	p.signalling.events.lamps.Changed(s)
	p.signalling.afar.tell(s)
	if p.traces != nil {
		p.showTrace(s)
	}
	if p.queues != nil {
		p.queues.Show(s, true)
	}
	if p.recalls != nil {
		p.recalls.Show(s)
	}
	p.live.Changed(topicCall, s.Domain, s.ID)
}

// afarChanged is told of a call that another node has.
func (p *pbx) afarChanged(s *call.Snapshot) {
	p.signalling.events.lamps.Changed(s)
	p.purse.follow(s)
	if p.queues != nil {
		p.queues.Show(s, false)
	}
}

// callState reads calls.
type callState struct {
	calls     *call.Switch
	directory *directory.Directory
}

// List implements live.Source.
func (c callState) List(domain string) (out []live.State) {
	for _, i := range (liveCalls{calls: c.calls, directory: c.directory}).List(context.Background(), domain) {
		out = append(out, live.State{Key: i.ID, Value: i})
	}
	return out
}

// Get implements live.Source.
func (c callState) Get(domain, key string) (live.State, bool) {
	s, ok := c.calls.Snapshot(key)
	if !ok || s.Domain != domain || s.Over {
		return live.State{}, false
	}
	return live.State{Key: key, Value: callInfo(c.directory, s)}, true
}

// lampInfo is what a lamp shows: no number of whom its extension talks with.
type lampInfo struct {
	Extension string `json:"extension"`
	State     string `json:"state"` // idle, ringing, busy, held
	Calls     int    `json:"calls"`
}

// lampState reads lamps. An extension without a call is idle, and in no list.
type lampState struct {
	lamps     *lamps
	directory *directory.Directory
}

// List implements live.Source.
func (l lampState) List(domain string) (out []live.State) {
	for _, a := range l.lamps.ofDomain(domain) {
		if s, ok := l.Get(domain, a.User); ok {
			out = append(out, s)
		}
	}
	return out
}

// Get implements live.Source.
func (l lampState) Get(domain, key string) (live.State, bool) {
	e, ok := l.directory.Snapshot().Extension(domain, key)
	if !ok {
		return live.State{}, false
	}
	i := lampInfo{Extension: key, State: "idle"}
	for _, d := range l.lamps.Dialogs(event.AOR{User: key, Domain: domain}) {
		i.Calls++
		switch {
		case d.State == event.Confirmed && !d.Held:
			i.State = "busy"
		case d.Held && i.State != "busy":
			i.State = "held"
		case i.State == "idle":
			i.State = "ringing"
		}
	}
	return live.State{Key: key, Owner: e.User, Value: i}, true
}

// ofDomain lists the extensions with a call.
func (l *lamps) ofDomain(domain string) (out []event.AOR) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.of {
		if a.Domain == domain {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b event.AOR) int { return cmp.Compare(a.User, b.User) })
	return out
}

// registrationInfo says how many phones an extension has now.
type registrationInfo struct {
	Extension string `json:"extension"`
	Devices   int    `json:"devices"`
}

// registrationState reads the registrar.
type registrationState struct{ registrar *registrar.Registrar }

// List implements live.Source.
func (r registrationState) List(domain string) (out []live.State) {
	aors := r.registrar.AORs()
	slices.Sort(aors)
	for _, aor := range aors {
		if a := aorOf(aor); strings.EqualFold(a.Domain, domain) {
			if s, ok := r.Get(domain, a.User); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// Get implements live.Source.
func (r registrationState) Get(domain, key string) (live.State, bool) {
	n := len(r.registrar.Bindings(event.AOR{User: key, Domain: domain}.String()))
	return live.State{Key: key, Value: registrationInfo{key, n}}, n > 0
}
