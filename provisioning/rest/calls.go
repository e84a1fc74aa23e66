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
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/calls/{key}/recording", "record-call", "Switch recording on or off; where a notice is due it is heard before",
		rule{action: policy.CallRecord, kind: policy.KindCall, key: "key", domain: "domain"}, 409, 413, 415, 422), a.record)
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/calls/{key}/move", "move-call",
		"Ring the other telephones of an extension that talks in the call; it talks on at the one that answers. Staff their own extension",
		rule{action: policy.CallMove, kind: policy.KindCall, key: "key", domain: "domain"}, 409, 413, 415, 422), a.moveCall)
	a.registerRecordingOrders()
}

// registerRecordingOrders: what those who talk may want of their call's recording.
func (a *api) registerRecordingOrders() {
	const recording = "/v1/domains/{domain}/calls/{key}/recording"
	pause := rule{action: policy.CallPause, kind: policy.KindCall, key: "key", domain: "domain"}
	huma.Register(a.huma, operation(http.MethodPost, recording+"/keep", "keep-call",
		"Have a call recorded whose policy is on_demand, with what is held of it in memory; staff one of their own. Where a notice is due it is heard first",
		rule{action: policy.CallKeep, kind: policy.KindCall, key: "key", domain: "domain"}, 409), a.keepCall)
	huma.Register(a.huma, operation(http.MethodPost, recording+"/pause", "pause-recording",
		"Record nothing of a call while a card number, say, is given; it goes on by itself after the policy's pause_seconds. Staff one of their own", pause, 409, 413, 415, 422), a.pauseRecording)
	huma.Register(a.huma, operation(http.MethodPost, recording+"/resume", "resume-recording", "Let a paused recording go on; staff one of their own", pause, 409), a.resumeRecording)
}

type pauseInput struct {
	ItemPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"100" doc:"What is to be kept out, as card; never what it is"`
	}
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
	if err := a.asExtension(ctx, policy.CallStart, in.Domain, "body.from", in.Body.From); err != nil {
		return nil, err
	}
	out := &startOutput{}
	err := a.act(ctx, in.Domain, policy.CallStart, provisioning.KindExtension+"/"+clip(in.Body.From), map[string]any{"to": clip(in.Body.To)},
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

// asExtension refuses, as the answer, what somebody may not do for an extension.
func (a *api) asExtension(ctx context.Context, action provisioning.Action, domain, field, number string) error {
	o := provisioning.Object{Domain: domain, Kind: policy.KindCall}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		e, _, err := provisioning.Get[provisioning.Extension](r, domain, number)
		o.Owner = e.User
		return err
	})
	if errors.Is(err, provisioning.ErrNotFound) && a.sees(ctx, action, o) {
		return invalidAt(http.StatusUnprocessableEntity, field, "is no extension")
	}
	if err == nil {
		err = a.may(ctx, action, o)
	}
	if err != nil {
		return a.problem(ctx, err)
	}
	return nil
}

type moveInput struct {
	ItemPath
	Body struct {
		Extension string `json:"extension" required:"true" maxLength:"40" doc:"That talks in the call, and goes on at another telephone of it"`
	}
}

// moveCall lets somebody talk on at another telephone. Whose extension it is decides: the other party of the call may not.
func (a *api) moveCall(ctx context.Context, in *moveInput) (*emptyOutput, error) {
	if err := a.asExtension(ctx, policy.CallMove, in.Domain, "body.extension", in.Body.Extension); err != nil {
		return nil, err
	}
	return a.onCall(ctx, &in.ItemPath, policy.CallMove, map[string]any{"extension": clip(in.Body.Extension)},
		func() error { return a.Calls.Move(ctx, in.Domain, in.Key, in.Body.Extension) })
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
	if err := a.own(ctx, in, policy.CallHangup); err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.onCall(ctx, in, policy.CallHangup, nil, func() error { return a.Calls.Hangup(ctx, in.Domain, in.Key) })
}

// own refuses what somebody may do to their own calls only, where this is another's.
func (a *api) own(ctx context.Context, in *ItemPath, action provisioning.Action) error {
	o := provisioning.Object{Domain: in.Domain, Kind: policy.KindCall, Key: in.Key}
	if a.sees(ctx, action, o) {
		return nil
	}
	list, err := a.live(ctx, in.Domain, action)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(c provisioning.CallInfo) bool { return c.ID == in.Key }) {
		return a.may(ctx, action, o)
	}
	return nil
}

func (a *api) record(ctx context.Context, in *recordInput) (*emptyOutput, error) {
	does := provisioning.RecordingOff
	if in.Body.On {
		does = provisioning.RecordingOn
	}
	return a.order(ctx, &in.ItemPath, policy.CallRecord, provisioning.RecordingOrder{Does: does}, map[string]any{"on": in.Body.On})
}

func (a *api) keepCall(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.order(ctx, in, policy.CallKeep, provisioning.RecordingOrder{Does: provisioning.RecordingKeep}, nil)
}

func (a *api) pauseRecording(ctx context.Context, in *pauseInput) (*emptyOutput, error) {
	o := provisioning.RecordingOrder{Does: provisioning.RecordingPaused}
	if in.Body != nil {
		o.Reason = in.Body.Reason
	}
	return a.order(ctx, &in.ItemPath, policy.CallPause, o, map[string]any{"paused": true, "reason": o.Reason})
}

func (a *api) resumeRecording(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.order(ctx, in, policy.CallPause, provisioning.RecordingOrder{Does: provisioning.RecordingResume}, map[string]any{"paused": false})
}

// order does something to the recording of a live call, in the name of who asks.
func (a *api) order(ctx context.Context, at *ItemPath, action provisioning.Action, o provisioning.RecordingOrder, detail map[string]any) (*emptyOutput, error) {
	if err := a.own(ctx, at, action); err != nil {
		return nil, a.problem(ctx, err)
	}
	s := subjectOf(ctx)
	o.By = s.User + "@" + s.Domain
	return a.onCall(ctx, at, action, detail, func() error { return a.Calls.Order(ctx, at.Domain, at.Key, o) })
}

// onCall acts on a live call. One that is not there leaves its entries too: somebody tried.
func (a *api) onCall(ctx context.Context, at *ItemPath, action provisioning.Action, detail map[string]any, do func() error) (*emptyOutput, error) {
	err := a.act(ctx, at.Domain, action, policy.KindCall+"/"+clip(at.Key), detail, func() (map[string]any, error) { return nil, do() })
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
