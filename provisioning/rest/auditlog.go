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
	Kind    string    `query:"kind" enum:"admin,sign-in,call,recording,listening,device,system"`
	Outcome string    `query:"outcome" maxLength:"32"`
	Source  string    `query:"source" maxLength:"64" doc:"Address"`
	Text    string    `query:"text" maxLength:"200" doc:"Each word stands in the entry: whole, or anywhere where a script has no blanks"`
	Since   time.Time `query:"since" doc:"Inclusive, RFC 3339"`
	Until   time.Time `query:"until" doc:"Exclusive, RFC 3339"`
}

// registerAudit: a page may have fewer entries than its limit, or none, and more behind it: next says so.
func (a *api) registerAudit() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/audit", "list-audit",
		"Search the audit log; who may read only what they did themselves gets that. A page may have fewer entries than its limit and more behind it",
		rule{action: policy.AuditRead, kind: policy.KindAudit, domain: "domain"}, 422), a.listAudit)
}

type auditOutput struct {
	Body struct {
		Items []provisioning.AuditEntry `json:"items" nullable:"false"`
		Next  string                    `json:"next,omitempty" doc:"Give it as after to read on; absent on the last page"`
		From  *time.Time                `json:"from,omitempty" doc:"Entries up to then are archived and are not searched; absent while all are here"`
	}
}

func (a *api) listAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	out := &auditOutput{}
	out.Body.Items = []provisioning.AuditEntry{}
	q := provisioning.AuditSearch{Kind: in.Kind, Outcome: in.Outcome, Source: in.Source, Text: in.Text, AuditQuery: provisioning.AuditQuery{After: in.After, Limit: in.Limit,
		Newest: in.Newest, Subject: in.Subject, Action: in.Action, Object: in.Object, Since: in.Since, Until: in.Until}}
	if s := subjectOf(ctx); !a.sees(ctx, policy.AuditRead, provisioning.Object{Domain: in.Domain, Kind: policy.KindAudit}) { // their own only
		self := s.User + "@" + s.Domain
		if q.Subject != "" && q.Subject != self {
			return out, nil
		}
		q.Subject = self
	}
	found, err := a.Audit.SearchAudit(ctx, in.Domain, q)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out.Body.Items = append(out.Body.Items, found.Entries...)
	if !found.From.IsZero() {
		out.Body.From = &found.From
	}
	if found.Next > 0 {
		out.Body.Next = strconv.FormatInt(found.Next, 10)
	}
	return out, nil
}
