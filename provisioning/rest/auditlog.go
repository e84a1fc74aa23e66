package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type auditInput struct {
	Domain  string    `path:"domain" maxLength:"253"`
	After   int64     `query:"after" minimum:"0" doc:"next of the page before"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Newest  bool      `query:"newest" doc:"Newest first"`
	Subject string    `query:"subject" maxLength:"256"`
	Action  string    `query:"action" maxLength:"64" doc:"Exact, or a prefix that ends with a dot: recording."`
	Object  string    `query:"object" maxLength:"256"`
	Since   time.Time `query:"since" doc:"Inclusive, RFC 3339"`
	Until   time.Time `query:"until" doc:"Exclusive, RFC 3339"`
}

func (a *api) registerAudit() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/audit", "list-audit", "Read the audit log",
		rule{action: policy.AuditRead, kind: policy.KindAudit, domain: "domain"}), a.listAudit)
}

func (a *api) listAudit(ctx context.Context, in *auditInput) (*pageOutput[provisioning.AuditEntry], error) {
	out := &pageOutput[provisioning.AuditEntry]{Body: page[provisioning.AuditEntry]{Items: []provisioning.AuditEntry{}}}
	q := provisioning.AuditQuery{After: in.After, Limit: in.Limit + 1, Newest: in.Newest, Subject: in.Subject, Action: in.Action,
		Object: in.Object, Since: in.Since, Until: in.Until}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		list, err := r.Audit(in.Domain, q)
		if err != nil {
			return err
		}
		if len(list) > in.Limit {
			list = list[:in.Limit]
			out.Body.Next = strconv.FormatInt(list[in.Limit-1].Seq, 10)
		}
		out.Body.Items = append(out.Body.Items, list...)
		return nil
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}
