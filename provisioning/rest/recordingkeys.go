package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerRecordingKeys: which keys recordings have, and a new one. No key is ever in an answer, and none is taken away here.
func (a *api) registerRecordingKeys() {
	const keys = "/v1/domains/{domain}/recording-keys"
	huma.Register(a.huma, operation(http.MethodGet, keys, "list-recording-keys", "The keys that recordings are sealed to, and what each is needed for",
		rule{action: policy.RecordingKeyRead, kind: policy.KindRecordingKey, domain: "domain"}, 503), a.listRecordingKeys)
	huma.Register(a.huma, operation(http.MethodPost, keys, "rotate-recording-keys",
		"Make a new key: what is recorded from now on is sealed to it, and what is stored is brought to it",
		rule{action: policy.RecordingKeyRotate, kind: policy.KindRecordingKey, domain: "domain"}, 503), a.rotateRecordingKeys)
}

func (a *api) listRecordingKeys(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.RecordingKey], error) {
	list, err := a.Keys.RecordingKeys(ctx, in.Domain)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &pageOutput[provisioning.RecordingKey]{Body: page[provisioning.RecordingKey]{Items: append([]provisioning.RecordingKey{}, list...)}}, nil
}

func (a *api) rotateRecordingKeys(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.RecordingKey], error) {
	err := a.act(ctx, in.Domain, policy.RecordingKeyRotate, policy.KindRecordingKey, nil, func() (map[string]any, error) {
		epoch, err := a.Keys.Rotate(ctx, in.Domain)
		return map[string]any{"epoch": epoch}, err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.listRecordingKeys(ctx, in)
}
