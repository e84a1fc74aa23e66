package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

func (a *api) postChange(ctx context.Context, in *postChangeInput) (*itemOutput[provisioning.ChangeSet], error) {
	out, err := a.saveChange(ctx, in.Domain, "", "", in.Body)
	if err == nil {
		out.Status = http.StatusCreated
	}
	return out, err
}

func (a *api) putChange(ctx context.Context, in *putChangeInput) (*itemOutput[provisioning.ChangeSet], error) {
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	if err := a.knownChange(ctx, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.saveChange(ctx, in.Domain, in.Key, ifMatch, in.Body)
}

// saveChange keeps a draft. Who writes it may make each of its changes.
func (a *api) saveChange(ctx context.Context, domain, key, ifMatch string, body changeBody) (*itemOutput[provisioning.ChangeSet], error) {
	who := subjectOf(ctx)
	s, err := body.set(key)
	if err == nil {
		err = provisioning.ChangeSet{ID: "draft", Reason: s.Reason, Ticket: s.Ticket, Changes: s.Changes, Late: s.Late}.Validate()
	}
	if err == nil && !s.Effective.IsZero() && !s.Effective.After(a.Clock()) {
		err = &provisioning.Invalid{Field: "effective", Reason: "is over"}
	}
	if err == nil && s.Effective.After(a.Clock().Add(400*24*time.Hour)) {
		err = &provisioning.Invalid{Field: "effective", Reason: "is more than a year away"}
	}
	if err == nil {
		err = movedOut(s.Allowed(a.Policy, who, domain))
	}
	var tag string
	if err == nil {
		s, tag, err = provisioning.SaveDraft(ctx, a.Store, who, domain, s, ifMatch, a.wish(who, ""))
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.ChangeSet]{Status: http.StatusOK, ETag: etag(tag), Body: s}, nil
}

// knownChange is ErrNotFound for a set that the asker may not know of.
func (a *api) knownChange(ctx context.Context, at ItemPath) error {
	_, err := a.changeAt(ctx, at)
	return err
}

func (a *api) changeAt(ctx context.Context, at ItemPath) (s provisioning.ChangeSet, err error) {
	err = a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		s, _, err = provisioning.Get[provisioning.ChangeSet](r, at.Domain, at.Key)
		return err
	})
	if err == nil && a.hidesChange(ctx, at.Domain, s) {
		err = provisioning.ErrNotFound
	}
	return s, err
}

// stepChange does a step, and tells whoever carries out what is due. What was refused by the domain's rules is in the audit log.
func (a *api) stepChange(ctx context.Context, in *stepInput, action provisioning.Action,
	do func(context.Context, *stepInput, provisioning.Wish, string) (provisioning.ChangeSet, string, error)) (*itemOutput[provisioning.ChangeSet], error) {
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	if action == policy.ChangeAgree && (ifMatch == "" || ifMatch == "*") {
		return nil, invalidAt(http.StatusPreconditionRequired, "header.If-Match", "must be the entity tag of the set")
	}
	if err := a.knownChange(ctx, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	who := subjectOf(ctx)
	s, tag, err := do(ctx, in, a.wish(who, in.Reason), ifMatch)
	if s.ID != "" {
		a.setChanged(in.Domain, s)
	}
	if err != nil {
		a.auditDenied(ctx, who, action, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindChangeSet, Key: in.Key}, err)
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.ChangeSet]{Status: http.StatusOK, ETag: etag(tag), Body: s}, nil
}

// mayMake says that somebody may make each change of a set by itself, and has signed in as each of them asks.
func (a *api) mayMake(ctx context.Context, domain string, s provisioning.ChangeSet) error {
	who := subjectOf(ctx)
	if err := s.Allowed(a.Policy, who, domain); err != nil {
		return movedOut(err)
	}
	for _, action := range s.Actions() {
		if err := a.signedInFor(who, action); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) setChanged(domain string, s provisioning.ChangeSet) {
	if a.SetChanged != nil {
		a.SetChanged(domain, s)
	}
}

func (a *api) proposeChange(ctx context.Context, in *stepInput, by provisioning.Wish, ifMatch string) (provisioning.ChangeSet, string, error) {
	s, err := a.changeAt(ctx, in.ItemPath)
	if err == nil {
		err = a.mayMake(ctx, in.Domain, s)
	}
	if err != nil {
		return provisioning.ChangeSet{}, "", err
	}
	return provisioning.ProposeSet(ctx, a.Store, subjectOf(ctx), in.Domain, in.Key, ifMatch, by)
}

// agreeChange: what protects recordings is a recording manager's to agree to, whatever class it is in.
func (a *api) agreeChange(ctx context.Context, in *stepInput, by provisioning.Wish, ifMatch string) (provisioning.ChangeSet, string, error) {
	return provisioning.AgreeSet(ctx, a.Store, subjectOf(ctx), in.Domain, in.Key, ifMatch, by, func(s provisioning.ChangeSet) error {
		if s.Class != "" {
			return nil
		}
		return a.Policy.Can(subjectOf(ctx), policy.ProposalAgree, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindProposal, Key: s.ID})
	})
}

func (a *api) applyChange(ctx context.Context, in *stepInput, by provisioning.Wish, ifMatch string) (provisioning.ChangeSet, string, error) {
	s, err := a.changeAt(ctx, in.ItemPath)
	if err == nil {
		err = a.mayMake(ctx, in.Domain, s)
	}
	if err != nil {
		return provisioning.ChangeSet{}, "", err
	}
	return provisioning.ApplySet(ctx, a.Store, subjectOf(ctx), in.Domain, in.Key, ifMatch, by)
}

// undoChange: who takes changes back may make the reverse ones.
func (a *api) undoChange(ctx context.Context, in *stepInput, by provisioning.Wish, _ string) (provisioning.ChangeSet, string, error) {
	s, err := a.changeAt(ctx, in.ItemPath)
	if err == nil {
		err = a.mayMake(ctx, in.Domain, s.Reverse("undo", by))
	}
	if err != nil {
		return provisioning.ChangeSet{}, "", err
	}
	return provisioning.UndoSet(ctx, a.Store, subjectOf(ctx), in.Domain, in.Key, by)
}

func (a *api) withdrawChange(ctx context.Context, in *withdrawInput) (*emptyOutput, error) {
	if err := a.knownChange(ctx, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	who := subjectOf(ctx)
	err := provisioning.EndSet(ctx, a.Store, who, in.Domain, in.Key, a.wish(who, in.Reason), func(s provisioning.ChangeSet) error {
		return a.Policy.Can(who, policy.ChangeWithdraw, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindChangeSet, Key: in.Key, Owner: strings.TrimSuffix(s.By, "@"+in.Domain)})
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}

func (a *api) reviewChange(ctx context.Context, in *reviewChangeInput) (*itemOutput[provisioning.ChangeSet], error) {
	if err := a.knownChange(ctx, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	who := subjectOf(ctx)
	s, tag, err := provisioning.ReviewSet(ctx, a.Store, who, in.Domain, in.Key, a.wish(who, in.Body.Remark))
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	a.setChanged(in.Domain, s)
	return &itemOutput[provisioning.ChangeSet]{Status: http.StatusOK, ETag: etag(tag), Body: s}, nil
}

type whatIfInput struct {
	ItemPath
	After string    `query:"after" maxLength:"256" doc:"next of the page before"`
	Calls int       `query:"calls" minimum:"1" maximum:"20000" default:"20000" doc:"How many calls a page is about"`
	Since time.Time `query:"since" doc:"Calls from then on, RFC 3339; left out: 30 days ago"`
}

type whatIfOutput struct{ Body provisioning.WhatIfAnswer }

func (a *api) tryChange(ctx context.Context, in *whatIfInput) (*whatIfOutput, error) {
	s, err := a.changeAt(ctx, in.ItemPath)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if s.Over() {
		return nil, a.problem(ctx, provisioning.ErrInState)
	}
	answer, err := a.WhatIf.WhatIf(ctx, subjectOf(ctx), in.Domain, s, provisioning.WhatIfQuery{Since: in.Since, After: in.After, Limit: in.Calls})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &whatIfOutput{answer}, nil
}
