package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type personalInput struct {
	ItemPath
	Part  string `query:"part" enum:"placed,received,missed,elsewhere" doc:"Only these; left out: all"`
	After string `query:"after" maxLength:"256" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// registerPersonal: what an extension had to do with calls, for its owner.
func (a *api) registerPersonal() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/extensions/{key}/history", "list-extension-history",
		"List the calls of an extension, newest first; staff see their own",
		rule{action: policy.HistoryRead, kind: provisioning.KindExtension, key: "key", domain: "domain"}, 422), a.personalHistory)
}

func (a *api) personalHistory(ctx context.Context, in *personalInput) (*pageOutput[provisioning.HistoryItem], error) {
	out := &pageOutput[provisioning.HistoryItem]{Body: page[provisioning.HistoryItem]{Items: []provisioning.HistoryItem{}}}
	var e provisioning.Extension
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		e, _, err = provisioning.Get[provisioning.Extension](r, in.Domain, in.Key)
		return err
	})
	if err == nil {
		err = a.may(ctx, policy.HistoryRead, extensionObject(in.Domain, e))
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	var list []provisioning.CDR
	err = a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		list, err = r.CDRs(in.Domain, provisioning.CDRQuery{Extension: in.Key, Part: in.Part, After: in.After, Limit: in.Limit + 1})
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Body.Next = list[in.Limit-1].ID
	}
	for _, c := range list {
		out.Body.Items = append(out.Body.Items, a.historyItem(ctx, in.Domain, in.Key, c))
	}
	return out, nil
}

func (a *api) historyItem(ctx context.Context, domain, extension string, c provisioning.CDR) provisioning.HistoryItem {
	h := c.History(extension)
	if h.Number != "" && a.Books != nil {
		if e, ok := a.Books.Named(domain, h.Number, a.reader(ctx, domain)); ok {
			h.Name = e.Name
		}
	}
	return h
}
