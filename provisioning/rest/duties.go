package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerDuties: which roles one person may not hold together.
func (a *api) registerDuties() {
	const path = "/v1/domains/{domain}/duties"
	on := func(action provisioning.Action) rule {
		return rule{action: action, kind: provisioning.KindDuties, domain: "domain"}
	}
	show := func(d provisioning.Duties) provisioning.Duties {
		d.Apart = append([]provisioning.RolePair{}, d.Apart...)
		return d
	}
	huma.Register(a.huma, operation(http.MethodGet, path, "get-duties", "Which roles one person may not hold together", on(policy.DutiesRead)),
		func(ctx context.Context, in *singleInput) (*itemOutput[provisioning.Duties], error) {
			return getSingle(ctx, a, in, show)
		})
	huma.Register(a.huma, mayWait(operation(http.MethodPut, path, "put-duties", "Change them: a new pair counts for whoever is given a role from now on, one that goes waits for another person",
		on(policy.DutiesPut), 409, 412, 413, 415, 422)),
		func(ctx context.Context, in *putSingleInput[provisioning.Duties]) (*itemOutput[provisioning.Duties], error) {
			return putSingle(ctx, a, policy.DutiesRead, policy.DutiesPut, in, show)
		})
	huma.Register(a.huma, operation(http.MethodGet, path+"/violations", "list-duty-violations", "Who holds two roles that one person may not, from before that was written",
		on(policy.DutiesRead)), a.listDutyViolations)
}

func (a *api) listDutyViolations(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.DutyViolation], error) {
	out := &pageOutput[provisioning.DutyViolation]{}
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		out.Body.Items, err = provisioning.DutyViolations(r, in.Domain)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}
