package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type queueStateOutput struct{ Body provisioning.QueueState }
type agentStateOutput struct{ Body provisioning.AgentState }

// agentWish is what an agent may set. A field that is missing stays.
type agentWish struct {
	SignedIn *bool     `json:"signed_in,omitempty"`
	Queues   *[]string `json:"queues,omitempty" doc:"Sign in to these only; empty: to all"`
	Paused   *string   `json:"paused,omitempty" doc:"Reason; empty: no pause"`
}

type agentWishInput struct {
	ItemPath
	Body agentWish
}

// registerQueues: queues, agents and kept places as data; what they do now, where the switch tells it.
func (a *api) registerQueues() {
	queues := resource[provisioning.Queue]{plural: "queues", one: "queue", read: policy.QueueRead, put: policy.QueuePut, del: policy.QueueDelete,
		setKey: func(q *provisioning.Queue, k string) { q.Number = k }}
	entities(a, queues)
	putPlain(a, queues)
	agents := resource[provisioning.Agent]{plural: "agents", one: "agent", read: policy.AgentRead, put: policy.AgentPut, del: policy.AgentDelete,
		setKey: func(x *provisioning.Agent, k string) { x.Number = k }}
	entities(a, agents)
	putPlain(a, agents)
	supervisions := resource[provisioning.Supervision]{plural: "supervisions", one: "supervision", read: policy.SupervisionRead, put: policy.SupervisionPut,
		del: policy.SupervisionDelete, setKey: func(s *provisioning.Supervision, k string) { s.Name = k }}
	entities(a, supervisions)
	putPlain(a, supervisions)
	entities(a, resource[provisioning.CallBack]{plural: "call-backs", one: "call-back", read: policy.CallBackRead, del: policy.CallBackDelete})
	at := "/v1/domains/{domain}/agents/{key}"
	state := rule{action: policy.AgentState, kind: provisioning.KindAgent, key: "key", domain: "domain"}
	huma.Register(a.huma, operation(http.MethodPut, at+"/state", "set-agent-state", "Sign an agent in or out, or pause it; agents do so for themselves",
		state, 413, 415, 422), a.setAgentState)
	if a.Queues == nil {
		return
	}
	huma.Register(a.huma, operation(http.MethodPost, at+"/ready", "end-wrap-up", "End an agent's wrap-up", state), a.endWrapUp)
	huma.Register(a.huma, operation(http.MethodGet, at+"/state", "get-agent-state", "Read what an agent does now",
		rule{action: policy.AgentRead, kind: provisioning.KindAgent, key: "key", domain: "domain"}), a.agentState)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/queues/{key}/state", "get-queue-state",
		"Read who waits in a queue and what its agents do; its supervisors may",
		rule{action: policy.QueueWatch, kind: provisioning.KindQueue, key: "key", domain: "domain"}), a.queueState)
}

// onAgent is an agent as an object: it is its extension's owner's.
func onAgent(r provisioning.Reader, domain, number string) (provisioning.Object, error) {
	e, _, err := provisioning.Get[provisioning.Extension](r, domain, number)
	return provisioning.Object{Domain: domain, Kind: provisioning.KindAgent, Key: number, Owner: e.User}, err
}

// mayAgent asks whether the asker may do something about an agent.
func (a *api) mayAgent(ctx context.Context, action provisioning.Action, at ItemPath) error {
	var o provisioning.Object
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		o, err = onAgent(r, at.Domain, at.Key)
		return err
	})
	if err != nil {
		return err
	}
	return a.may(ctx, action, o)
}

// setAgentState writes the wish; the agent's row is made by the first one.
func (a *api) setAgentState(ctx context.Context, in *agentWishInput) (*itemOutput[provisioning.Agent], error) {
	out := &itemOutput[provisioning.Agent]{Status: http.StatusOK}
	if err := a.mayAgent(ctx, policy.AgentState, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		x, _, err := provisioning.Get[provisioning.Agent](w, in.Domain, in.Key)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		x.Number = in.Key
		if in.Body.SignedIn != nil {
			x.SignedIn = *in.Body.SignedIn
			x.Paused = "" // whoever comes in or goes is not at lunch
		}
		if in.Body.Paused != nil {
			x.Paused = *in.Body.Paused
		}
		if in.Body.Queues != nil {
			x.Queues = *in.Body.Queues
		}
		tag, err := w.Put(in.Domain, x, "")
		out.ETag, out.Body = etag(tag), x
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) endWrapUp(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	err := a.mayAgent(ctx, policy.AgentState, *in)
	if err == nil {
		err = a.act(ctx, in.Domain, policy.AgentState, provisioning.KindAgent+"/"+clip(in.Key), map[string]any{"ready": true},
			func() (map[string]any, error) { return nil, a.Queues.Ready(ctx, in.Domain, in.Key) })
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

func (a *api) agentState(ctx context.Context, in *ItemPath) (*agentStateOutput, error) {
	err := a.mayAgent(ctx, policy.AgentRead, *in)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	s, err := a.Queues.Agent(ctx, in.Domain, in.Key)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &agentStateOutput{s}, nil
}

func (a *api) queueState(ctx context.Context, in *ItemPath) (*queueStateOutput, error) {
	o := provisioning.Object{Domain: in.Domain, Kind: provisioning.KindQueue, Key: in.Key}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		q, _, err := provisioning.Get[provisioning.Queue](r, in.Domain, in.Key)
		if user := subjectOf(ctx).User; slices.Contains(q.Supervisors, user) {
			o.Owner = user
		}
		return err
	})
	if err == nil {
		err = a.may(ctx, policy.QueueWatch, o)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	s, err := a.Queues.Queue(ctx, in.Domain, in.Key)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &queueStateOutput{s}, nil
}
