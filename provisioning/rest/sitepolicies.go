package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// textOutput is plain text.
type textOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// registerSitePolicies: what a domain adds to the table of roles. What lets more than before waits for another person: see proposals.go.
func (a *api) registerSitePolicies() {
	check := policy.New().Check
	res := resource[provisioning.SitePolicy]{plural: "site-policies", one: "site-policy", read: policy.SitePolicyRead, put: policy.SitePolicyPut,
		del: policy.SitePolicyDelete, setKey: func(p *provisioning.SitePolicy, k string) { p.Name = k }, check: check}
	entities(a, res)
	putPlain(a, res)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/site-policy-schema", "get-site-policy-schema",
		"What the statements of site policies may speak of, as a Cedar schema", rule{action: policy.SitePolicyRead, kind: provisioning.KindSitePolicy, domain: "domain"}),
		func(context.Context, *DomainPath) (*textOutput, error) {
			return &textOutput{"text/plain; charset=utf-8", []byte(policy.New().Schema())}, nil
		})
}
