package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type traceInput struct {
	ItemPath
	After int64 `query:"after" minimum:"0" doc:"Only messages after this number"`
}

// registerTraces: the SIP messages of a call. They name who talks with whom, and from where: each look leaves its entry.
func (a *api) registerTraces() {
	r := rule{action: policy.CallTrace, kind: policy.KindCall, key: "key", domain: "domain"}
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/traces/{key}", "trace-call",
		"The SIP messages of a call that runs or ended lately, without what is secret", r, 422), a.trace)
	op := operation(http.MethodGet, "/v1/domains/{domain}/traces/{key}/events", "follow-trace", "Follow the SIP messages of a call as they come", r, 409)
	op.Description = "A text/event-stream. Each event: trace has what trace-call answers, of the messages those that are new. event: end says why it ends: " +
		"over (some seconds after the call), token, rights. Comments come as heartbeats."
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}}
	huma.Register(a.huma, op, a.followTrace)
}

func (a *api) trace(ctx context.Context, in *traceInput) (*itemOutput[provisioning.CallTrace], error) {
	out := &itemOutput[provisioning.CallTrace]{Status: http.StatusOK}
	err := a.act(ctx, in.Domain, policy.CallTrace, policy.KindCall+"/"+clip(in.Key), nil, func() (_ map[string]any, err error) {
		out.Body, err = a.Traces.Trace(in.Domain, in.Key, in.After)
		return map[string]any{"messages": len(out.Body.Messages)}, err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) followTrace(ctx context.Context, in *ItemPath) (*huma.StreamResponse, error) {
	var rings <-chan struct{}
	var stop func()
	err := a.act(ctx, in.Domain, policy.CallTrace, policy.KindCall+"/"+clip(in.Key), map[string]any{"follow": true}, func() (_ map[string]any, err error) {
		rings, stop, err = a.Traces.Follow(in.Domain, in.Key)
		return nil, err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		defer stop()
		r, w := humago.Unwrap(out)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
		s := a.newStream(ctx, in.Domain, r, w)
		s.action, s.object = policy.CallTrace, provisioning.Object{Domain: in.Domain, Kind: policy.KindCall, Key: in.Key}
		t := &traceStream{stream: s, key: in.Key}
		if over, err := t.tell(); over {
			_ = t.end("over")
		} else if err == nil {
			t.loop(t.more(rings))
		}
	}}, nil
}

// traceStream is one consumer of a call's messages.
type traceStream struct {
	*stream
	key  string
	last int64 // message that was told
	told bool  // something was
	over int   // looks since the call ended
}

// lingers is after how many checks the stream ends behind its call: a BYE still wants its answer.
const lingers = 2

// more is what wakes the stream, and what it does then.
func (t *traceStream) more(rings <-chan struct{}) (wake <-chan struct{}, woken func() (ends bool, err error), checked func() (ends bool, err error)) {
	return rings, func() (bool, error) {
			_, err := t.tell()
			return false, err
		}, func() (bool, error) {
			c, err := t.api.Traces.Trace(t.domain, t.key, t.last)
			if err == nil && !c.Over {
				return false, nil
			}
			if t.over++; err == nil && t.over < lingers {
				return false, nil
			}
			return true, t.end("over")
		}
}

// tell writes what is new, and says whether the call is over. One that gave way meanwhile is.
func (t *traceStream) tell() (over bool, err error) {
	c, err := t.api.Traces.Trace(t.domain, t.key, t.last)
	if err != nil {
		return true, nil
	}
	n := len(c.Messages)
	if n == 0 && t.told {
		return c.Over, nil
	}
	if t.told = true; n > 0 {
		t.last = c.Messages[n-1].N
	}
	text, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	return c.Over, t.send("event: trace\ndata: " + string(text) + "\n\n")
}
