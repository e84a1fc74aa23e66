package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// callerLine is one number that an extension may show.
type callerLine struct {
	Place   int      `json:"place" doc:"Dialled behind the code"`
	Number  string   `json:"number"`
	Title   string   `json:"title"`
	Default bool     `json:"default" doc:"Shown where nothing is chosen"`
	Trunks  []string `json:"trunks" nullable:"false" doc:"Those that show it"`
}

// registerCallerNumbers: what an extension may show on outside calls.
func (a *api) registerCallerNumbers() {
	huma.Register(a.huma, operation(http.MethodGet, "/v1/domains/{domain}/extensions/{key}/caller-numbers", "list-extension-caller-numbers",
		"Numbers that an extension may show on outside calls, by the place with which they are chosen",
		rule{action: policy.ExtensionRead, kind: provisioning.KindExtension, key: "key", domain: "domain"}), a.callerNumbersOf)
}

func (a *api) callerNumbersOf(ctx context.Context, in *ItemPath) (*pageOutput[callerLine], error) {
	return ofExtension(ctx, a, in, callerLines)
}

func callerLines(r provisioning.Reader, domain string, e provisioning.Extension) ([]callerLine, error) {
	d, _, noDepartment := provisioning.Get[provisioning.Department](r, domain, e.Department)
	s, _, noSettings := provisioning.Get[provisioning.Settings](r, domain, e.Number)
	trunks, err := provisioning.List[provisioning.Trunk](r, domain, "", 0)
	for _, err := range []error{noDepartment, noSettings, err} {
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return nil, err
		}
	}
	out, byDefault := []callerLine{}, e.CallerID
	for i, n := range provisioning.CallerNumbers(e, d) {
		did, _, err := provisioning.Get[provisioning.DID](r, domain, n)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return nil, err
		}
		line := callerLine{Place: i + 1, Number: n, Title: did.Title, Trunks: []string{}}
		for _, t := range trunks {
			if !t.Disabled && t.Shows(n) {
				line.Trunks = append(line.Trunks, t.Name)
			}
		}
		if n == s.CallerID {
			byDefault = n
		}
		out = append(out, line)
	}
	for i := range out {
		out[i].Default = out[i].Number == byDefault
	}
	return out, nil
}
