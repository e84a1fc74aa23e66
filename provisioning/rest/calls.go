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

type recordInput struct {
	ItemPath
	Body struct {
		On bool `json:"on" required:"true" doc:"Record from now on, or no longer"`
	}
}

// registerCalls: what an authorised person may do to a live call. The switch does it; here it is only asked for and audited.
func (a *api) registerCalls() {
	huma.Register(a.huma, withStatus(http.StatusAccepted, operation(http.MethodPost, "/v1/domains/{domain}/calls", "start-call",
		"Ring an extension and then what it would dial; staff from their own extension",
		rule{action: policy.CallStart, kind: policy.KindCall, domain: "domain"}, 413, 415, 422, 503)), a.startCall)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/calls/{key}", "get-call", "Read a live call; staff one of their own",
		rule{action: policy.CallRead, kind: policy.KindCall, key: "key", domain: "domain"}), a.getCall)
	huma.Register(a.huma, operation(http.MethodDelete, "/v1/domains/{domain}/calls/{key}", "end-call", "End a live call; staff one of their own",
		rule{action: policy.CallHangup, kind: policy.KindCall, key: "key", domain: "domain"}), a.hangup)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/calls", "list-calls", "List live calls",
		rule{action: policy.CallRead, kind: policy.KindCall, domain: "domain"}), a.listCalls)
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/calls/{key}/hangup", "hang-up", "End a live call",
		rule{action: policy.CallHangup, kind: policy.KindCall, key: "key", domain: "domain"}), a.hangup)
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/calls/{key}/recording", "record-call", "Switch recording on or off",
		rule{action: policy.CallRecord, kind: policy.KindCall, key: "key", domain: "domain"}, 409, 413, 415, 422), a.record)
}

type startInput struct {
	DomainPath
	Body provisioning.StartCall
}

type startOutput struct {
	Location string `header:"Location" doc:"Where the call can be read and ended"`
	Body     struct {
		ID string `json:"id" doc:"Of the call, and of its record"`
	}
}

func withStatus(status int, op huma.Operation) huma.Operation {
	op.DefaultStatus = status
	return op
}

// startCall asks the switch for a call. Whose extension it is decides; the number's own rights are looked at by the switch.
func (a *api) startCall(ctx context.Context, in *startInput) (*startOutput, error) {
	o := provisioning.Object{Domain: in.Domain, Kind: policy.KindCall}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		e, _, err := provisioning.Get[provisioning.Extension](r, in.Domain, in.Body.From)
		o.Owner = e.User
		return err
	})
	if errors.Is(err, provisioning.ErrNotFound) && a.sees(ctx, policy.CallStart, o) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.from", "is no extension")
	}
	if err == nil {
		err = a.may(ctx, policy.CallStart, o)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := &startOutput{}
	err = a.act(ctx, in.Domain, policy.CallStart, provisioning.KindExtension+"/"+clip(in.Body.From), map[string]any{"to": clip(in.Body.To)},
		func() (map[string]any, error) {
			id, err := a.Calls.Start(ctx, in.Domain, in.Body)
			out.Body.ID = id
			return map[string]any{"call": id}, err
		})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out.Location = "/v1/domains/" + in.Domain + "/calls/" + out.Body.ID
	return out, nil
}

// live are the calls of a domain that the asker may do that to.
func (a *api) live(ctx context.Context, domain string, action provisioning.Action) (out []provisioning.CallInfo, err error) {
	everybody := a.sees(ctx, action, provisioning.Object{Domain: domain, Kind: policy.KindCall})
	var own []string
	if !everybody {
		err = a.Store.View(ctx, func(r provisioning.Reader) error {
			own, err = ownNumbers(r, subjectOf(ctx))
			return err
		})
	}
	for _, c := range a.Calls.List(ctx, domain) {
		mine := slices.ContainsFunc(c.Extensions, func(n string) bool { return slices.Contains(own, n) })
		if c.Domain == domain && (everybody || mine) { // the switch filters; a mistake there must not show another domain's call
			out = append(out, c)
		}
	}
	return out, err
}

func (a *api) listCalls(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.CallInfo], error) {
	list, err := a.live(ctx, in.Domain, policy.CallRead)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &pageOutput[provisioning.CallInfo]{Body: page[provisioning.CallInfo]{Items: append([]provisioning.CallInfo{}, list...)}}, nil
}

func (a *api) getCall(ctx context.Context, in *ItemPath) (*itemOutput[provisioning.CallInfo], error) {
	list, err := a.live(ctx, in.Domain, policy.CallRead)
	i := slices.IndexFunc(list, func(c provisioning.CallInfo) bool { return c.ID == in.Key })
	switch {
	case err != nil:
		return nil, a.problem(ctx, err)
	case i < 0:
		return nil, notFound()
	}
	return &itemOutput[provisioning.CallInfo]{Status: http.StatusOK, Body: list[i]}, nil
}

// hangup ends a call. To who may end their own only, another's is not there.
func (a *api) hangup(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	if !a.sees(ctx, policy.CallHangup, provisioning.Object{Domain: in.Domain, Kind: policy.KindCall, Key: in.Key}) {
		list, err := a.live(ctx, in.Domain, policy.CallHangup)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		if !slices.ContainsFunc(list, func(c provisioning.CallInfo) bool { return c.ID == in.Key }) {
			return nil, a.problem(ctx, a.may(ctx, policy.CallHangup, provisioning.Object{Domain: in.Domain, Kind: policy.KindCall, Key: in.Key}))
		}
	}
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
