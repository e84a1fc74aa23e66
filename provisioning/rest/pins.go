package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type pinInput struct {
	ItemPath
	Body struct {
		PIN string `json:"pin" maxLength:"12" writeOnly:"true" doc:"4 to 12 digits"`
	}
}

// registerPINs: the personal PIN of an extension, which is written and never read back.
func (a *api) registerPINs() {
	const path = "/v1/domains/{domain}/extensions/{key}/pin"
	r := rule{action: policy.ExtensionPIN, kind: provisioning.KindExtension, key: "key", domain: "domain"}
	huma.Register(a.huma, operation(http.MethodPut, path, "put-extension-pin", "Set the personal PIN of an extension", r, 413, 415, 422), a.putPIN)
	huma.Register(a.huma, operation(http.MethodDelete, path, "delete-extension-pin", "Forget the personal PIN: what it opens is closed", r), a.deletePIN)
}

func (a *api) putPIN(ctx context.Context, in *pinInput) (*emptyOutput, error) {
	err := a.Store.View(ctx, func(r provisioning.Reader) error { return a.mayPIN(ctx, r, in.ItemPath) })
	if err == nil { // who may not set it is not told what is wrong with it
		err = provisioning.CheckPIN(in.Key, in.Body.PIN)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	h, err := provisioning.HashPIN(in.Body.PIN)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.pin(ctx, in.ItemPath, h.Encode())
}

func (a *api) deletePIN(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.pin(ctx, *in, nil)
}

func (a *api) mayPIN(ctx context.Context, r provisioning.Reader, at ItemPath) error {
	e, _, err := provisioning.Get[provisioning.Extension](r, at.Domain, at.Key)
	if err != nil {
		return err
	}
	rule, err := a.rules(subjectOf(ctx), policy.ExtensionPIN, extensionObject(at.Domain, e))
	if err == nil {
		err = a.mayTakeOver(subjectOf(ctx), r, at.Domain, rule, e)
	}
	return err
}

func (a *api) pin(ctx context.Context, at ItemPath, sealed []byte) (*emptyOutput, error) {
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		if err := a.mayPIN(ctx, w, at); err != nil {
			return err
		}
		return w.PutSecret(at.Domain, provisioning.SecretPIN, at.Key, sealed)
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
