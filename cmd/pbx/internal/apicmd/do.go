package apicmd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"naisen/provisioning/client"
)

type doCmd struct {
	flags
	Operation string   `arg:"" optional:"" help:"Its name, as the API's document has it."`
	Values    []string `arg:"" optional:"" help:"name=value of what its path and query take: key=2001."`
	Body      string   `help:"File of what is sent; - is standard input." placeholder:"FILE"`
	Once      string   `help:"A name for this request: sent again within a day, it is not carried out again." placeholder:"KEY"`
}

// Run implements `pbx do`.
func (c doCmd) Run(ctx context.Context, out io.Writer) error {
	all := client.Operations()
	if c.Operation == "" {
		for _, o := range all {
			if _, err := fmt.Fprintf(out, "%s  %s\n", padded(o.ID, 36), o.Summary); err != nil {
				return err
			}
		}
		return nil
	}
	i := slices.IndexFunc(all, func(o client.Operation) bool { return o.ID == c.Operation })
	if i < 0 {
		return fmt.Errorf("there is no operation %q: pbx do lists them", c.Operation)
	}
	o := all[i]
	path, query, err := c.places(o)
	if err != nil {
		return err
	}
	return c.carryOut(ctx, out, o, path, query)
}

// places are where the values go.
func (c doCmd) places(o client.Operation) (path string, query url.Values, err error) {
	values := map[string]string{"domain": c.Domain}
	query = url.Values{}
	for _, text := range c.Values {
		name, v, ok := strings.Cut(text, "=")
		switch {
		case !ok:
			return "", nil, fmt.Errorf("%q is no name=value", text)
		case slices.Contains(o.PathParameters, name):
			values[name] = v
		case slices.Contains(o.Query, name):
			query.Add(name, v)
		default:
			return "", nil, fmt.Errorf("%s takes no %q: its path takes %s, its query %s", o.ID, name, named(o.PathParameters), named(o.Query))
		}
	}
	path, err = fill(o, values)
	return path, query, err
}

func named(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func (c doCmd) carryOut(ctx context.Context, out io.Writer, o client.Operation, path string, query url.Values) error {
	asker, err := c.client()
	if err != nil {
		return err
	}
	var body any
	kind := o.Body
	switch {
	case c.Body != "" && o.Body == "":
		return fmt.Errorf("%s takes no body", o.ID)
	case c.Body != "":
		in, byName, err := open(c.Body)
		if err != nil {
			return err
		}
		defer in.Close()
		if body = io.Reader(in); byName != "application/json" { // what a file's name says
			kind = byName
		}
	}
	var options []client.Option
	if c.Once != "" {
		options = append(options, client.Once(c.Once))
	}
	in, answer, err := asker.Call(ctx, o.Method, path, query, body, kind, options...)
	if err != nil {
		return err
	}
	defer in.Close()
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") { // sound, files, and what goes on for ever
		_, err = io.Copy(out, in)
		return err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxAnswer))
	if err != nil {
		return err
	}
	return c.told(out, text, answer)
}
