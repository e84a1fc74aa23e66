package app

import (
	"context"
	"fmt"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// fakeAgents answer yes, or fail.
type fakeAgents struct{ broken error }

func (a fakeAgents) SignInOrOut(_ context.Context, _, _, queue string) (bool, error) {
	return queue != "7001", a.broken
}
func (a fakeAgents) Pause(_ context.Context, _, _, reason string) (bool, error) {
	return reason != "", a.broken
}
func (a fakeAgents) Ready(context.Context, string, string) error { return a.broken }

func TestAttending(t *testing.T) {
	for _, c := range []struct {
		feature, argument string
		broken            error
		said              string
	}{
		{provisioning.FeatureAgentSign, "", nil, "agent/signed-in"},
		{provisioning.FeatureAgentSign, "7001", nil, "agent/signed-out"},
		{provisioning.FeatureAgentPause, "2", nil, "agent/paused"},
		{provisioning.FeatureAgentPause, "", nil, "agent/ready"},
		{provisioning.FeatureAgentReady, "", nil, "agent/ready"},
		{provisioning.FeatureAgentReady, "", errMissing, "feature/not-possible"},
		{provisioning.FeatureAgentSign, "", errMissing, "feature/not-possible"},
	} {
		run := route.Run{Verb: route.VerbFeature, Name: c.feature, For: "2001", Data: map[string]string{route.Argument: c.argument}}
		s, _ := Programs{Agents: fakeAgents{c.broken}}.Script("d", run)
		f := call.Facts{Domain: "d", Run: run}
		said := s.On(f, work(t, s.On(f, call.Began{})))
		if got := fmt.Sprint(phrases(said[0])); got != "["+c.said+"]" {
			t.Errorf("%s %s: %s", c.feature, c.argument, got)
		}
	}
}
