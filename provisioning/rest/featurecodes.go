package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// codeLine is one line of the table as people read it: what holds, and what it is.
type codeLine struct {
	provisioning.FeatureCode
	Default string `json:"default" doc:"The code as long as nobody changes it"`
	Takes   string `json:"takes,omitempty" doc:"What is dialled behind the code; empty: nothing"`
	During  bool   `json:"during_call,omitempty" doc:"Pressed while one talks, where the extension's settings say call_codes"`
	Title   string `json:"title"`
	TitleJa string `json:"title_ja"`
}

type codeTable struct {
	Codes []codeLine `json:"codes" nullable:"false"`
}

type codesInput struct {
	Domain      string `path:"domain" maxLength:"253"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"256"`
}

type putCodesInput struct {
	Domain  string `path:"domain" maxLength:"253"`
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold, or *"`
	Body    provisioning.FeatureCodes
}

func (a *api) registerFeatureCodes() {
	const path = "/v1/domains/{domain}/feature-codes"
	huma.Register(a.huma, operation(http.MethodGet, path, "get-feature-codes", "All codes that can be dialled, with what they do",
		rule{action: policy.FeatureCodesRead, kind: provisioning.KindFeatureCodes, domain: "domain"}), a.getFeatureCodes)
	huma.Register(a.huma, operation(http.MethodPut, path, "put-feature-codes", "Change codes; a feature that is left out gets its default back",
		rule{action: policy.FeatureCodesPut, kind: provisioning.KindFeatureCodes, domain: "domain"}, 412, 413, 415, 422), a.putFeatureCodes)
}

func (a *api) getFeatureCodes(ctx context.Context, in *codesInput) (*itemOutput[codeTable], error) {
	var table provisioning.FeatureCodes
	tag := "default"
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		if _, _, err := provisioning.Get[provisioning.Domain](r, in.Domain, in.Domain); err != nil {
			return err
		}
		t, e, err := provisioning.Get[provisioning.FeatureCodes](r, in.Domain, table.Key())
		if errors.Is(err, provisioning.ErrNotFound) {
			return nil
		}
		table, tag = t, e
		return err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if in.IfNoneMatch == etag(tag) {
		return nil, huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {etag(tag)}})
	}
	return &itemOutput[codeTable]{Status: http.StatusOK, ETag: etag(tag), Body: linesOf(table)}, nil
}

func (a *api) putFeatureCodes(ctx context.Context, in *putCodesInput) (*itemOutput[codeTable], error) {
	res := resource[provisioning.FeatureCodes]{read: policy.FeatureCodesRead, put: policy.FeatureCodesPut, setKey: func(*provisioning.FeatureCodes, string) {}}
	match, none := in.IfMatch, ""
	if match == etag("default") { // what was read was nobody's yet
		match, none = "", "*"
	}
	out, err := putEntity(ctx, a, res, &putInput[provisioning.FeatureCodes]{ItemPath: ItemPath{Domain: in.Domain, Key: in.Body.Key()},
		IfMatch: match, IfNoneMatch: none, Body: in.Body})
	if err != nil {
		return nil, err
	}
	return &itemOutput[codeTable]{Status: http.StatusOK, ETag: etag(out.etag), Body: linesOf(out.entity)}, nil
}

// linesOf joins the table with what the features are.
func linesOf(table provisioning.FeatureCodes) codeTable {
	var out codeTable
	all := table.All()
	for i, f := range provisioning.Features() {
		out.Codes = append(out.Codes, codeLine{FeatureCode: all[i], Default: f.Code, Takes: f.Takes, During: provisioning.DuringCall(f.Name), Title: f.Title, TitleJa: f.TitleJa})
	}
	return out
}
