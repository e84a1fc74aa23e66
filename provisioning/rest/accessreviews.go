package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type answerAccessInput struct {
	ItemPath
	Body struct {
		User       string            `json:"user" required:"true" maxLength:"64"`
		Role       provisioning.Role `json:"role" required:"true" maxLength:"64"`
		Department string            `json:"department,omitempty" maxLength:"512" doc:"Over which the role is; left out: over the domain"`
		Answer     string            `json:"answer" required:"true" enum:"keep,remove" doc:"remove takes the role away at once"`
		Reason     string            `json:"reason,omitempty" maxLength:"500"`
	}
}

// registerAccessReviews: what people may do, asked again each quarter.
func (a *api) registerAccessReviews() {
	const path = "/v1/domains/{domain}/access-reviews"
	res := resource[provisioning.AccessReview]{read: policy.AccessReviewRead}
	huma.Register(a.huma, operation(http.MethodGet, path, "list-access-reviews", "List the access reviews of each quarter",
		rule{action: policy.AccessReviewRead, kind: provisioning.KindAccessReview, domain: "domain"}),
		func(ctx context.Context, in *pageInput) (*pageOutput[provisioning.AccessReview], error) {
			return listEntities(ctx, a, res, in.unfiltered())
		})
	huma.Register(a.huma, operation(http.MethodGet, path+"/{key}", "get-access-review", "Read an access review: every right, and who confirmed it",
		rule{action: policy.AccessReviewRead, kind: provisioning.KindAccessReview, key: "key", domain: "domain"}),
		func(ctx context.Context, in *getInput) (*itemOutput[provisioning.AccessReview], error) {
			return getEntity(ctx, a, res, in)
		})
	huma.Register(a.huma, operation(http.MethodPost, path+"/{key}/answers", "answer-access-review",
		"Say of another person's right whether it is still needed; what nobody confirms ends when the review is due",
		rule{action: policy.AccessReviewAnswer, kind: provisioning.KindAccessReview, key: "key", domain: "domain"}, 409, 413, 415, 422), a.answerAccess)
}

func (a *api) answerAccess(ctx context.Context, in *answerAccessInput) (*itemOutput[provisioning.AccessReview], error) {
	s := subjectOf(ctx)
	var v provisioning.AccessReview
	err := a.Store.Update(ctx, s, func(w provisioning.Writer) (err error) {
		v, err = provisioning.AnswerAccess(w, in.Domain, in.Key,
			provisioning.ReviewedRight{User: in.Body.User, Role: in.Body.Role, Department: in.Body.Department, Answer: in.Body.Answer}, a.wish(s, in.Body.Reason))
		if err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.AccessReviewAnswer), Object: provisioning.KindAccessReview + "/" + in.Key, Outcome: "ok",
			Detail: map[string]any{"user": in.Body.User, "role": string(in.Body.Role), "department": in.Body.Department, "answer": in.Body.Answer, "reason": in.Body.Reason}})
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.AccessReview]{Status: http.StatusOK, Body: v}, nil
}
