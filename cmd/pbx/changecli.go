package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"naisen/cmd/pbx/internal/apicmd"
	"naisen/provisioning"
)

type changeCmd struct {
	Show   changeShowCmd   `cmd:"" help:"Show a set of changes, field by field."`
	Whatif changeWhatifCmd `cmd:"" help:"Try a set on the calls of the last 30 days: which would have gone, or been recorded, otherwise."`
	Accept changeAcceptCmd `cmd:"" help:"After an older backup was put back: take what it says to be approved for what is."`
}

// remoteFlags say where a running switch is. The token is read from the environment, which other users of the machine cannot see.
type remoteFlags struct {
	URL    string `default:"http://127.0.0.1:8080" help:"Where the switch answers HTTP."`
	Domain string `required:"" help:"Whose set it is."`
	ID     string `arg:"" help:"ID of the set."`
}

const (
	remotePatience = time.Minute
	remoteBound    = 16 << 20 // bytes of an answer
)

// ask asks the switch, and reads the answer into into.
func (f remoteFlags) ask(ctx context.Context, method, path string, query url.Values, into any) error {
	c, err := apicmd.Client(f.URL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, remotePatience)
	defer cancel()
	in, _, err := c.Call(ctx, method, "/v1/domains/"+url.PathEscape(f.Domain)+"/changes/"+url.PathEscape(f.ID)+path, query, nil, "")
	if err != nil {
		return err
	}
	defer in.Close()
	return json.NewDecoder(io.LimitReader(in, remoteBound)).Decode(into)
}

type changeShowCmd struct{ remoteFlags }

// Run implements `pbx change show`.
func (c changeShowCmd) Run(ctx context.Context, out io.Writer) error {
	var s provisioning.ChangeSet
	var diff struct{ Items []provisioning.FieldChange }
	if err := errors.Join(c.ask(ctx, http.MethodGet, "", nil, &s), c.ask(ctx, http.MethodGet, "/diff", nil, &diff)); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s  %s, by %s\n%s\n", s.ID, s.State, s.By, s.Reason)
	if s.Ticket != "" {
		fmt.Fprintln(out, "ticket", s.Ticket)
	}
	if !s.Effective.IsZero() {
		fmt.Fprintln(out, "effective", s.Effective.Local().Format(time.DateTime))
	}
	if s.People > 0 {
		fmt.Fprintf(out, "%d of %d others have agreed\n", len(s.Agreed), s.People)
	}
	for _, f := range diff.Items {
		before, after := shown(f.Before), shown(f.After)
		if f.Secret != "" {
			before, after = "?", f.Secret
		}
		fmt.Fprintf(out, "%s %s %s: %s: %s -> %s\n", f.Does, f.Kind, f.Key, f.Field, before, after)
	}
	for _, e := range s.History {
		fmt.Fprintln(out, e.At.Local().Format(time.DateTime), e.State, e.By, e.Reason)
	}
	return nil
}

func shown(v json.RawMessage) string {
	if len(v) == 0 {
		return "-"
	}
	return string(v)
}

type changeWhatifCmd struct{ remoteFlags }

// Run implements `pbx change whatif`. It asks page by page, and ends when it is interrupted.
func (c changeWhatifCmd) Run(ctx context.Context, out io.Writer) error {
	var sum provisioning.WhatIfAnswer
	for q := (url.Values{}); sum.Calls < provisioning.MaxWhatIf; {
		var page provisioning.WhatIfAnswer
		if err := c.ask(ctx, http.MethodPost, "/what-if", q, &page); err != nil {
			return err
		}
		sum.Calls, sum.Changed, sum.Skipped = sum.Calls+page.Calls, sum.Changed+page.Changed, sum.Skipped+page.Skipped
		for i, k := range page.Kinds {
			if i == len(sum.Kinds) {
				sum.Kinds = append(sum.Kinds, provisioning.WhatIfDifference{Of: k.Of})
			}
			sum.Kinds[i].Calls += k.Calls
			sum.Kinds[i].Examples = append(sum.Kinds[i].Examples, k.Examples...)
		}
		if page.Next == "" {
			break
		}
		q.Set("after", page.Next)
	}
	fmt.Fprintf(out, "%d calls, %d would differ, of %d the record does not say enough\n", sum.Calls, sum.Changed, sum.Skipped)
	for _, k := range sum.Kinds {
		fmt.Fprintf(out, "%s: %d\n", k.Of, k.Calls)
		for _, e := range k.Examples[:min(len(k.Examples), whatIfExamples)] {
			fmt.Fprintf(out, "  %s %s -> %s: %s -> %s\n", e.At.Local().Format(time.DateTime), e.From, e.To, e.Before, e.After)
		}
	}
	return nil
}

type changeAcceptCmd struct {
	configFlag
	Reason string `required:"" help:"Why, for the audit log."`
}

// Run implements `pbx change accept`: rows that do not verify stay unused, only that a list is older than it was is taken for right.
func (c changeAcceptCmd) Run(ctx context.Context, out io.Writer) (err error) {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	s, k, err := databaseBeside(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	counted, err := s.Counted(ctx)
	if err != nil {
		return err
	}
	err = s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.AddAudit(provisioning.AuditEntry{Action: "approval.accepted", Object: "approval", Outcome: "ok", Detail: map[string]any{"lists": len(counted), "reason": c.Reason}})
	})
	if err != nil {
		return err
	}
	if err := errors.Join(k.Accept(counted), acceptRestored(config)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "ok: start the switch anew")
	return err
}
