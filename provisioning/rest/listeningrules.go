package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type noteInput struct {
	ItemPath
	Body struct {
		Text string `json:"text" required:"true" minLength:"1" maxLength:"2000"`
	}
}

type noteIDInput struct {
	ItemPath
	ID int64 `path:"id" minimum:"1"`
}

type caseInput struct {
	ItemPath
	Name string `path:"id" maxLength:"64" doc:"Number of the case"`
}

// registerListeningRules: the domain's rules, and what part of the recordings a person may know of.
func (a *api) registerListeningRules() {
	const path = "/v1/domains/{domain}/listening-rules"
	huma.Register(a.huma, operation(http.MethodGet, path, "get-listening-rules", "For what recordings are heard, and what needs no second person",
		rule{action: policy.ListeningRulesRead, kind: provisioning.KindListeningRules, domain: "domain"}), a.getListeningRules)
	huma.Register(a.huma, mayWait(operation(http.MethodPut, path, "put-listening-rules",
		"Change them; what is left out gets its default back, which denies. What allows more waits for another person",
		rule{action: policy.ListeningRulesPut, kind: provisioning.KindListeningRules, domain: "domain"}, 412, 413, 415, 422)), a.putListeningRules)
	scopes := resource[provisioning.RecordingScope]{plural: "recording-scopes", one: "recording-scope", read: policy.RecordingScopeRead,
		put: policy.RecordingScopePut, del: policy.RecordingScopeDelete, setKey: func(s *provisioning.RecordingScope, k string) { s.User = k }}
	entities(a, scopes)
	putPlain(a, scopes)
}

func (a *api) getListeningRules(ctx context.Context, in *singleInput) (*itemOutput[provisioning.ListeningRules], error) {
	return getSingle(ctx, a, in, provisioning.ListeningRules.Bounds)
}

func (a *api) putListeningRules(ctx context.Context, in *putSingleInput[provisioning.ListeningRules]) (*itemOutput[provisioning.ListeningRules], error) {
	return putSingle(ctx, a, policy.ListeningRulesRead, policy.ListeningRulesPut, in, provisioning.ListeningRules.Bounds)
}

// registerRemarks: what people write about recordings. It is about those only that the asker may know of.
func (a *api) registerRemarks() {
	const recording = "/v1/domains/{domain}/recordings/{key}"
	on := func(action provisioning.Action) rule {
		return rule{action: action, kind: policy.KindRecording, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, recording+"/notes", "list-recording-notes", "What people wrote about a recording, and its cases",
		on(policy.RecordingList), 503), func(ctx context.Context, in *ItemPath) (*itemOutput[provisioning.RecordingRemarks], error) {
		all, err := a.Remarks.Remarks(ctx, subjectOf(ctx), in.Domain, in.Key)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &itemOutput[provisioning.RecordingRemarks]{Status: http.StatusOK, Body: all}, nil
	})
	huma.Register(a.huma, operation(http.MethodPost, recording+"/notes", "add-recording-note", "Write a note about a recording; it is found by its words",
		on(policy.RecordingNote), 409, 413, 415, 422, 503), func(ctx context.Context, in *noteInput) (*itemOutput[provisioning.RecordingNote], error) {
		out := &itemOutput[provisioning.RecordingNote]{Status: http.StatusCreated}
		err := a.remark(ctx, in.ItemPath, map[string]any{"letters": len([]rune(in.Body.Text))}, func(s provisioning.Subject) (err error) {
			out.Body, err = a.Remarks.AddNote(ctx, s, in.Domain, in.Key, in.Body.Text)
			return err
		})
		return out, err
	})
	huma.Register(a.huma, operation(http.MethodDelete, recording+"/notes/{id}", "drop-recording-note", "Take a note away",
		on(policy.RecordingNote), 503), func(ctx context.Context, in *noteIDInput) (*emptyOutput, error) {
		return &emptyOutput{}, a.remark(ctx, in.ItemPath, map[string]any{"dropped": in.ID}, func(s provisioning.Subject) error {
			return a.Remarks.DropNote(ctx, s, in.Domain, in.Key, in.ID)
		})
	})
	huma.Register(a.huma, operation(http.MethodPut, recording+"/cases/{id}", "set-recording-case", "Say that a recording belongs to a case",
		on(policy.RecordingNote), 409, 503), func(ctx context.Context, in *caseInput) (*emptyOutput, error) {
		return &emptyOutput{}, a.remark(ctx, in.ItemPath, map[string]any{"case": in.Name}, func(s provisioning.Subject) error {
			return a.Remarks.SetCase(ctx, s, in.Domain, in.Key, in.Name)
		})
	})
	huma.Register(a.huma, operation(http.MethodDelete, recording+"/cases/{id}", "drop-recording-case", "Say that it does not any more",
		on(policy.RecordingNote), 503), func(ctx context.Context, in *caseInput) (*emptyOutput, error) {
		return &emptyOutput{}, a.remark(ctx, in.ItemPath, map[string]any{"dropped_case": in.Name}, func(s provisioning.Subject) error {
			return a.Remarks.DropCase(ctx, s, in.Domain, in.Key, in.Name)
		})
	})
}

// remark does it with an entry before and one after. The audit log says who wrote when, not what.
func (a *api) remark(ctx context.Context, at ItemPath, detail map[string]any, do func(provisioning.Subject) error) error {
	s := subjectOf(ctx)
	if err := a.known(ctx, at); err != nil { // nothing is entered about what they may not know of
		return a.problem(ctx, err)
	}
	return a.problem(ctx, a.act(ctx, at.Domain, policy.RecordingNote, policy.KindRecording+"/"+clip(at.Key), detail,
		func() (map[string]any, error) { return nil, do(s) }))
}
