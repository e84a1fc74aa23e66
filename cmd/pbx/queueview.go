package main

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/provisioning/live"
)

// queueAPI is the live call centre as REST sees it.
type queueAPI struct {
	queues *queues
	now    func() time.Time
}

// Queue implements provisioning.Queues.
func (a queueAPI) Queue(_ context.Context, domain, number string) (provisioning.QueueState, error) {
	k := queue.Key{Domain: domain, Number: number}
	v, ok := a.queues.View().Queues[k]
	if !ok {
		return provisioning.QueueState{}, provisioning.ErrNotFound
	}
	conf, _ := a.queues.Queue(domain, number)
	return queueState(conf, v, a.now()), nil
}

func queueState(conf provisioning.Queue, v queue.QueueView, now time.Time) provisioning.QueueState {
	s := provisioning.QueueState{Number: conf.Number, Title: conf.Title, Waiting: v.Waiting, CallBacks: v.Kept, Agents: map[string]int{},
		Today: provisioning.QueueToday{Day: v.Today.Day, Offered: v.Today.Offered, Answered: v.Today.Answered, InTime: v.Today.InTime,
			Abandoned: v.Today.Abandoned, Short: v.Today.Short, Overflowed: v.Today.Overflowed, Kept: v.Today.Kept, CalledBack: v.Today.CalledBack}}
	if !v.Oldest.IsZero() {
		s.LongestWait = tenths(now.Sub(v.Oldest).Seconds())
	}
	if v.Estimate >= 0 {
		e := tenths(v.Estimate.Seconds())
		s.Estimate = &e
	}
	if v.Today.Offered > 0 {
		l := tenths(100 * float64(v.Today.InTime) / float64(v.Today.Offered))
		s.Today.ServiceLevel = &l
	}
	for state, n := range v.Agents {
		s.Agents[string(state)] = n
	}
	return s
}

func tenths(f float64) float64 { return math.Round(10*f) / 10 }

// Topics of live events.
const (
	topicQueue = "queue"
	topicAgent = "agent"
)

// tell marks what a new view shows otherwise than the one before.
func (q *queues) tell(old, v *queue.View) {
	for k, x := range v.Queues {
		if !reflect.DeepEqual(old.Queues[k], x) {
			q.live.Changed(topicQueue, k.Domain, k.Number)
			q.hall.tell(kindLine, k, x)
		}
	}
	for k, x := range v.Agents {
		if !reflect.DeepEqual(old.Agents[k], x) {
			q.agentChanged(k)
			q.hall.tell(kindAgent, k, x)
		}
	}
	for k := range old.Queues {
		if _, still := v.Queues[k]; !still {
			q.live.Changed(topicQueue, k.Domain, k.Number)
			q.hall.tell(kindLine, k, nil)
		}
	}
	for k := range old.Agents {
		if _, still := v.Agents[k]; !still {
			q.agentChanged(k)
			q.hall.tell(kindAgent, k, nil)
		}
	}
	q.placed(v)
}

// agentChanged tells who looks at an agent, and lights its lamp.
func (q *queues) agentChanged(k queue.Key) {
	q.live.Changed(topicAgent, k.Domain, k.Number)
	if q.lamp != nil {
		q.lamp(k)
	}
}

// queueLive and agentLive are the same states as topics of live events.
type queueLive queueAPI

// Get implements live.Source.
func (l queueLive) Get(domain, key string) (live.State, bool) {
	s, err := queueAPI(l).Queue(context.Background(), domain, key)
	return live.State{Key: key, Value: s}, err == nil
}

// List implements live.Source.
func (l queueLive) List(domain string) []live.State {
	return listed(domain, l.queues.View().Queues, l.Get)
}

type agentLive struct{ queues *queues }

// Get implements live.Source. An agent is its extension's owner's.
func (l agentLive) Get(domain, key string) (live.State, bool) {
	s, err := queueAPI{queues: l.queues}.Agent(context.Background(), domain, key)
	e, _ := l.queues.directory.Snapshot().Extension(domain, key)
	return live.State{Key: key, Owner: e.User, Value: s}, err == nil
}

// List implements live.Source.
func (l agentLive) List(domain string) []live.State {
	return listed(domain, l.queues.View().Agents, l.Get)
}

func listed[T any](domain string, all map[queue.Key]T, get func(domain, key string) (live.State, bool)) (out []live.State) {
	for k := range all {
		if k.Domain == domain {
			if s, ok := get(domain, k.Number); ok {
				out = append(out, s)
			}
		}
	}
	slices.SortFunc(out, func(a, b live.State) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// Agent implements provisioning.Queues.
func (a queueAPI) Agent(_ context.Context, domain, number string) (provisioning.AgentState, error) {
	v, ok := a.queues.View().Agents[queue.Key{Domain: domain, Number: number}]
	if !ok {
		return provisioning.AgentState{}, provisioning.ErrNotFound
	}
	return agentState(number, v), nil
}

func agentState(number string, v queue.AgentView) provisioning.AgentState {
	s := provisioning.AgentState{Number: number, State: string(v.State), Since: v.Since, Queue: v.Queue, Reason: v.Reason, Queues: v.Queues}
	if s.Queues == nil {
		s.Queues = []string{}
	}
	return s
}

// Ready implements provisioning.Queues.
func (a queueAPI) Ready(_ context.Context, domain, number string) error {
	k := queue.Key{Domain: domain, Number: number}
	if _, ok := a.queues.View().Agents[k]; !ok {
		return provisioning.ErrNotFound
	}
	a.queues.Ready(k)
	return nil
}
