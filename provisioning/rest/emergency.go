package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerEmergency: uses of the break-glass account, each of which somebody else must review.
func (a *api) registerEmergency() {
	const list, item = "/v1/domains/{domain}/emergency-sign-ins", "/v1/domains/{domain}/emergency-sign-ins/{key}"
	uses := resource[provisioning.EmergencySignIn]{read: policy.EmergencyRead}
	on := func(action provisioning.Action, key string) rule {
		return rule{action: action, kind: provisioning.KindEmergencySignIn, key: key, domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, list, "list-emergency-sign-ins", "Uses of the break-glass account, the newest first", on(policy.EmergencyRead, "")),
		func(ctx context.Context, in *pageInput) (*pageOutput[provisioning.EmergencySignIn], error) {
			return listEntities(ctx, a, uses, in.unfiltered())
		})
	huma.Register(a.huma, operation(http.MethodGet, item, "get-emergency-sign-in", "Read one of emergency-sign-ins", on(policy.EmergencyRead, "key")),
		func(ctx context.Context, in *getInput) (*itemOutput[provisioning.EmergencySignIn], error) {
			return getEntity(ctx, a, uses, in)
		})
	huma.Register(a.huma, operation(http.MethodPost, item+"/review", "review-emergency-sign-in",
		"Close the review of a use of the break-glass account; not by the account itself, nor by one whose password it set",
		on(policy.EmergencyReview, "key"), 409, 412, 413, 415, 422), a.reviewEmergency)
}

func (a *api) reviewEmergency(ctx context.Context, in *remarkInput) (*itemOutput[provisioning.EmergencySignIn], error) {
	if strings.TrimSpace(in.Body.Remark) == "" {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.remark", "is missing")
	}
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	s, object := subjectOf(ctx), provisioning.Object{Domain: in.Domain, Kind: provisioning.KindEmergencySignIn, Key: in.Key}
	var e provisioning.EmergencySignIn
	var tag string
	err = a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		old, _, err := provisioning.Get[provisioning.EmergencySignIn](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		if err := a.Policy.Can(s, policy.EmergencyReview, object); err != nil {
			return err
		}
		kept, err := provisioning.Keeps(w, in.Domain, old.User+"@"+in.Domain, who(s))
		if err == nil && kept {
			err = &provisioning.Denied{Rule: provisioning.RuleTwoPeople}
		}
		if err != nil {
			return err
		}
		e, err = old.Close(in.Domain, who(s), in.Body.Remark, a.Clock().UTC().Truncate(time.Second))
		if errors.Is(err, provisioning.ErrNotFound) {
			return huma.NewError(http.StatusConflict, "it has been reviewed")
		}
		if err == nil {
			tag, err = w.Put(in.Domain, e, ifMatch)
		}
		return err
	})
	if err != nil {
		a.auditDenied(ctx, s, policy.EmergencyReview, object, err)
		return nil, a.problem(ctx, err)
	}
	if a.EmergencyReviewed != nil {
		a.EmergencyReviewed(in.Domain, e)
	}
	return &itemOutput[provisioning.EmergencySignIn]{Status: http.StatusOK, ETag: etag(tag), Body: e}, nil
}
