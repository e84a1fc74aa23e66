package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// SignIns is how people are signed in at the embedded identity service. *identity.Service is one. ErrNotFound: there is no such user, or session.
type SignIns interface {
	Sessions(ctx context.Context, domain, user string) ([]provisioning.SignInSession, error)
	EndSession(ctx context.Context, by provisioning.Subject, domain, user, id string) error
	// EndSessions ends all of them; why is a word for the audit log.
	EndSessions(ctx context.Context, by provisioning.Subject, domain, user, why string) error
	Factors(ctx context.Context, domain, user string) (provisioning.SecondFactors, error)
	ResetFactors(ctx context.Context, by provisioning.Subject, domain, user string) error
}

type sessionPath struct {
	ItemPath
	ID string `path:"id" maxLength:"128"`
}

type factorsOutput struct{ Body provisioning.SecondFactors }

type resetFactorsOutput struct {
	Status int
	Link   string `header:"Link" doc:"Of a recording manager's: the proposal that waits for another manager to agree that the role is given back"`
}

// registerSignIns: where people are signed in, and with what. Everybody sees and ends their own.
func (a *api) registerSignIns() {
	const sessions, factors = "/v1/domains/{domain}/users/{key}/sessions", "/v1/domains/{domain}/users/{key}/second-factors"
	on := func(action provisioning.Action) rule {
		return rule{action: action, kind: provisioning.KindUser, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, sessions, "list-sessions", "Where a user is signed in", on(policy.SessionRead)), a.listSessions)
	huma.Register(a.huma, operation(http.MethodDelete, sessions, "end-sessions",
		"Sign a user out everywhere: browsers, programs, sign-ins under way; access tokens end by themselves within minutes", on(policy.SessionEnd)),
		func(ctx context.Context, in *ItemPath) (*emptyOutput, error) {
			return a.endSessions(ctx, *in, func(s provisioning.Subject) error {
				return a.SignIns.EndSessions(ctx, s, in.Domain, in.Key, "by request")
			})
		})
	huma.Register(a.huma, operation(http.MethodDelete, sessions+"/{id}", "end-session", "End one of a user's sessions", on(policy.SessionEnd)),
		func(ctx context.Context, in *sessionPath) (*emptyOutput, error) {
			return a.endSessions(ctx, in.ItemPath, func(s provisioning.Subject) error { return a.SignIns.EndSession(ctx, s, in.Domain, in.Key, in.ID) })
		})
	huma.Register(a.huma, operation(http.MethodGet, factors, "get-second-factors", "With what a user proves who they are besides the password", on(policy.SessionRead)),
		a.getFactors)
	huma.Register(a.huma, operation(http.MethodDelete, factors, "reset-second-factors",
		"Take all second factors away from a user who has lost them; the user's sign-ins end", on(policy.UserSecret)), a.resetFactors)
}

func (a *api) ofUser(ctx context.Context, action provisioning.Action, at ItemPath) error {
	o := provisioning.Object{Domain: at.Domain, Kind: provisioning.KindUser, Key: at.Key, Owner: at.Key}
	var ends error // why an account of more than they have is not theirs to sign out
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		u, _, err := provisioning.Get[provisioning.User](r, at.Domain, at.Key)
		o.Departments = departments(u.Department)
		if err == nil && action == policy.SessionEnd {
			ends = a.mayManage(subjectOf(ctx), r, at.Domain, action, u)
		}
		return err
	})
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) { // who is not there has no department
		return err
	}
	if err = a.may(ctx, action, o); err == nil && ends != nil {
		a.auditDenied(ctx, subjectOf(ctx), action, o, ends)
		err = ends
	}
	return err
}

func (a *api) listSessions(ctx context.Context, in *ItemPath) (*pageOutput[provisioning.SignInSession], error) {
	err := a.ofUser(ctx, policy.SessionRead, *in)
	var list []provisioning.SignInSession
	if err == nil {
		list, err = a.SignIns.Sessions(ctx, in.Domain, in.Key)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := &pageOutput[provisioning.SignInSession]{}
	out.Body.Items = append([]provisioning.SignInSession{}, list...)
	return out, nil
}

func (a *api) endSessions(ctx context.Context, at ItemPath, end func(provisioning.Subject) error) (*emptyOutput, error) {
	err := a.ofUser(ctx, policy.SessionEnd, at)
	if err == nil {
		err = end(subjectOf(ctx))
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

func (a *api) getFactors(ctx context.Context, in *ItemPath) (*factorsOutput, error) {
	err := a.ofUser(ctx, policy.SessionRead, *in)
	var f provisioning.SecondFactors
	if err == nil {
		f, err = a.SignIns.Factors(ctx, in.Domain, in.Key)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &factorsOutput{f}, nil
}

// resetFactors of a recording manager takes that role away until another manager agrees, as a new password does: who signs in with the password alone might
// be somebody else.
func (a *api) resetFactors(ctx context.Context, in *ItemPath) (*resetFactorsOutput, error) {
	waits, alone, err := a.unmanage(ctx, *in)
	if err == nil {
		err = a.SignIns.ResetFactors(ctx, subjectOf(ctx), in.Domain, in.Key)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if alone {
		a.alone(ctx, in.Domain, in.Key)
	}
	return &resetFactorsOutput{Status: http.StatusNoContent, Link: waiting(in.Domain, waits)}, nil
}
