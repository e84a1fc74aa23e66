package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type monitorInput struct {
	ItemPath
	Body struct {
		Extension string `json:"extension" required:"true" maxLength:"40" doc:"The supervisor's own: its telephones ring, and hear the call"`
		Mode      string `json:"mode,omitempty" enum:"listen,whisper,barge" doc:"Left out: listen; changed by the keys 4, 5, 6"`
	}
}

// registerMonitor: a supervisor's own telephone is rung and then does what its code would have done. Whether that call may be heard is judged,
// and written down, when the telephone has answered.
func (a *api) registerMonitor() {
	huma.Register(a.huma, withStatus(http.StatusAccepted, operation(http.MethodPost, "/v1/domains/{domain}/extensions/{key}/monitor", "monitor-call",
		"Ring the supervisor's own telephone and let it hear the call of an extension",
		rule{action: policy.CallMonitor, kind: policy.KindCall, key: "key", domain: "domain"}, 413, 415, 422, 503)), a.monitor)
}

func (a *api) monitor(ctx context.Context, in *monitorInput) (*startOutput, error) {
	feature := map[string]string{"": provisioning.FeatureListen, provisioning.MonitorListen: provisioning.FeatureListen,
		provisioning.MonitorWhisper: provisioning.FeatureWhisper, provisioning.MonitorBarge: provisioning.FeatureBarge}[in.Body.Mode]
	o := provisioning.Object{Domain: in.Domain, Kind: policy.KindCall}
	var code string
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		e, _, err := provisioning.Get[provisioning.Extension](r, in.Domain, in.Body.Extension)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		o.Owner = e.User // of one that is not there: nobody's, so not the asker's own
		table, _, err := provisioning.Get[provisioning.FeatureCodes](r, in.Domain, provisioning.FeatureCodes{}.Key())
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		code = table.CodeOf(feature)
		return nil
	})
	if err == nil {
		err = a.may(ctx, policy.CallMonitor, o)
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if code == "" {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.mode", "is switched off in the table of feature codes")
	}
	out := &startOutput{}
	start := provisioning.StartCall{From: in.Body.Extension, To: code + in.Key}
	err = a.act(ctx, in.Domain, policy.CallStart, provisioning.KindExtension+"/"+clip(in.Body.Extension), map[string]any{"to": clip(start.To)},
		func() (map[string]any, error) {
			id, err := a.Calls.Start(ctx, in.Domain, start)
			out.Body.ID = id
			return map[string]any{"call": id}, err
		})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out.Location = "/v1/domains/" + in.Domain + "/calls/" + out.Body.ID
	return out, nil
}
