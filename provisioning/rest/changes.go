package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// A set of changes is made as a draft, looked at, proposed, agreed to where that is needed, carried out at once or at its time, and taken back by its reverse.

// changeBody is what people say of a set.
type changeBody struct {
	Reason    string       `json:"reason" required:"true" minLength:"1" maxLength:"2000"`
	Ticket    string       `json:"ticket,omitempty" maxLength:"128"`
	Effective time.Time    `json:"effective,omitempty" doc:"When it is carried out; left out: as soon as all have agreed"`
	Late      string       `json:"late,omitempty" enum:"apply,expire"`
	Emergency bool         `json:"emergency,omitempty"`
	Changes   []changeItem `json:"changes" required:"true" minItems:"1" maxItems:"1000"`
}

type changeItem struct {
	Kind string `json:"kind" required:"true" maxLength:"64"`
	Key  string `json:"key" required:"true" maxLength:"253"`
	Do   string `json:"do" required:"true" enum:"put,merge,delete"`
	Body any    `json:"body,omitempty" doc:"put: the entity; merge: its fields that change (RFC 7396)"`
}

type postChangeInput struct {
	Domain string `path:"domain" maxLength:"253"`
	Body   changeBody
}

type putChangeInput struct {
	ItemPath
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag that must still hold"`
	Body    changeBody
}

// stepInput is a step of a set.
type stepInput struct {
	ItemPath
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag of the set as it was read"`
	Reason  string `query:"reason" maxLength:"500" doc:"Why, for the history"`
}

type reviewChangeInput struct {
	ItemPath
	Body struct {
		Remark string `json:"remark" required:"true" minLength:"1" maxLength:"500"`
	}
}

// changeLine is a set in a list.
type changeLine struct {
	ID         string                   `json:"id"`
	Reason     string                   `json:"reason"`
	Ticket     string                   `json:"ticket,omitempty"`
	State      provisioning.ChangeState `json:"state"`
	By         string                   `json:"by"`
	Changes    int                      `json:"changes"`
	People     int                      `json:"people"`
	Agreed     int                      `json:"agreed"`
	Effective  time.Time                `json:"effective,omitzero"`
	Emergency  bool                     `json:"emergency,omitempty"`
	Unreviewed bool                     `json:"unreviewed,omitempty"`
}

type changeDiff struct {
	Items []provisioning.FieldChange `json:"items" nullable:"false"`
}

func (a *api) registerChanges() {
	const list, item = "/v1/domains/{domain}/changes", "/v1/domains/{domain}/changes/{key}"
	on := func(action provisioning.Action, key string) rule {
		return rule{action: action, kind: provisioning.KindChangeSet, key: key, domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, list, "list-changes", "List sets of changes", on(policy.ChangeRead, "")), a.listChanges)
	huma.Register(a.huma, operation(http.MethodPost, list, "make-change", "Make a set of changes as a draft; it is tried as a whole, and nothing is changed",
		on(policy.ChangePut, ""), 409, 413, 415, 422), a.postChange)
	huma.Register(a.huma, operation(http.MethodGet, item, "get-change", "Read a set of changes with its history", on(policy.ChangeRead, "key")), a.getChange)
	huma.Register(a.huma, operation(http.MethodGet, item+"/diff", "diff-change", "What a set changes, field by field", on(policy.ChangeRead, "key")), a.diffChange)
	huma.Register(a.huma, operation(http.MethodPut, item, "put-change", "Change a draft; it is tried anew", on(policy.ChangePut, "key"), 409, 412, 413, 415, 422), a.putChange)
	huma.Register(a.huma, operation(http.MethodDelete, item, "withdraw-change", "Withdraw an own set, or refuse somebody else's; a draft is gone",
		on(policy.ChangeWithdraw, "key"), 409, 412), a.withdrawChange)
	steps := []struct {
		verb, summary string
		action        provisioning.Action
		do            func(context.Context, *stepInput, provisioning.Wish, string) (provisioning.ChangeSet, string, error)
	}{
		{"propose", "End the draft: it waits for others, for its time, or is carried out", policy.ChangePut, a.proposeChange},
		{"agree", "Agree to somebody else's set; with the last word that it needs it is carried out, or scheduled", policy.ChangeAgree, a.agreeChange},
		{"apply", "Carry out an approved set that waited for a window", policy.ChangePut, a.applyChange},
		{"undo", "Take an applied set back; refused where somebody has changed since what it changed", policy.ChangePut, a.undoChange},
	}
	for _, st := range steps {
		huma.Register(a.huma, operation(http.MethodPost, item+"/"+st.verb, st.verb+"-change", st.summary, on(st.action, "key"), 409, 412, 422, 428),
			func(ctx context.Context, in *stepInput) (*itemOutput[provisioning.ChangeSet], error) {
				return a.stepChange(ctx, in, st.action, st.do)
			})
	}
	huma.Register(a.huma, operation(http.MethodPost, item+"/review", "review-change", "Say that an emergency change was looked at afterwards",
		on(policy.ChangeReview, "key"), 409, 422), a.reviewChange)
	if a.WhatIf != nil {
		huma.Register(a.huma, operation(http.MethodPost, item+"/what-if", "try-change", "Which calls of the last 30 days would have gone, or been recorded, otherwise",
			on(policy.ChangeWhatIf, "key"), 409, 422, 504), a.tryChange)
	}
	const rules = "/v1/domains/{domain}/change-rules"
	huma.Register(a.huma, operation(http.MethodGet, rules, "get-change-rules", "Which changes need a second person, and which are not made in opening hours",
		rule{action: policy.ChangeRulesRead, kind: provisioning.KindChangeRules, domain: "domain"}), func(ctx context.Context, in *singleInput) (*itemOutput[provisioning.ChangeRules], error) {
		return getSingle(ctx, a, in, asStored)
	})
	huma.Register(a.huma, mayWait(operation(http.MethodPut, rules, "put-change-rules", "Change them; what asks for less waits for another person",
		rule{action: policy.ChangeRulesPut, kind: provisioning.KindChangeRules, domain: "domain"}, 409, 412, 413, 415, 422)),
		func(ctx context.Context, in *putSingleInput[provisioning.ChangeRules]) (*itemOutput[provisioning.ChangeRules], error) {
			return putSingle(ctx, a, policy.ChangeRulesRead, policy.ChangeRulesPut, in, asStored)
		})
}

func asStored(r provisioning.ChangeRules) provisioning.ChangeRules { return r }

// changeConflict is what to answer to a change that the domain's rules, or the state of things, do not let be made; empty: it is something else.
func changeConflict(err error) string {
	var hours *provisioning.InHours
	var overtaken *provisioning.Overtaken
	var needs *provisioning.NeedsSet
	const own = "provisioning: "
	switch {
	case errors.As(err, &overtaken):
		what := overtaken.What
		if len(what) > 20 {
			what = append(what[:20:20], "and more")
		}
		return "changed meanwhile: " + strings.Join(what, ", ")
	case errors.As(err, &hours):
		return strings.TrimPrefix(hours.Error(), own)
	case errors.As(err, &needs):
		return strings.TrimPrefix(needs.Error(), own)
	case errors.Is(err, provisioning.ErrInState):
		return strings.TrimPrefix(err.Error(), own)
	}
	return ""
}

// set of what was said; the key is that of an old one.
func (b changeBody) set(key string) (provisioning.ChangeSet, error) {
	s := provisioning.ChangeSet{ID: key, Reason: strings.TrimSpace(b.Reason), Ticket: b.Ticket, Effective: b.Effective.UTC(), Late: b.Late, Emergency: b.Emergency}
	for _, item := range b.Changes {
		ch := provisioning.SetChange{Kind: item.Kind, Key: item.Key, Do: item.Do}
		if item.Body != nil {
			text, err := json.Marshal(item.Body)
			if err != nil {
				return s, err
			}
			ch.Body = text
		}
		s.Changes = append(s.Changes, ch)
	}
	return s, nil
}

// hidesChange says that a set is about something that the asker may not know of. Who agrees to sets, or reviews them, sees what they change, but for what
// part of the recordings somebody may know of.
func (a *api) hidesChange(ctx context.Context, domain string, s provisioning.ChangeSet) bool {
	of := provisioning.Object{Domain: domain, Kind: provisioning.KindChangeSet, Key: s.ID}
	judges := a.sees(ctx, policy.ChangeAgree, of) || a.sees(ctx, policy.ChangeReview, of)
	seen := map[string]bool{}
	for _, ch := range s.Changes {
		secret := ch.Kind == provisioning.KindRecordingScope || ch.Kind == provisioning.KindListeningRules
		if !seen[ch.Kind] && (secret || !judges) && !a.sees(ctx, provisioning.Action(ch.Kind+".read"), provisioning.Object{Domain: domain, Kind: ch.Kind, Key: ch.Key}) {
			return true
		}
		seen[ch.Kind] = true
	}
	return false
}

func (a *api) changes() resource[provisioning.ChangeSet] {
	return resource[provisioning.ChangeSet]{read: policy.ChangeRead, hidden: a.hidesChange}
}

func (a *api) listChanges(ctx context.Context, in *pageInput) (*pageOutput[changeLine], error) {
	all, err := listEntities(ctx, a, a.changes(), in.unfiltered())
	if err != nil {
		return nil, err
	}
	out := &pageOutput[changeLine]{Body: page[changeLine]{Items: []changeLine{}, Next: all.Body.Next}}
	for _, s := range all.Body.Items {
		out.Body.Items = append(out.Body.Items, changeLine{ID: s.ID, Reason: s.Reason, Ticket: s.Ticket, State: s.State, By: s.By, Changes: len(s.Changes), People: s.People,
			Agreed: len(s.Agreed), Effective: s.Effective, Emergency: s.Emergency, Unreviewed: s.Unreviewed})
	}
	return out, nil
}

func (a *api) getChange(ctx context.Context, in *getInput) (*itemOutput[provisioning.ChangeSet], error) {
	return getEntity(ctx, a, a.changes(), in)
}

func (a *api) diffChange(ctx context.Context, in *getInput) (*itemOutput[changeDiff], error) {
	s, err := getEntity(ctx, a, a.changes(), in)
	if err != nil {
		return nil, err
	}
	diff, err := s.Body.Diff()
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if diff == nil {
		diff = []provisioning.FieldChange{}
	}
	return &itemOutput[changeDiff]{Status: http.StatusOK, ETag: s.ETag, Body: changeDiff{diff}}, nil
}
