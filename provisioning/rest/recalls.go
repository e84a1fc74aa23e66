package rest

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerRecalls: wishes to be rung when a colleague is free. They are made from the telephone; here they are seen and dropped.
func (a *api) registerRecalls() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/recalls", "list-recalls", "List who wants to be rung when a colleague is free; staff see their own",
		rule{action: policy.RecallRead, kind: policy.KindRecall, domain: "domain"}), a.listRecalls)
	huma.Register(a.huma, operation(http.MethodDelete, "/v1/domains/{domain}/recalls/{key}", "drop-recall", "Drop such a wish; staff one of their own",
		rule{action: policy.RecallDelete, kind: policy.KindRecall, key: "key", domain: "domain"}), a.dropRecall)
}

// recalls are those of a domain that the asker may do that to.
func (a *api) recalls(ctx context.Context, domain string, action provisioning.Action) ([]provisioning.Recall, error) {
	all := slices.Concat([]provisioning.Recall{}, a.Recalls.List(domain))
	if a.sees(ctx, action, provisioning.Object{Domain: domain, Kind: policy.KindRecall}) {
		return all, nil
	}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		own, err := ownNumbers(r, subjectOf(ctx))
		all = slices.DeleteFunc(all, func(x provisioning.Recall) bool { return !slices.Contains(own, x.By) })
		return err
	})
	return all, err
}

func (a *api) listRecalls(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.Recall], error) {
	list, err := a.recalls(ctx, in.Domain, policy.RecallRead)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &pageOutput[provisioning.Recall]{Body: page[provisioning.Recall]{Items: list}}, nil
}

func (a *api) dropRecall(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	list, err := a.recalls(ctx, in.Domain, policy.RecallDelete)
	switch {
	case err != nil:
	case !slices.ContainsFunc(list, func(x provisioning.Recall) bool { return x.ID == in.Key }):
		err = provisioning.ErrNotFound
	default:
		err = a.act(ctx, in.Domain, policy.RecallDelete, policy.KindRecall+"/"+clip(in.Key), nil,
			func() (map[string]any, error) { return nil, a.Recalls.Drop(in.Domain, in.Key) })
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
