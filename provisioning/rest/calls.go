package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type recordInput struct {
	ItemPath
	Body struct {
		On bool `json:"on" required:"true" doc:"Record from now on, or no longer"`
	}
}

// registerCalls: what an authorised person may do to a live call. The switch does it; here it is only asked for and audited.
func (a *api) registerCalls() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/calls", "list-calls", "List live calls",
		rule{action: policy.CallRead, kind: policy.KindCall, domain: "domain"}), a.listCalls)
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/calls/{key}/hangup", "hang-up", "End a live call",
		rule{action: policy.CallHangup, kind: policy.KindCall, key: "key", domain: "domain"}), a.hangup)
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/calls/{key}/recording", "record-call", "Switch recording on or off",
		rule{action: policy.CallRecord, kind: policy.KindCall, key: "key", domain: "domain"}, 409, 413, 415, 422), a.record)
}

func (a *api) listCalls(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.CallInfo], error) {
	out := &pageOutput[provisioning.CallInfo]{Body: page[provisioning.CallInfo]{Items: []provisioning.CallInfo{}}}
	for _, c := range a.Calls.List(ctx, in.Domain) {
		if c.Domain == in.Domain { // the switch filters; a mistake there must not show another domain's call
			out.Body.Items = append(out.Body.Items, c)
		}
	}
	return out, nil
}

func (a *api) hangup(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.onCall(ctx, in, policy.CallHangup, nil, func() error { return a.Calls.Hangup(ctx, in.Domain, in.Key) })
}

func (a *api) record(ctx context.Context, in *recordInput) (*emptyOutput, error) {
	return a.onCall(ctx, &in.ItemPath, policy.CallRecord, map[string]any{"on": in.Body.On},
		func() error { return a.Calls.Record(ctx, in.Domain, in.Key, in.Body.On) })
}

// onCall acts on a live call. One that is not there leaves its entries too: somebody tried.
func (a *api) onCall(ctx context.Context, at *ItemPath, action provisioning.Action, detail map[string]any, do func() error) (*emptyOutput, error) {
	err := a.act(ctx, at.Domain, action, policy.KindCall+"/"+clip(at.Key), detail, func() (map[string]any, error) { return nil, do() })
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
