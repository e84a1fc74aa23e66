package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/pipeline"
)

// unreadable is the rule for a journal of which nothing opens: the longest that its domain has, and where even the domain is not known, home's.
func unreadable(s provisioning.Store, home string) func(context.Context, string) (string, int, error) {
	return func(ctx context.Context, domain string) (string, int, error) {
		if domain == "" {
			domain = home
		}
		days := 0
		err := s.View(ctx, func(r provisioning.Reader) error {
			all, err := provisioning.List[provisioning.RecordingPolicy](r, domain, "", 0)
			for i, p := range all {
				if i == 0 {
					days = p.RetentionDays
				}
				days = recorder.LongerDays(days, p.RetentionDays)
			}
			return err
		})
		return domain, days, err
	}
}

// failedCmd looks at journals that could not be rendered, of a running or a stopped switch.
type failedCmd struct {
	configFlag
	Retry bool     `help:"Try them again: a running switch takes them up within a minute, a stopped one when it starts."`
	IDs   []string `arg:"" optional:"" name:"ID" help:"Which; all when missing."`
}

// Run implements `pbx recording failed`.
func (c failedCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	v, err := openBeside(ctx, config)
	if err != nil {
		return err
	}
	defer v.catalogue.Close()
	defer v.messages.Close()
	wanted := map[string]bool{}
	for _, id := range c.IDs {
		wanted[id] = true
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tDOMAIN\tWRITTEN\tBYTES\tDUE\tSTATE")
	var failures error
	for _, k := range []struct {
		kind  string
		aside pipeline.Aside
		rows  *catalogue.Catalogue
	}{{"recording", pipeline.AsideOf(config.recorderPath()), v.catalogue}, {"message", pipeline.AsideOf(config.path("mailbox")), v.messages}} {
		all, err := k.aside.List()
		if err != nil {
			return err
		}
		for _, j := range all {
			if len(wanted) > 0 && !wanted[j.ID] {
				continue
			}
			delete(wanted, j.ID)
			row, err := k.rows.Find(ctx, j.ID)
			if err != nil && !errors.Is(err, recorder.ErrNotFound) {
				return err
			}
			state := asideState(row)
			if c.Retry {
				state = "is tried again"
				if err := retry(ctx, k.aside, k.rows, j.ID); err != nil {
					state = err.Error()
					failures = errNotRetried
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", j.ID, k.kind, row.Domain, j.Written.UTC().Format(time.RFC3339), j.Bytes, day(row.RetainUntil), state)
		}
		if len(c.IDs) > 0 && len(wanted) == 0 {
			break
		}
	}
	for id := range wanted {
		failures = errors.Join(failures, fmt.Errorf("there is no such journal: %q", id))
	}
	return errors.Join(w.Flush(), failures)
}

// errNotRetried ends the command with a failure.
var errNotRetried = errors.New("not all could be tried again")

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

func asideState(r catalogue.Row) string {
	switch {
	case r.ID == "":
		return "in no list yet"
	case r.Certificate != "":
		return "is being destroyed"
	case !r.Held.IsZero():
		return "held"
	case !r.Approved.IsZero():
		return "its destruction is approved"
	}
	return r.Problem
}

// retry puts a journal back, unless its destruction was agreed to. It is looked at again afterwards: what is destroyed does not come back.
func retry(ctx context.Context, a pipeline.Aside, rows *catalogue.Catalogue, id string) error {
	if err := mayRetry(ctx, rows, id); err != nil {
		return err
	}
	if err := a.Retry(id); err != nil {
		return err
	}
	if err := mayRetry(ctx, rows, id); err != nil {
		return errors.Join(err, a.Return(id))
	}
	return nil
}

func mayRetry(ctx context.Context, rows *catalogue.Catalogue, id string) error {
	row, err := rows.Find(ctx, id)
	switch {
	case errors.Is(err, recorder.ErrNotFound):
		return nil
	case err != nil:
		return err
	case row.Certificate != "", !row.Approved.IsZero():
		return errors.New(asideState(row))
	}
	return nil
}
