package rest

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// webhookOnce is a webhook with its signing key, which is shown only in the answer that makes it.
type webhookOnce struct {
	provisioning.Webhook
	Secret string `json:"secret,omitempty" readOnly:"true" doc:"Key of the HMAC-SHA256 signature; only in the answer that makes it"`
}

func (a *api) registerWebhooks() {
	res := resource[provisioning.Webhook]{plural: "webhooks", one: "webhook", read: policy.WebhookRead, put: policy.WebhookPut, del: policy.WebhookDelete,
		setKey: func(w *provisioning.Webhook, k string) { w.Name = k },
		created: func(w provisioning.Writer, domain string, h provisioning.Webhook) (any, error) {
			return newWebhookSecret(w, domain, h.Name)
		}, check: func(h provisioning.Webhook) error {
			if h.Loopback() && !a.LoopbackWebhooks {
				return &provisioning.Invalid{Field: "url", Reason: "is an address of this machine"}
			}
			return nil
		}}
	entities(a, res)
	patch(a, res)
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/webhooks/{key}", "put-webhook",
		"Create or replace a webhook; a new one's answer holds its signing key",
		rule{action: policy.WebhookPut, kind: provisioning.KindWebhook, key: "key", domain: "domain"}, 412, 413, 415, 422),
		func(ctx context.Context, in *putInput[provisioning.Webhook]) (*itemOutput[webhookOnce], error) {
			out, err := putEntity(ctx, a, res, in)
			if err != nil {
				return nil, err
			}
			body := webhookOnce{Webhook: out.entity}
			if s, ok := out.once.(secret.Secret); ok {
				body.Secret = s.Reveal()
			}
			return &itemOutput[webhookOnce]{Status: out.status, ETag: etag(out.etag), Body: body}, nil
		})
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/webhooks/{key}/secret", "new-webhook-secret",
		"Make a new signing key; the old one ends",
		rule{action: policy.WebhookSecret, kind: provisioning.KindWebhook, key: "key", domain: "domain"}), a.newWebhookSecret)
}

func (a *api) newWebhookSecret(ctx context.Context, in *ItemPath) (*secretOutput, error) {
	var plain secret.Secret
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) (err error) {
		if _, _, err := provisioning.Get[provisioning.Webhook](w, in.Domain, in.Key); err != nil {
			return err
		}
		plain, err = newWebhookSecret(w, in.Domain, in.Key)
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &secretOutput{shownOnce{Username: in.Key, Secret: plain.Reveal()}}, nil
}

// newWebhookSecret makes a key of 130 random bits.
func newWebhookSecret(w provisioning.Writer, domain, name string) (secret.Secret, error) {
	plain := secret.New(rand.Text())
	return plain, w.PutSecret(domain, provisioning.SecretWebhook, name, []byte(plain.Reveal()))
}
