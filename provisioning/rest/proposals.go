package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// A change that loosens how recordings are protected is answered with 202: what else it changes counts, and the rest waits as a proposal that the Link
// header names, until enough other people have agreed to it.

type agreeInput struct {
	ItemPath
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag of the proposal as it was read"`
	Reason  string `query:"reason" maxLength:"500" doc:"Why, for the audit log"`
}

type withdrawInput struct {
	ItemPath
	Reason string `query:"reason" maxLength:"500" doc:"Why, for the audit log"`
}

// proposals: read by whoever may change a policy; agreed to by recording managers; withdrawn by who proposed, or refused by a manager.
func (a *api) registerProposals() {
	const list = "/v1/domains/{domain}/proposals"
	of := func(action provisioning.Action) rule {
		return rule{action: action, kind: provisioning.KindProposal, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, list, "list-proposals", "List what waits for others to agree",
		rule{action: policy.ProposalRead, kind: provisioning.KindProposal, domain: "domain"}), a.listProposals)
	huma.Register(a.huma, operation(http.MethodGet, list+"/{key}", "get-proposal", "Read a proposal: what would change, who wants it and who has agreed",
		of(policy.ProposalRead)), func(ctx context.Context, in *getInput) (*itemOutput[provisioning.Proposal], error) {
		return getEntity(ctx, a, a.proposals(), in)
	})
	huma.Register(a.huma, operation(http.MethodPost, list+"/{key}/agree", "agree-proposal",
		"Agree to what somebody else proposed; with the last word that it needs it is done", of(policy.ProposalAgree), 409, 412, 422, 428, 503),
		func(ctx context.Context, in *agreeInput) (*itemOutput[provisioning.Proposal], error) {
			return a.agreeProposal(ctx, in, policy.ProposalAgree)
		})
	huma.Register(a.huma, operation(http.MethodPost, list+"/{key}/approve", "approve-proposal",
		"The same of a proposal that takes no protection of recordings away: a class of the domain's own asks for it",
		rule{action: policy.ChangeAgree, kind: provisioning.KindChangeSet, key: "key", domain: "domain"}, 409, 412, 422, 428, 503),
		func(ctx context.Context, in *agreeInput) (*itemOutput[provisioning.Proposal], error) {
			return a.agreeProposal(ctx, in, policy.ChangeAgree)
		})
	withdraw := operation(http.MethodDelete, list+"/{key}", "withdraw-proposal", "Withdraw an own proposal, or refuse somebody else's", of(policy.ProposalWithdraw))
	huma.Register(a.huma, withdraw, a.withdrawProposal)
}

func (a *api) listProposals(ctx context.Context, in *pageInput) (*pageOutput[provisioning.Proposal], error) {
	return listEntities(ctx, a, a.proposals(), in.unfiltered())
}

func (a *api) proposals() resource[provisioning.Proposal] {
	return resource[provisioning.Proposal]{read: policy.ProposalRead, hidden: a.hidesProposal}
}

// hidesProposal says that what a proposal is about is nothing that the asker may know of.
func (a *api) hidesProposal(ctx context.Context, domain string, p provisioning.Proposal) bool {
	reads := map[string]provisioning.Action{provisioning.KindRecording: policy.RecordingList, provisioning.KindRecordingScope: policy.RecordingScopeRead,
		provisioning.KindListeningRules: policy.ListeningRulesRead}
	read, ok := reads[p.Of]
	if ok && !a.sees(ctx, read, provisioning.Object{Domain: domain, Kind: p.Of, Key: p.Name}) {
		return true
	}
	return p.Of == provisioning.KindRecording && a.known(ctx, ItemPath{Domain: domain, Key: p.Name}) != nil
}

// wish is who asks, why and when.
func (a *api) wish(s provisioning.Subject, reason string) provisioning.Wish {
	return provisioning.Wish{By: s.User + "@" + s.Domain, Reason: strings.TrimSpace(reason), At: a.Clock()}
}

// mayWait says in the document that what an operation asks for may wait. Of entities only some kinds do.
func mayWait(op huma.Operation) huma.Operation {
	r, ok := op.Metadata[metaRule].(rule)
	if ok && (r.kind == policy.KindRecording || provisioning.Guarded(r.kind)) {
		op.Responses = map[string]*huma.Response{"202": {Description: "What loosens how recordings are protected, or is in a class of the domain's own, waits for others to agree; Link names the proposal"}}
	}
	return op
}

// waiting is the Link header of an answer whose change waits (RFC 8288).
func waiting(domain string, p *provisioning.Proposal) string {
	if p == nil {
		return ""
	}
	return "</v1/domains/" + url.PathEscape(domain) + "/proposals/" + url.PathEscape(p.ID) + `>; rel="monitor"`
}

// agreeProposal wants the entity tag of the proposal: nobody agrees to what was changed since it was read. The word is written first, with what it is
// about; what is wanted of a recording is done outside of that transaction, and the same person may try it again.
func (a *api) agreeProposal(ctx context.Context, in *agreeInput, right provisioning.Action) (*itemOutput[provisioning.Proposal], error) {
	ifMatch, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	if ifMatch == "" || ifMatch == "*" {
		return nil, invalidAt(http.StatusPreconditionRequired, "header.If-Match", "must be the entity tag of the proposal")
	}
	if err := a.knownProposal(ctx, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	s := subjectOf(ctx)
	var p provisioning.Proposal
	var tag string
	var all bool
	var overtaken error // what was agreed to is another thing by now: the proposal goes, and that is committed
	err = a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		overtaken = nil
		old, _, err := provisioning.Get[provisioning.Proposal](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		if right != policy.ProposalAgree && old.Class == "" {
			return provisioning.ErrNotFound // it protects recordings: a recording manager's
		}
		by := a.wish(s, in.Reason)
		if p, all, err = old.Agree(by); err == nil {
			err = old.OtherPerson(w, in.Domain, by)
		}
		if err != nil {
			return err
		}
		if tag, err = w.Put(in.Domain, p, ifMatch); err != nil {
			return err
		}
		if all && p.Of != provisioning.KindRecording {
			err = provisioning.Carry(w, in.Domain, p, a.Clock())
		}
		e := provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.ProposalAgree), Object: provisioning.KindProposal + "/" + p.ID,
			Outcome: "ok", Detail: factsOf(p, in.Reason)}
		if errors.Is(err, provisioning.ErrOvertaken) {
			overtaken, err, e.Outcome = err, nil, "failed"
		}
		if err != nil {
			return err
		}
		return w.AddAudit(e)
	})
	if err == nil {
		err = overtaken
	}
	if err == nil && all && p.Of == provisioning.KindRecording {
		err = a.carryOut(ctx, in.Domain, p)
	}
	if err != nil {
		a.auditDenied(ctx, s, right, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindProposal, Key: in.Key}, err)
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.Proposal]{Status: http.StatusOK, ETag: etag(tag), Body: p}, nil
}

// knownProposal is ErrNotFound for one that the asker may not know of. What a proposal of that id is about never changes, whatever it would make of it.
func (a *api) knownProposal(ctx context.Context, at ItemPath) error {
	var p provisioning.Proposal
	err := a.Store.View(ctx, func(r provisioning.Reader) (err error) {
		p, _, err = provisioning.Get[provisioning.Proposal](r, at.Domain, at.Key)
		return err
	})
	if err == nil && a.hidesProposal(ctx, at.Domain, p) {
		err = provisioning.ErrNotFound
	}
	return err
}

// factsOf is what the audit log says of a proposal.
func factsOf(p provisioning.Proposal, reason string) map[string]any {
	agreed := make([]any, len(p.Agreed))
	for i, g := range p.Agreed {
		agreed[i] = g.By
	}
	facts := map[string]any{"of": p.Of + "/" + p.Name, "asked_by": p.By, "asked": p.Asked, "loosens": p.Loosens, "agreed": agreed, "people": p.People}
	if p.Reason != "" {
		facts["asked_reason"] = p.Reason
	}
	if reason = strings.TrimSpace(reason); reason != "" {
		facts["reason"] = reason
	}
	if p.Delete {
		facts["delete"] = true
	}
	return facts
}

// carryOut does what is wanted of a recording, and removes the proposal.
func (a *api) carryOut(ctx context.Context, domain string, p provisioning.Proposal) error {
	if a.Vault == nil || len(p.Changes) != 1 {
		return provisioning.ErrNotFound
	}
	change := p.Changes[0]
	action, do := policy.RecordingLabel, a.lowerLabel
	if change.Field == fieldUntil {
		action, do = policy.RecordingRetain, a.giveEnd
	}
	facts := factsOf(p, "")
	facts["from"], facts["to"] = string(change.From), string(change.To)
	err := a.act(ctx, domain, action, policy.KindRecording+"/"+clip(p.Name), facts, func() (map[string]any, error) { return nil, do(ctx, domain, p) })
	if errors.Is(err, provisioning.ErrStale) {
		err = provisioning.ErrOvertaken
	}
	if err != nil && !errors.Is(err, provisioning.ErrOvertaken) && !errors.Is(err, provisioning.ErrNotFound) {
		return err
	}
	return errors.Join(a.Store.Update(ctx, subjectOf(ctx), func(w provisioning.Writer) error { return provisioning.Carry(w, domain, p, a.Clock()) }), err)
}

// lowerLabel of a recording, if it still has the one that people were asked about.
func (a *api) lowerLabel(ctx context.Context, domain string, p provisioning.Proposal) error {
	var from, to provisioning.Label
	if err := errors.Join(json.Unmarshal(p.Changes[0].From, &from), json.Unmarshal(p.Changes[0].To, &to)); err != nil {
		return err
	}
	k, err := a.Vault.Keeping(ctx, domain, p.Name)
	switch {
	case err != nil:
		return err
	case !p.Stands(provisioning.Loosening(fieldLabel, string(k.Label), string(to))):
		return provisioning.ErrOvertaken
	}
	return a.Vault.Relabel(ctx, domain, p.Name, from, to)
}

// giveEnd to a recording that still has none; one that has passed while people were asked would let it fall due at once.
func (a *api) giveEnd(ctx context.Context, domain string, p provisioning.Proposal) error {
	var until time.Time
	if err := json.Unmarshal(p.Changes[0].To, &until); err != nil {
		return err
	}
	k, err := a.Vault.Keeping(ctx, domain, p.Name)
	switch {
	case err != nil:
		return err
	case !k.RetainUntil.IsZero() || !until.After(a.Clock()) || !p.Stands(endless(until)):
		return provisioning.ErrOvertaken
	}
	return a.Vault.Date(ctx, domain, p.Name, until)
}

// endless is what is lost where a recording without an end gets one.
func endless(until time.Time) []provisioning.Weakening {
	return provisioning.Loosening(fieldUntil, "", until.UTC().Format(time.RFC3339))
}

// propose lets a change of a recording wait.
func (a *api) propose(ctx context.Context, at ItemPath, field, reason string, from, to any, loosens []provisioning.Weakening) (provisioning.Proposal, error) {
	before, err := json.Marshal(from)
	if err != nil {
		return provisioning.Proposal{}, err
	}
	after, err := json.Marshal(to)
	if err != nil {
		return provisioning.Proposal{}, err
	}
	s := subjectOf(ctx)
	p := provisioning.Propose(provisioning.ProposalID(provisioning.KindRecording, at.Key)+":"+field, provisioning.KindRecording, at.Key, a.wish(s, reason),
		[]provisioning.ProposedChange{{Field: field, From: before, To: after}}, loosens)
	err = a.Store.Update(ctx, s, func(w provisioning.Writer) (err error) {
		p, err = provisioning.EnterProposal(w, at.Domain, p)
		return err
	})
	return p, err
}

func (a *api) withdrawProposal(ctx context.Context, in *withdrawInput) (*emptyOutput, error) {
	if err := a.knownProposal(ctx, in.ItemPath); err != nil {
		return nil, a.problem(ctx, err)
	}
	s := subjectOf(ctx)
	err := a.Store.Update(ctx, s, func(w provisioning.Writer) error {
		p, _, err := provisioning.Get[provisioning.Proposal](w, in.Domain, in.Key)
		if err != nil {
			return err
		}
		owner := strings.TrimSuffix(p.By, "@"+in.Domain)
		if err := a.can(s, policy.ProposalWithdraw, provisioning.Object{Domain: in.Domain, Kind: provisioning.KindProposal, Key: in.Key, Owner: owner}); err != nil {
			return err
		}
		if err := provisioning.Delete[provisioning.Proposal](w, in.Domain, in.Key, ""); err != nil {
			return err
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: in.Domain, Action: string(policy.ProposalWithdraw), Object: provisioning.KindProposal + "/" + p.ID,
			Outcome: "ok", Detail: factsOf(p, in.Reason)})
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &emptyOutput{}, nil
}
