package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type relayOutput struct{ Body provisioning.RelayGrant }

// registerRelay: a browser that is behind a firewall asks before it calls.
func (a *api) registerRelay() {
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/extensions/{key}/relay", "grant-relay",
		"Give the browser of an extension short-lived credentials of the TURN relay, as an entry of iceServers",
		rule{action: policy.RelayGrant, kind: provisioning.KindExtension, key: "key", domain: "domain"}), a.grantRelay)
}

func (a *api) grantRelay(ctx context.Context, in *ItemPath) (*relayOutput, error) {
	var e provisioning.Extension
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		e, _, err = provisioning.Get[provisioning.Extension](r, in.Domain, in.Key)
		return err
	})
	if err == nil {
		err = a.may(ctx, policy.RelayGrant, extensionObject(in.Domain, e))
	}
	if err == nil && e.Disabled { // it may not call, so it needs no way to
		err = provisioning.ErrNotFound
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := &relayOutput{}
	err = a.act(ctx, in.Domain, policy.RelayGrant, provisioning.KindExtension+"/"+in.Key, nil, func() (map[string]any, error) {
		out.Body = a.Relay.Grant(in.Domain, in.Key)
		return map[string]any{"until": out.Body.Expires}, nil
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}
