package rest

import (
	"context"
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

func (a *api) registerFeatureCodes() {
	const path = "/v1/domains/{domain}/feature-codes"
	huma.Register(a.huma, operation(http.MethodGet, path, "get-feature-codes", "All codes that can be dialled, with what they do",
		rule{action: policy.FeatureCodesRead, kind: provisioning.KindFeatureCodes, domain: "domain"}), a.getFeatureCodes)
	huma.Register(a.huma, mayWait(operation(http.MethodPut, path, "put-feature-codes", "Change codes; a feature that is left out gets its default back",
		rule{action: policy.FeatureCodesPut, kind: provisioning.KindFeatureCodes, domain: "domain"}, 409, 412, 413, 415, 422)), a.putFeatureCodes)
}

func (a *api) getFeatureCodes(ctx context.Context, in *singleInput) (*itemOutput[codeTable], error) {
	return getSingle(ctx, a, in, linesOf)
}

func (a *api) putFeatureCodes(ctx context.Context, in *putSingleInput[provisioning.FeatureCodes]) (*itemOutput[codeTable], error) {
	return putSingle(ctx, a, policy.FeatureCodesRead, policy.FeatureCodesPut, in, linesOf)
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
