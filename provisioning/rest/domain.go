package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// DomainPath names a domain; exported as ItemPath is.
type DomainPath struct {
	Domain string `path:"domain" maxLength:"253"`
}

type domainGet struct {
	DomainPath
	IfNoneMatch string `header:"If-None-Match" maxLength:"256"`
}

type domainPut struct {
	DomainPath
	IfMatch     string `header:"If-Match" maxLength:"256"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"256"`
	Reason      string `query:"reason" maxLength:"500" doc:"Why, for whoever must agree to it"`
	Body        provisioning.Domain
}

type domainPatch struct {
	DomainPath
	ContentType string `header:"Content-Type" maxLength:"256"`
	IfMatch     string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold, or *"`
	Reason      string `query:"reason" maxLength:"500" doc:"Why, for whoever must agree to it"`
	RawBody     []byte `contentType:"application/merge-patch+json"`
}

// registerDomains: a domain is its own domain, so its path has one parameter. There is no delete: that is the operator's.
func (a *api) registerDomains() {
	res := resource[provisioning.Domain]{read: policy.DomainRead, put: policy.DomainPut, setKey: func(d *provisioning.Domain, k string) { d.Name = k }}
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains", "list-domains", "List the domains that the asker may read",
		rule{action: policy.DomainRead, kind: provisioning.KindDomain}), a.listDomains)
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}", "get-domain", "Read a domain",
		rule{action: policy.DomainRead, kind: provisioning.KindDomain, key: "domain", domain: "domain"}),
		func(ctx context.Context, in *domainGet) (*itemOutput[provisioning.Domain], error) {
			return getEntity(ctx, a, res, &getInput{ItemPath: ItemPath{Domain: in.Domain, Key: in.Domain}, IfNoneMatch: in.IfNoneMatch})
		})
	huma.Register(a.huma, mayWait(operation(http.MethodPut, "/v1/domains/{domain}", "put-domain", "Replace a domain's settings",
		rule{action: policy.DomainPut, kind: provisioning.KindDomain, key: "domain", domain: "domain"}, 412, 413, 415, 422)),
		func(ctx context.Context, in *domainPut) (*itemOutput[provisioning.Domain], error) {
			out, err := putEntity(ctx, a, res, &putInput[provisioning.Domain]{ItemPath: ItemPath{Domain: in.Domain, Key: in.Domain},
				IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, Reason: in.Reason, Body: in.Body})
			if err != nil {
				return nil, err
			}
			return &itemOutput[provisioning.Domain]{Status: out.status, ETag: etag(out.etag), Link: out.link, Body: out.entity}, nil
		})
	huma.Register(a.huma, mayWait(operation(http.MethodPatch, "/v1/domains/{domain}", "patch-domain", "Change fields of a domain's settings; null takes a field away",
		rule{action: policy.DomainPut, kind: provisioning.KindDomain, key: "domain", domain: "domain"}, 412, 413, 415, 422)),
		func(ctx context.Context, in *domainPatch) (*itemOutput[provisioning.Domain], error) {
			out, err := patchEntity(ctx, a, res, &patchInput{ItemPath: ItemPath{Domain: in.Domain, Key: in.Domain}, ContentType: in.ContentType,
				IfMatch: in.IfMatch, Reason: in.Reason, RawBody: in.RawBody})
			if err != nil {
				return nil, err
			}
			return &itemOutput[provisioning.Domain]{Status: out.status, ETag: etag(out.etag), Link: out.link, Body: out.entity}, nil
		})
}

func (a *api) listDomains(ctx context.Context, _ *struct{}) (*pageOutput[provisioning.Domain], error) {
	out := &pageOutput[provisioning.Domain]{Body: page[provisioning.Domain]{Items: []provisioning.Domain{}}}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		all, err := provisioning.Domains(r)
		for _, d := range all {
			if a.sees(ctx, policy.DomainRead, provisioning.Object{Domain: d.Name, Kind: provisioning.KindDomain, Key: d.Name}) {
				out.Body.Items = append(out.Body.Items, d)
			}
		}
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}
