package rest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// rule is what an operation declares: no rule, no answer but 403.
type rule struct {
	action provisioning.Action
	kind   string
	key    string        // name of the path parameter that is the object's key; "": the operation is on all of them
	domain string        // name of the path parameter that is the domain; "": the subject's own
	time   time.Duration // how long it may take; 0: requestTimeout
}

const metaRule = "naisen-rule"

// operation starts an Operation with its rule. errs are the statuses it can give beside those of all.
func operation(method, path, id, summary string, r rule, errs ...int) huma.Operation {
	op := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{r.kind}, MaxBodyBytes: maxBody + 1,
		Metadata: map[string]any{metaRule: r}, Errors: append([]int{400, 401, 403, 404, 429}, errs...),
		BodyReadTimeout: 10 * time.Second,
	}
	if changes(method) {
		op.Parameters = []*huma.Param{onceParam()}
	}
	return op
}

type subjectKey struct{}

func subjectOf(ctx context.Context) provisioning.Subject {
	s, _ := ctx.Value(subjectKey{}).(provisioning.Subject)
	return s
}

// realm of the challenge (RFC 6750 section 3).
const realm = "naisen"

// requestTimeout bounds an operation from its first byte to its last.
const requestTimeout = 30 * time.Second

// guard stands before every operation, and before its body is read: who asks, how often, may they.
func (a *api) guard(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	s, err := a.Verifier.Request(r)
	if err != nil {
		a.refuseToken(ctx, err)
		return
	}
	s.Source = addressOf(r)
	s.Address, _ = netip.ParseAddr(s.Source)
	note(r.Context(), s)
	if wait := a.limits.take(s, a.Clock()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		a.answer(ctx, huma.NewError(http.StatusTooManyRequests, ""))
		return
	}
	rule, ok := ctx.Operation().Metadata[metaRule].(rule)
	if !ok || rule.action == "" {
		a.Log.Error("rest: operation without a rule", "operation", ctx.Operation().OperationID)
		a.answer(ctx, huma.NewError(http.StatusForbidden, "rule: none"))
		return
	}
	// The owner is not known yet. Whoever may not even do it to an object of their own is refused here, before anything is read.
	o := rule.object(ctx, s)
	o.Owner, o.Unread = s.User, true
	s.Grounds = &provisioning.Grounds{Action: rule.action, Inputs: a.Policy.Inputs}
	if _, err = a.rules(s, rule.action, o); err != nil {
		a.auditDenied(r.Context(), s, rule.action, o, err)
		a.answer(ctx, a.problem(r.Context(), err))
		return
	}
	if err := a.signedInFor(s, rule.action); err != nil {
		a.refuseToken(ctx, err)
		return
	}
	if bad := badLimit(ctx); bad != nil {
		a.answer(ctx, bad)
		return
	}
	limited, cancel := context.WithTimeout(context.WithValue(ctx.Context(), subjectKey{}, s), cmp.Or(rule.time, requestTimeout))
	defer cancel()
	a.once(huma.WithContext(ctx, limited), s, next)
}

func (r rule) object(ctx huma.Context, s provisioning.Subject) provisioning.Object {
	o := provisioning.Object{Domain: s.Domain, Kind: r.kind}
	if r.domain != "" {
		o.Domain = ctx.Param(r.domain)
	}
	if r.key != "" {
		o.Key = ctx.Param(r.key)
	}
	return o
}

// addressOf is where a request came from, for the audit log.
func addressOf(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return at.Addr().Unmap().String()
}

// may asks the policy about an object whose owner is known now.
func (a *api) may(ctx context.Context, action provisioning.Action, o provisioning.Object) error {
	s := subjectOf(ctx)
	err := a.can(s, action, o)
	if err != nil {
		a.auditDenied(ctx, s, action, o, err)
		return err
	}
	return a.signedInFor(s, action)
}

// signedInFor asks whether the person signed in as the action wants it, of somebody who may do it.
func (a *api) signedInFor(s provisioning.Subject, action provisioning.Action) error {
	if a.StepUp == nil {
		return nil
	}
	return a.StepUp(s, action)
}

// can asks about an object that was read.
func (a *api) can(s provisioning.Subject, action provisioning.Action, o provisioning.Object) error {
	_, err := a.rules(s, action, o)
	return err
}

// rules is can, and names the rule that let. What a policy of the domain forbids because of what the object is must not tell that it is there.
func (a *api) rules(s provisioning.Subject, action provisioning.Action, o provisioning.Object) (rule string, err error) {
	decided := a.Policy.Decide(s, action, o)
	if decided.Allowed {
		if o.Unread { // whose it is was a guess
			o.Owner = ""
		}
		s.Grounds.Told(action, decided.Rule, o)
		return decided.Rule, nil
	}
	var d *provisioning.Denied
	if !errors.As(a.Policy.Can(s, action, o), &d) { // it would be let now, by a rule that nobody has looked at
		d = &provisioning.Denied{Rule: decided.Rule}
	}
	if policy.OfSite(d.Rule) && !o.Unread {
		d.Hidden = true
	}
	return "", d
}

// sees is may without a trace: for the items of a list.
func (a *api) sees(ctx context.Context, action provisioning.Action, o provisioning.Object) bool {
	return a.Policy.Decide(subjectOf(ctx), action, o).Allowed
}

// challenger is an error that says what a client must bring instead.
type challenger interface {
	error
	Challenge(realm string) string
	HTTPStatus() int
}

// refuseToken answers 401 with a challenge, or what the verifier says.
func (a *api) refuseToken(ctx huma.Context, err error) {
	status, challenge := http.StatusUnauthorized, `Bearer realm="`+realm+`"`
	var e challenger
	if errors.As(err, &e) {
		status, challenge = e.HTTPStatus(), e.Challenge(realm)
	}
	a.Log.Debug("rest: token refused", "reason", err)
	if r, _ := humago.Unwrap(ctx); a.Refused != nil && status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		a.Refused(addressOf(r), err.Error()) // a verifier's reasons are its own words, none is the token's
	}
	if status == http.StatusServiceUnavailable {
		ctx.SetHeader("Retry-After", "30")
	} else {
		ctx.SetHeader("WWW-Authenticate", challenge)
	}
	a.answer(ctx, huma.NewError(status, ""))
}

func (a *api) answer(ctx huma.Context, err error) {
	var p *huma.ErrorModel
	if !errors.As(err, &p) {
		p = &huma.ErrorModel{Status: http.StatusInternalServerError}
	}
	r, w := humago.Unwrap(ctx)
	writeProblem(w, r, p)
}

// auditDenied records refusals, at most five a second over all: a flood must not fill the log.
func (a *api) auditDenied(ctx context.Context, s provisioning.Subject, action provisioning.Action, o provisioning.Object, err error) {
	var d *provisioning.Denied
	if !errors.As(err, &d) || !a.denied.Allow() {
		return
	}
	object := o.Kind + "/" + clip(o.Key)
	if o.Domain != s.Domain {
		object = clip(o.Domain) + "/" + object
	}
	a.Log.Warn("rest: denied", "user", s.User, "domain", s.Domain, "action", action, "rule", d.Rule)
	e := provisioning.AuditEntry{
		Time: a.Clock(), Domain: s.Domain, Subject: s.User + "@" + s.Domain, Action: string(action), Object: object, Outcome: "denied",
		Rule: d.Rule, Source: s.Source, Client: s.Client, Session: s.Session,
	}
	if d.Inputs != nil {
		e.Detail = map[string]any{"inputs": d.Inputs}
	}
	// Whoever hangs up at once is in the log too.
	err = a.Store.Update(context.WithoutCancel(ctx), provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) })
	if err != nil {
		a.Log.Error("rest: audit of a refusal", "err", err)
	}
}

// clip keeps what a stranger writes into the audit log short and printable.
func clip(s string) string {
	q := strconv.QuoteToASCII(s)
	q = q[1 : len(q)-1]
	if len(q) > 100 {
		q = q[:100]
	}
	return q
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// badLimit refuses a limit that is out of bounds before the library says 422: G11 asks for 400.
func badLimit(ctx huma.Context) error {
	raw := ctx.Query("limit")
	if raw == "" {
		return nil
	}
	if n, err := strconv.Atoi(raw); err != nil || n < 1 || n > maxLimit {
		return invalidAt(http.StatusBadRequest, "query.limit", "must be 1 to "+strconv.Itoa(maxLimit))
	}
	return nil
}
