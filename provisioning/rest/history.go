package rest

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// registerHistory: call records, newest first.
func (a *api) registerHistory() {
	r := rule{action: policy.CDRRead, kind: policy.KindCDR, domain: "domain"}
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/calls/history", "list-call-records",
		"List finished calls, newest first; staff see their own", r), a.listCDRs)
	r.key = "key"
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/calls/history/{key}", "get-call-record", "Read a finished call", r), a.getCDR)
}

// ownNumbers are the extensions of the asker: what makes a call their own.
func ownNumbers(r provisioning.Reader, s provisioning.Subject) ([]string, error) {
	all, err := provisioning.List[provisioning.Extension](r, s.Domain, "", 0)
	var own []string
	for _, e := range all {
		if e.User != "" && e.User == s.User {
			own = append(own, e.Number)
		}
	}
	return own, err
}

func ofParty(c provisioning.CDR, numbers []string) bool {
	return slices.Contains(numbers, c.From) || slices.Contains(numbers, c.To) || slices.Contains(numbers, c.AnsweredBy)
}

// unrecorded takes out of calls that they were recorded, where the reader may know of a part of the recordings only.
func unrecorded(r provisioning.Reader, domain, user string, calls []provisioning.CDR) error {
	part, err := knowsPart(r, domain, user)
	for i := range calls {
		if part || err != nil {
			calls[i].Recording, calls[i].Notices = "", nil
		}
	}
	return err
}

func (a *api) listCDRs(ctx context.Context, in *pageInput) (*pageOutput[provisioning.CDR], error) {
	s := subjectOf(ctx)
	out := &pageOutput[provisioning.CDR]{Body: page[provisioning.CDR]{Items: []provisioning.CDR{}}}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		q := provisioning.CDRQuery{After: in.After, Limit: in.Limit + 1}
		if !a.sees(ctx, policy.CDRRead, provisioning.Object{Domain: in.Domain, Kind: policy.KindCDR}) { // not all: then their own
			own, err := ownNumbers(r, s)
			if err != nil || len(own) == 0 {
				return err
			}
			q.Parties = own
		}
		list, err := r.CDRs(in.Domain, q)
		if err != nil {
			return err
		}
		if len(list) > in.Limit {
			list = list[:in.Limit]
			out.Body.Next = list[in.Limit-1].ID
		}
		out.Body.Items = append(out.Body.Items, list...)
		return unrecorded(r, in.Domain, s.User, out.Body.Items)
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}

func (a *api) getCDR(ctx context.Context, in *ItemPath) (*itemOutput[provisioning.CDR], error) {
	s := subjectOf(ctx)
	o := provisioning.Object{Domain: in.Domain, Kind: policy.KindCDR, Key: in.Key}
	out := &itemOutput[provisioning.CDR]{Status: http.StatusOK}
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		list, err := r.CDRs(in.Domain, provisioning.CDRQuery{ID: in.Key, Limit: 1})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return provisioning.ErrNotFound
		}
		own, err := ownNumbers(r, s)
		if ofParty(list[0], own) {
			o.Owner = s.User
		}
		if err != nil {
			return err
		}
		err = unrecorded(r, in.Domain, s.User, list)
		out.Body = list[0]
		return err
	})
	if err == nil {
		err = a.may(ctx, policy.CDRRead, o)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return out, nil
}
