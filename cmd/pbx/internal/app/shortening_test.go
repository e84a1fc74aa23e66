package app

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// The number is said before it is kept, may be corrected, and nothing is kept without the key.
func TestShortening(t *testing.T) {
	for _, c := range []struct {
		feature, code, keys string // - is nothing in time
		fails               bool
		want                string
	}{
		{provisioning.FeatureShortSet, "12", "0312 1", false, "restriction/number | 1 2 0 3 1 2 queue/callback-confirm | +12=0312 | 1 2 feature/activated"},
		{provisioning.FeatureShortSet, "12", "03 0312 1", false, "restriction/number | 1 2 0 3 queue/callback-confirm | 1 2 0 3 1 2 queue/callback-confirm | +12=0312 | 1 2 feature/activated"},
		{provisioning.FeatureShortSet, "12", "0312 -", false, "restriction/number | 1 2 0 3 1 2 queue/callback-confirm | feature/not-possible"},
		{provisioning.FeatureShortSet, "12", "-", false, "restriction/number | feature/not-possible"},
		{provisioning.FeatureShortSet, "12", "119 1", true, "restriction/number | 1 2 1 1 9 queue/callback-confirm | +12=119 | feature/not-possible"},
		{provisioning.FeatureShortSet, "", "", false, "feature/not-possible"},
		{provisioning.FeatureShortClear, "12", "", false, "+12= | 1 2 feature/deactivated"},
		{provisioning.FeatureShortClear, "12", "", true, "+12= | feature/not-possible"},
	} {
		var did []string
		p := Programs{Shorten: func(_ context.Context, domain, extension, code, number string) error {
			if domain != "d" || extension != "2001" {
				t.Errorf("for %s of %s", extension, domain)
			}
			did = append(did, "+"+code+"="+number)
			if c.fails {
				return errMissing
			}
			return nil
		}}
		run := route.Run{Verb: route.VerbFeature, Name: c.feature, For: "2001", Data: map[string]string{route.Argument: c.code}}
		s, ok := p.Script("d", run)
		if !ok {
			t.Fatal("no script")
		}
		f := call.Facts{Domain: "d", Run: run}
		var then func(orders []call.Order)
		then = func(orders []call.Order) {
			for _, o := range orders {
				switch o := o.(type) {
				case call.Play:
					did = append(did, strings.ReplaceAll(" "+strings.Join(phrases(o), " "), " number/", " ")[1:])
				case call.Beside:
					then(s.On(f, call.Result{Value: o.Work(t.Context())}))
				}
			}
		}
		then(s.On(f, call.Began{}))
		for _, k := range strings.Fields(c.keys) {
			then(s.On(f, call.Gathered{Keys: call.NewKeys(strings.Trim(k, "-"), false)}))
		}
		if got := strings.Join(did, " | "); got != c.want {
			t.Errorf("%s %s %q:\n got %s\nwant %s", c.feature, c.code, c.keys, got, c.want)
		}
		if got := fmt.Sprint(kinds(s.On(f, call.Played{Complete: true}))); got != "Finish" {
			t.Errorf("afterwards %s", got)
		}
	}
	if _, ok := (Programs{}).Script("d", route.Run{Verb: route.VerbFeature, Name: provisioning.FeatureShortSet}); ok {
		t.Error("a script where nobody may")
	}
}
