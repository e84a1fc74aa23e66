package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerPolicies: a class of retention gets shorter only when a second person agrees.
func (a *api) registerPolicies() {
	policies := resource[provisioning.RecordingPolicy]{plural: "recording-policies", one: "recording-policy", read: policy.PolicyRead,
		put: policy.PolicyPut, del: policy.PolicyDelete, setKey: func(p *provisioning.RecordingPolicy, k string) { p.Name = k }, change: a.proposed}
	entities(a, policies)
	putPlain(a, policies)
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/recording-policies/{key}/agree", "agree-recording-policy",
		"Agree to the shorter class of retention that somebody else asked for; it counts for recordings from now on",
		rule{action: policy.PolicyAgree, kind: provisioning.KindPolicy, key: "key", domain: "domain"}, 409, 412, 428), a.agreePolicy)
}

// proposed lets a shorter class wait. A new policy has the class that it is made with.
func (a *api) proposed(s provisioning.Subject, old, next provisioning.RecordingPolicy) provisioning.RecordingPolicy {
	if old.Name == "" {
		next.Shortening = nil
		return next
	}
	return old.Propose(next, s.User+"@"+s.Domain, a.Clock())
}

// agreePolicy wants the entity tag of the policy: nobody agrees to what was changed since it was read.
func (a *api) agreePolicy(ctx context.Context, in *approveInput) (*itemOutput[provisioning.RecordingPolicy], error) {
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	if ifMatch == "" || ifMatch == "*" {
		return nil, invalidAt(http.StatusPreconditionRequired, "header.If-Match", "must be the entity tag of the policy")
	}
	s := subjectOf(ctx)
	var p provisioning.RecordingPolicy
	var tag string
	err = a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		old, _, err := provisioning.Get[provisioning.RecordingPolicy](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		p, err = old.Agree(s.User + "@" + s.Domain)
		if errors.Is(err, provisioning.ErrNotFound) {
			return huma.NewError(http.StatusConflict, "no shorter class waits")
		}
		if err == nil {
			tag, err = w.Put(in.Domain, p, ifMatch)
		}
		return err
	})
	if err != nil {
		var denied *provisioning.Denied
		if errors.As(err, &denied) {
			a.auditDenied(ctx, s, policy.PolicyAgree, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindPolicy, Key: in.Key}, err)
		}
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.RecordingPolicy]{Status: http.StatusOK, ETag: etag(tag), Body: p}, nil
}
