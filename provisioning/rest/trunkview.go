package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type trunkStatusOutput struct{ Body provisioning.TrunkStatus }

// registerTrunkView shows what the switch knows of a trunk while it works.
func (a *api) registerTrunkView() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/trunks/{key}/status", "get-trunk-status", "Read a trunk's health and use",
		rule{action: policy.TrunkRead, kind: provisioning.KindTrunk, key: "key", domain: "domain"}),
		func(ctx context.Context, in *ItemPath) (*trunkStatusOutput, error) {
			err := a.may(ctx, policy.TrunkRead, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindTrunk, Key: in.Key})
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			s, err := a.Trunks.TrunkStatus(in.Domain, in.Key)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return &trunkStatusOutput{s}, nil
		})
}
