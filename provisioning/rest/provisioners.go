package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// provisionerOnce is a SCIM client with its secret, which is shown only in the answer that makes it.
type provisionerOnce struct {
	provisioning.Provisioner
	Secret string `json:"secret,omitempty" readOnly:"true" doc:"Bearer token of /scim/v2/DOMAIN; only in the answer that makes it"`
}

// registerProvisioners: who tells by SCIM who comes, moves and goes, and what becomes of these people.
func (a *api) registerProvisioners() {
	res := resource[provisioning.Provisioner]{plural: "provisioners", one: "provisioner", read: policy.ProvisionerRead, put: policy.ProvisionerPut, del: policy.ProvisionerDelete,
		setKey: func(p *provisioning.Provisioner, k string) { p.Name = k },
		created: func(w provisioning.Writer, domain string, p provisioning.Provisioner) (any, error) {
			return newProvisionerSecret(w, domain, p.Name)
		}}
	entities(a, res)
	patch(a, res)
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/provisioners/{key}", "put-provisioner",
		"Create or replace a SCIM client; a new one's answer holds its secret",
		rule{action: policy.ProvisionerPut, kind: provisioning.KindProvisioner, key: "key", domain: "domain"}, 412, 413, 415, 422),
		func(ctx context.Context, in *putInput[provisioning.Provisioner]) (*itemOutput[provisionerOnce], error) {
			out, err := putEntity(ctx, a, res, in)
			if err != nil {
				return nil, err
			}
			body := provisionerOnce{Provisioner: out.entity}
			if s, ok := out.once.(secret.Secret); ok {
				body.Secret = s.Reveal()
			}
			return &itemOutput[provisionerOnce]{Status: out.status, ETag: etag(out.etag), Body: body}, nil
		})
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/provisioners/{key}/secret", "new-provisioner-secret",
		"Make a new secret of a SCIM client; the old one ends",
		rule{action: policy.ProvisionerSecret, kind: provisioning.KindProvisioner, key: "key", domain: "domain"}), a.renewProvisioner)

	const path = "/v1/domains/{domain}/lifecycle-rules"
	huma.Register(a.huma, operation(http.MethodGet, path, "get-lifecycle-rules", "What becomes of people whom an identity service adds, moves and takes away",
		rule{action: policy.LifecycleRead, kind: provisioning.KindLifecycle, domain: "domain"}),
		func(ctx context.Context, in *singleInput) (*itemOutput[provisioning.LifecycleRules], error) {
			return getSingle(ctx, a, in, listed)
		})
	huma.Register(a.huma, mayWait(operation(http.MethodPut, path, "put-lifecycle-rules",
		"Replace the rules. What lets people hear or decide more waits for another person",
		rule{action: policy.LifecyclePut, kind: provisioning.KindLifecycle, domain: "domain"}, 412, 413, 415, 422)),
		func(ctx context.Context, in *putSingleInput[provisioning.LifecycleRules]) (*itemOutput[provisioning.LifecycleRules], error) {
			return putSingle(ctx, a, policy.LifecycleRead, policy.LifecyclePut, in, listed)
		})
}

// listed shows rules that nobody wrote as none.
func listed(r provisioning.LifecycleRules) provisioning.LifecycleRules {
	if r.Rules == nil {
		r.Rules = []provisioning.LifecycleRule{}
	}
	return r
}

// newProvisionerSecret is shown once; what is kept tells only whether it is given right.
func newProvisionerSecret(w provisioning.Writer, domain, name string) (secret.Secret, error) {
	plain := secret.Generate()
	return plain, w.PutSecret(domain, provisioning.SecretProvisioner, name, provisioning.ProvisionerProof(plain.Reveal()))
}

func (a *api) renewProvisioner(ctx context.Context, in *ItemPath) (*secretOutput, error) {
	var plain secret.Secret
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) (err error) {
		if _, _, err := provisioning.Get[provisioning.Provisioner](w, in.Domain, in.Key); err != nil {
			return err
		}
		plain, err = newProvisionerSecret(w, in.Domain, in.Key)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &secretOutput{shownOnce{Username: in.Key, Secret: plain.Reveal()}}, nil
}
