package rest

import (
	"context"
	"maps"

	"naisen/provisioning"
)

// act does what the store cannot do in the transaction of its audit entry: things of the switch and of the announcement library. The entry
// "allowed" is written first, and without it nothing is done; "ok" or "failed" follows. An "allowed" without either says that the machine
// stopped in between. do may add to what the second entry says.
func (a *api) act(ctx context.Context, domain string, action provisioning.Action, object string, detail map[string]any,
	do func() (map[string]any, error)) error {
	s := subjectOf(ctx)
	e := provisioning.AuditEntry{Domain: domain, Action: string(action), Object: object, Outcome: "allowed", Detail: detail}
	write := func(ctx context.Context) error {
		return a.Store.Update(ctx, s, func(w provisioning.Writer) error { return w.AddAudit(e) })
	}
	if err := write(ctx); err != nil {
		return err
	}
	more, err := do()
	if e.Outcome = "ok"; err != nil {
		e.Outcome = "failed"
	}
	e.Detail = maps.Clone(detail)
	if e.Detail == nil {
		e.Detail = more
	} else {
		maps.Copy(e.Detail, more)
	}
	// Done is done: the second entry is written even if the asker has gone meanwhile, and its failure does not make the deed undone.
	if failed := write(context.WithoutCancel(ctx)); failed != nil {
		a.Log.Error("rest: audit of what came of an action", "request", requestID(ctx), "action", action, "outcome", e.Outcome, "err", failed)
	}
	return err
}
