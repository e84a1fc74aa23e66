package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type conferencePINInput struct {
	ItemPath
	Body struct {
		PIN       string `json:"pin" maxLength:"12" writeOnly:"true" doc:"Of guests, 4 to 12 digits; empty: none is asked for"`
		Moderator string `json:"moderator_pin" maxLength:"12" writeOnly:"true" doc:"Of moderators, who may lock the room and end it; empty: nobody is"`
	}
}

// registerConferences: rooms, and their PINs, which are written and never read back.
func (a *api) registerConferences() {
	res := resource[provisioning.Conference]{plural: "conferences", one: "conference", read: policy.ConferenceRead, put: policy.ConferencePut,
		del: policy.ConferenceDelete, setKey: func(c *provisioning.Conference, k string) { c.Number = k }}
	entities(a, res)
	putPlain(a, res)
	huma.Register(a.huma, operation(http.MethodPut, "/v1/domains/{domain}/conferences/{key}/pin", "put-conference-pin", "Set the PINs of a conference",
		rule{action: policy.ConferenceSecret, kind: provisioning.KindConference, key: "key", domain: "domain"}, 413, 415, 422), a.putConferencePIN)
	huma.Register(a.huma, operation(http.MethodDelete, "/v1/domains/{domain}/conferences/{key}/pin", "delete-conference-pin", "Ask for no PIN any more",
		rule{action: policy.ConferenceSecret, kind: provisioning.KindConference, key: "key", domain: "domain"}), a.deleteConferencePIN)
}

func (a *api) putConferencePIN(ctx context.Context, in *conferencePINInput) (*emptyOutput, error) {
	pins := provisioning.NewConferencePINs(in.Body.PIN, in.Body.Moderator)
	var bad *provisioning.Invalid
	if errors.As(pins.Validate(), &bad) {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body."+bad.Field, bad.Reason)
	}
	return a.conferencePIN(ctx, in.ItemPath, pins.Seal())
}

func (a *api) deleteConferencePIN(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
	return a.conferencePIN(ctx, *in, nil)
}

func (a *api) conferencePIN(ctx context.Context, at ItemPath, plain []byte) (*emptyOutput, error) {
	err := a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.Conference](w, at.Domain, at.Key); err != nil {
			return err
		}
		return w.PutSecret(at.Domain, provisioning.SecretConference, at.Key, plain)
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
