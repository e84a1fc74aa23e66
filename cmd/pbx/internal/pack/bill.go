package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// component of a CycloneDX bill of materials.
type component struct {
	Type    string     `json:"type"`
	Ref     string     `json:"bom-ref"`
	Name    string     `json:"name"`
	Version string     `json:"version"`
	PURL    string     `json:"purl,omitempty"`
	Extra   []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// bill lists the modules that are linked into a program, as the linker wrote them into it (CycloneDX 1.6, JSON): what is built is listed, not what is asked for.
func bill(program, version string, date time.Time) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	if len(info.Deps) == 0 {
		return nil, fmt.Errorf("%s: no module is linked into it", program)
	}
	all := []component{{Type: "library", Ref: "go", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"), PURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + strings.ToLower(m.Path) + "@" + m.Version
		all = append(all, component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl, Extra: []property{{"naisen:go.sum", m.Sum}}})
	}
	slices.SortFunc(all, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	refs := make([]string, len(all))
	for i, c := range all {
		refs[i] = c.Ref
	}
	out, err := json.MarshalIndent(map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"metadata":     map[string]any{"timestamp": date.Format(time.RFC3339), "component": component{Type: "application", Ref: "naisen", Name: "naisen", Version: version}},
		"components":   all,
		"dependencies": []map[string]any{{"ref": "naisen", "dependsOn": refs}},
	}, "", " ")
	return append(out, '\n'), err
}
