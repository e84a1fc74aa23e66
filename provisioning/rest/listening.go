package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// wish is what somebody wants to hear.
type wish struct {
	Purpose    string                        `json:"purpose" required:"true" maxLength:"64" doc:"Of the domain's list of purposes"`
	Reason     string                        `json:"reason" required:"true" maxLength:"500"`
	Recordings []string                      `json:"recordings,omitempty" maxItems:"100"`
	Filter     *provisioning.RecordingFilter `json:"filter,omitempty" doc:"In place of recordings"`
	Hours      int                           `json:"hours,omitempty" minimum:"0" doc:"How long it is valid; 0: as long as may be"`
	Plays      int                           `json:"plays,omitempty" minimum:"0" doc:"How often; 0: once for each recording that is named, else as often as may be"`
	Download   bool                          `json:"download,omitempty"`
}

type wishInput struct {
	DomainPath
	Body wish
}

type remarkInput struct {
	ItemPath
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold, or *"`
	Body    struct {
		Remark string `json:"remark,omitempty" maxLength:"500"`
	}
}

// registerListening: recordings are heard for a purpose, under an approval by somebody else.
func (a *api) registerListening() {
	const list, item = "/v1/domains/{domain}/listening-requests", "/v1/domains/{domain}/listening-requests/{key}"
	requests := resource[provisioning.ListeningRequest]{read: policy.ListeningRead, ownKeys: provisioning.ListeningKeys,
		owner: func(q provisioning.ListeningRequest) string { return q.By }}
	on := func(action provisioning.Action, key string) rule {
		return rule{action: action, kind: provisioning.KindListening, key: key, domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, list, "list-listening-requests", "Who asked to hear what, and what became of it; one's own, or all for who approves",
		on(policy.ListeningRead, "")),
		func(ctx context.Context, in *pageInput) (*pageOutput[provisioning.ListeningRequest], error) {
			return listEntities(ctx, a, requests, in.unfiltered())
		})
	huma.Register(a.huma, operation(http.MethodGet, item, "get-listening-request", "Read one of listening-requests", on(policy.ListeningRead, "key")),
		func(ctx context.Context, in *getInput) (*itemOutput[provisioning.ListeningRequest], error) {
			return getEntity(ctx, a, requests, in)
		})
	huma.Register(a.huma, operation(http.MethodPost, list, "ask-to-listen", "Ask to hear recordings, for a purpose; somebody else must approve, but where the label needs a purpose only",
		on(policy.ListeningAsk, ""), 413, 415, 422), func(ctx context.Context, in *wishInput) (*itemOutput[provisioning.ListeningRequest], error) {
		return a.ask(ctx, in, false)
	})
	huma.Register(a.huma, operation(http.MethodPost, "/v1/domains/{domain}/break-glass", "break-glass",
		"Hear recordings at once, without an approval: it raises an alarm, and somebody else must review it",
		on(policy.BreakGlass, ""), 413, 415, 422), func(ctx context.Context, in *wishInput) (*itemOutput[provisioning.ListeningRequest], error) {
		return a.ask(ctx, in, true)
	})
	for _, d := range []struct {
		verb, summary string
		action        provisioning.Action
		do            func(provisioning.ListeningRequest, string, string, string, time.Time) (provisioning.ListeningRequest, error)
	}{
		{"approve", "Approve what somebody else asked to hear", policy.ListeningDecide, granted(true)},
		{"refuse", "Refuse it", policy.ListeningDecide, granted(false)},
		{"withdraw", "End a request or an approval; what is heard under it ends within seconds", policy.ListeningWithdraw,
			func(q provisioning.ListeningRequest, _, by, _ string, now time.Time) (provisioning.ListeningRequest, error) {
				return q.Withdraw(by, now)
			}},
		{"review", "Close the review of a listening without an approval", policy.ListeningReview, provisioning.ListeningRequest.Close},
	} {
		huma.Register(a.huma, operation(http.MethodPost, item+"/"+d.verb, d.verb+"-listening-request", d.summary, on(d.action, "key"), 409, 412, 413, 415, 422),
			func(ctx context.Context, in *remarkInput) (*itemOutput[provisioning.ListeningRequest], error) {
				return a.turn(ctx, in, d.action, d.verb == "review", d.do)
			})
	}
	a.registerListeningRules()
}

func granted(grant bool) func(provisioning.ListeningRequest, string, string, string, time.Time) (provisioning.ListeningRequest, error) {
	return func(q provisioning.ListeningRequest, domain, by, remark string, now time.Time) (provisioning.ListeningRequest, error) {
		return q.Decide(domain, by, grant, remark, now)
	}
}

// ask enters a request. One in need is granted at once, told to the switch and left to be reviewed.
func (a *api) ask(ctx context.Context, in *wishInput, inNeed bool) (*itemOutput[provisioning.ListeningRequest], error) {
	s, now, w := subjectOf(ctx), a.Clock().UTC().Truncate(time.Second), in.Body
	q := provisioning.ListeningRequest{ID: provisioning.ListeningID(s.User, now, strings.ToLower(rand.Text()[:8])), By: s.User, Purpose: w.Purpose, Reason: w.Reason,
		Recordings: w.Recordings, Filter: w.Filter, Download: w.Download, State: provisioning.ListeningPending, Asked: now}
	if inNeed {
		if w.Download {
			return nil, a.problem(ctx, &provisioning.Invalid{Field: "download", Reason: "must be false: what nobody approved is heard as a stream"})
		}
		q.State, q.BreakGlass = provisioning.ListeningGranted, true
	}
	var tag string
	err := a.Store.Update(ctx, s, func(wr provisioning.Writer) (err error) {
		if q.Person, err = provisioning.PersonOf(wr, in.Domain, s.User); err != nil {
			return err
		}
		rules, _, err := single[provisioning.ListeningRules](wr, in.Domain)
		if err != nil {
			return err
		}
		if err := bound(&q, w, rules); err != nil {
			return err
		}
		if tag, err = wr.Put(in.Domain, q, "!"); err != nil {
			return err
		}
		if !inNeed {
			return nil
		}
		return wr.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.BreakGlass), Object: provisioning.KindListening + "/" + q.ID,
			Outcome: "allowed", Detail: map[string]any{"purpose": q.Purpose, "reason": q.Reason, "recordings": q.Recordings}})
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if inNeed && a.BrokenGlass != nil {
		a.BrokenGlass(in.Domain, q)
	}
	return &itemOutput[provisioning.ListeningRequest]{Status: http.StatusCreated, ETag: etag(tag), Body: q}, nil
}

// bound fills in what was left out and holds the rest against the domain's rules.
func bound(q *provisioning.ListeningRequest, w wish, rules provisioning.ListeningRules) error {
	rules = rules.Bounds()
	if !rules.Knows(w.Purpose) {
		return &provisioning.Invalid{Field: "purpose", Reason: "is not on the domain's list of purposes"}
	}
	if w.Hours == 0 {
		w.Hours = rules.MaxHours
	}
	if w.Hours > rules.MaxHours {
		return &provisioning.Invalid{Field: "hours", Reason: "is longer than the domain's rules allow"}
	}
	if w.Plays == 0 {
		if w.Plays = rules.MaxPlays; len(w.Recordings) > 0 {
			w.Plays = min(len(w.Recordings), rules.MaxPlays)
		}
	}
	if w.Plays > rules.MaxPlays {
		return &provisioning.Invalid{Field: "plays", Reason: "is more than the domain's rules allow"}
	}
	q.Plays, q.Until = w.Plays, q.Asked.Add(time.Duration(w.Hours)*time.Hour)
	return nil
}

// anotherPerson refuses who decides about, or reviews, what was asked from an account that they keep: they may have asked themselves. Nor does who asked
// review with an account of which they set the password; a manager's waits for another manager then.
func anotherPerson(r provisioning.Reader, domain string, action provisioning.Action, s provisioning.Subject, q provisioning.ListeningRequest) error {
	if action != policy.ListeningDecide && action != policy.ListeningReview {
		return nil
	}
	asker := q.By + "@" + domain
	kept, err := provisioning.Keeps(r, domain, who(s), asker)
	if err == nil && !kept && !slices.Contains(s.Roles, provisioning.RoleManager) {
		kept, err = provisioning.Keeps(r, domain, asker, who(s))
	}
	if err == nil && kept {
		err = &provisioning.Denied{Rule: provisioning.RuleTwoPeople}
	}
	return err
}

// turn changes a request's state.
func (a *api) turn(ctx context.Context, in *remarkInput, action provisioning.Action, needsText bool,
	do func(q provisioning.ListeningRequest, domain, by, text string, now time.Time) (provisioning.ListeningRequest, error)) (*itemOutput[provisioning.ListeningRequest], error) {
	if needsText && strings.TrimSpace(in.Body.Remark) == "" {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.remark", "is missing")
	}
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	s := subjectOf(ctx)
	var q provisioning.ListeningRequest
	var tag string
	err = a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		old, _, err := provisioning.Get[provisioning.ListeningRequest](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		if err := a.can(s, action, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindListening, Key: in.Key, Owner: old.By}); err != nil {
			return err
		}
		if err := anotherPerson(w, in.Domain, action, s, old); err != nil {
			return err
		}
		q, err = do(old, in.Domain, s.User+"@"+s.Domain, in.Body.Remark, a.Clock().UTC().Truncate(time.Second))
		if errors.Is(err, provisioning.ErrNotFound) {
			return huma.NewError(http.StatusConflict, "it is not in a state in which that can be")
		}
		if err == nil {
			tag, err = w.Put(in.Domain, q, ifMatch)
		}
		return err
	})
	if err != nil {
		var denied *provisioning.Denied
		if errors.As(err, &denied) {
			a.auditDenied(ctx, s, action, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindListening, Key: in.Key}, err)
		}
		return nil, a.problem(ctx, err)
	}
	if q.BreakGlass && a.BrokenGlass != nil {
		a.BrokenGlass(in.Domain, q)
	}
	return &itemOutput[provisioning.ListeningRequest]{Status: http.StatusOK, ETag: etag(tag), Body: q}, nil
}
