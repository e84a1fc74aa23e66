package apicmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"naisen/provisioning/client"
)

// maxFile is what the API takes, in bytes.
const maxFile = 8 << 20

type importCmd struct {
	flags
	reason
	Kind    string `arg:"" help:"extensions, users, dids, ..."`
	File    string `arg:"" help:"CSV in UTF-8 or Shift_JIS, or JSON, by its name."`
	DryRun  bool   `help:"Only say what would happen, field by field."`
	Replace bool   `help:"Those that the file does not have are deleted."`
}

// imported is what the switch says of a file.
type imported struct {
	Created   int                  `json:"created"`
	Changed   int                  `json:"changed"`
	Unchanged int                  `json:"unchanged"`
	Deleted   int                  `json:"deleted"`
	Waiting   int                  `json:"waiting"`
	Changes   []client.FieldChange `json:"changes"`
	Made      []struct {
		Username string `json:"username"`
		Secret   string `json:"secret"`
	} `json:"made"`
}

// Run implements `pbx import`.
func (c importCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.operation(http.MethodPost, c.Kind, "imports/KIND")
	if err != nil {
		return err
	}
	in, kind, err := open(c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return err
	}
	query := c.query()
	for name, on := range map[string]bool{"dry_run": c.DryRun, "replace": c.Replace} {
		if on {
			if query == nil {
				query = url.Values{}
			}
			query.Set(name, "true")
		}
	}
	meter := newMeter(os.Stderr, c.File)
	answer, _, err := c.ask(ctx, o, "", query, meter.reader(bytes.NewReader(text), len(text)), kind)
	meter.end()
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return c.show(out, answer)
	}
	return reportImport(out, answer)
}

func reportImport(out io.Writer, answer []byte) error {
	var did imported
	if err := json.Unmarshal(answer, &did); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d created, %d changed, %d unchanged, %d deleted\n", did.Created, did.Changed, did.Unchanged, did.Deleted)
	if did.Waiting > 0 {
		fmt.Fprintf(out, "%d wait for others to agree: pbx get proposals\n", did.Waiting)
	}
	for _, ch := range did.Changes {
		fmt.Fprintf(out, "%s %s %s: %s -> %s\n", ch.Does, ch.Key, ch.Field, text(ch.Before), text(ch.After))
	}
	for _, m := range did.Made {
		fmt.Fprintf(out, "%s\t%s\n", m.Username, m.Secret)
	}
	return nil
}

// private writes a file that nobody else may read, also where there was one that others could.
func private(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	if err == nil {
		_, err = f.Write(text)
	}
	return errors.Join(err, f.Close())
}

type exportCmd struct {
	flags
	Kind    string   `arg:"" help:"extensions, users, dids, ..."`
	Format  string   `enum:"csv,json" default:"csv" help:"csv or json."`
	Charset string   `enum:"utf-8,shift_jis" default:"utf-8" help:"Of CSV: utf-8 or shift_jis."`
	Filter  []string `sep:"none" help:"field=value, or field~text for a part of it; of several all must hold." placeholder:"FILTER"`
	To      string   `default:"-" help:"Where it is written to, for nobody else to read; - is standard output." placeholder:"FILE"`
}

// Run implements `pbx export`.
func (c exportCmd) Run(ctx context.Context, out io.Writer) error {
	o, err := c.operation(http.MethodGet, c.Kind, "exports/KIND")
	if err != nil {
		return err
	}
	query := url.Values{"format": {c.Format}}
	if c.Format == "csv" {
		query.Set("charset", c.Charset)
	}
	if len(c.Filter) > 0 {
		query["filter"] = c.Filter
	}
	file, _, err := c.ask(ctx, o, "", query, nil, "")
	if err != nil {
		return err
	}
	if c.To == "-" {
		_, err = out.Write(file)
		return err
	}
	return private(c.To, file)
}
