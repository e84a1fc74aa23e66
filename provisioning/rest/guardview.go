package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerAlarms: what an operator must look at. The switch as a whole has no domain, so neither has the path; the asker's domain decides
// whose alarms are shown beside the common ones.
func (a *api) registerAlarms() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/alarms", "list-alarms", "List alarms of the switch and of the asker's domain",
		rule{action: policy.AlarmRead, kind: policy.KindAlarm}), a.listAlarms)
}

func (a *api) listAlarms(ctx context.Context, _ *struct{}) (*pageOutput[provisioning.Alarm], error) {
	out := &pageOutput[provisioning.Alarm]{Body: page[provisioning.Alarm]{Items: []provisioning.Alarm{}}}
	domain := subjectOf(ctx).Domain
	for _, al := range a.Alarms.Alarms(domain) {
		if al.Domain == "" || al.Domain == domain { // the switch filters; a mistake there must not show another domain's
			out.Body.Items = append(out.Body.Items, al)
		}
	}
	return out, nil
}

type limitsInput struct {
	ItemPath
	Dial string `query:"dial" maxLength:"64" doc:"Also tell what would become of this number"`
	From string `query:"from" enum:"office,desk,outside,mobile" default:"office" doc:"Where it would be dialled: at a telephone in the premises, at a desk telephone or a softphone (outside) that is in none of the sites' networks, or at a mobile beyond a trunk (call-through, or a carrier that brings it)"`
}

type limitsOutput struct{ Body provisioning.LimitState }

// registerLimits: the desk that answers "why can I not call".
func (a *api) registerLimits() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/extensions/{key}/limits", "get-limits",
		"Show the rights of an extension, what it has used of its limits, and the last refusals",
		rule{action: policy.LimitRead, kind: provisioning.KindExtension, key: "key", domain: "domain"}), a.getLimits)
}

func (a *api) getLimits(ctx context.Context, in *limitsInput) (*limitsOutput, error) {
	var e provisioning.Extension
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		e, _, err = provisioning.Get[provisioning.Extension](r, in.Domain, in.Key)
		return err
	})
	if err == nil {
		err = a.may(ctx, policy.LimitRead, extensionObject(in.Domain, e))
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	state, err := a.Limits.LimitState(in.Domain, in.Key, provisioning.DialQuery{Number: in.Dial, From: in.From})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &limitsOutput{state}, nil
}
