package apicmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"naisen/provisioning/client"
)

type getCmd struct {
	flags
	Kind   string   `arg:"" help:"extensions, users, dids, ..."`
	Key    string   `arg:"" optional:"" help:"Which one; without it: all."`
	Filter []string `sep:"none" help:"field=value, or field~text for a part of it; of several all must hold." placeholder:"FILTER"`
}

// Run implements `pbx get`: one, or all pages.
func (c getCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Key != "" {
		o, err := c.operation(http.MethodGet, c.Kind, "KIND/{key}")
		if err != nil {
			return err
		}
		text, _, err := c.ask(ctx, o, c.Key, nil, nil, "")
		if err != nil {
			return err
		}
		return c.show(out, text)
	}
	o, err := c.operation(http.MethodGet, c.Kind, "KIND")
	if err != nil {
		return err
	}
	var all []json.RawMessage
	query := url.Values{}
	if slices.Contains(o.Query, "limit") {
		query.Set("limit", "1000")
	}
	if len(c.Filter) > 0 {
		query["filter"] = c.Filter
	}
	for meter := newMeter(os.Stderr, c.Kind); ; meter.at(len(all), 0) {
		text, _, err := c.ask(ctx, o, "", query, nil, "")
		if err != nil {
			return err
		}
		var page struct {
			Items *[]json.RawMessage `json:"items"`
			Next  string             `json:"next"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return err
		}
		if page.Items == nil { // what there is one of
			return c.show(out, text)
		}
		all = append(all, *page.Items...)
		if page.Next == "" {
			meter.end()
			break
		}
		query.Set("after", page.Next)
	}
	text, err := json.Marshal(append([]json.RawMessage{}, all...))
	if err != nil {
		return err
	}
	return c.show(out, text)
}

// reason is of commands that others may have to agree to.
type reason struct {
	Reason string `help:"Why, for whoever must agree to it."`
}

func (r reason) query() url.Values {
	if r.Reason == "" {
		return nil
	}
	return url.Values{"reason": {r.Reason}}
}

type setCmd struct {
	flags
	reason
	Kind    string   `arg:"" help:"extensions, users, dids, ..."`
	Key     string   `arg:"" help:"Which one."`
	Fields  []string `arg:"" help:"field=text, field:=JSON (true, 3, [\"a\"]), field= takes it away; dots lead inside: forward.busy.extension=2009."`
	IfMatch string   `help:"Entity tag that must still hold." placeholder:"ETAG"`
}

// Run implements `pbx set`: a merge (RFC 7396).
func (c setCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.operation(http.MethodPatch, c.Kind, "KIND/{key}")
	if err != nil {
		return err
	}
	merge, err := mergeOf(c.Fields)
	if err != nil {
		return err
	}
	text, answer, err := c.ask(ctx, o, c.Key, c.query(), merge, o.Body, ifMatch(c.IfMatch)...)
	if err != nil {
		return err
	}
	return c.told(out, text, answer)
}

// mergeOf reads the fields of a merge.
func mergeOf(fields []string) (map[string]any, error) {
	merge := map[string]any{}
	for _, f := range fields {
		path, value, ok := strings.Cut(f, "=")
		var v any = value
		switch literal, isJSON := strings.CutSuffix(path, ":"); {
		case !ok || path == "" || path == ":":
			return nil, fmt.Errorf("%q is neither field=text nor field:=JSON", f)
		case isJSON:
			path = literal
			if err := json.Unmarshal([]byte(value), &v); err != nil {
				return nil, fmt.Errorf("%s: %q is no JSON", path, value)
			}
		case value == "":
			v = nil
		}
		at := merge
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			inner, ok := at[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[name] = inner
			}
			at = inner
		}
		at[names[len(names)-1]] = v
	}
	return merge, nil
}

func ifMatch(tag string) []client.Option {
	if tag == "" {
		return nil
	}
	if !strings.HasPrefix(tag, `"`) {
		tag = `"` + tag + `"`
	}
	return []client.Option{client.IfMatch(tag)}
}

type putCmd struct {
	flags
	reason
	Kind    string `arg:"" help:"extensions, users, dids, ..."`
	Key     string `arg:"" help:"Which one."`
	File    string `default:"-" help:"JSON, or YAML where the name ends so; - is standard input." placeholder:"FILE"`
	New     bool   `help:"Only if there is none yet."`
	IfMatch string `help:"Entity tag that must still hold." placeholder:"ETAG"`
}

// Run implements `pbx put`.
func (c putCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.operation(http.MethodPut, c.Kind, "KIND/{key}")
	if err != nil {
		return err
	}
	in, kind, err := open(c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	options := ifMatch(c.IfMatch)
	if c.New {
		options = append(options, client.OnlyNew())
	}
	text, answer, err := c.ask(ctx, o, c.Key, c.query(), in, kind, options...)
	if err != nil {
		return err
	}
	return c.told(out, text, answer)
}

// open a file, or standard input; its content type is by its name.
func open(name string) (io.ReadCloser, string, error) {
	kind := map[string]string{".csv": "text/csv", ".yaml": "application/yaml", ".yml": "application/yaml", ".wav": "audio/wav"}[strings.ToLower(filepath.Ext(name))]
	if kind == "" {
		kind = "application/json"
	}
	if name == "-" {
		return io.NopCloser(os.Stdin), kind, nil
	}
	f, err := os.Open(name)
	return f, kind, err
}

type deleteCmd struct {
	flags
	reason
	Kind    string `arg:"" help:"extensions, users, dids, ..."`
	Key     string `arg:"" help:"Which one."`
	IfMatch string `help:"Entity tag that must still hold." placeholder:"ETAG"`
}

// Run implements `pbx delete`.
func (c deleteCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.operation(http.MethodDelete, c.Kind, "KIND/{key}")
	if err != nil {
		return err
	}
	text, answer, err := c.ask(ctx, o, c.Key, c.query(), nil, "", ifMatch(c.IfMatch)...)
	if err != nil {
		return err
	}
	return c.told(out, text, answer)
}
