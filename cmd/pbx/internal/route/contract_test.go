package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// TestContract: who is from outside calls the numbers of the contract, by its class, until it ends; emergency numbers are open.
func TestContract(t *testing.T) {
	town := town()
	now := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	town.extensions["d|2010"] = provisioning.Extension{Number: "2010", Rights: &provisioning.Rights{Classes: []string{"national", "mobile"}}}
	town.restrictions = map[string]provisioning.Restriction{"d|mobiles": {Name: "mobiles", Rights: provisioning.Rights{Classes: []string{"mobile"}}}}
	for _, c := range []struct {
		name     string
		contract *provisioning.Contract
		dialled  string
		denied   bool
	}{
		{"none", nil, "0312345678", false},
		{"its class closes what the extension has", &provisioning.Contract{Restriction: "mobiles"}, "0312345678", true},
		{"its class opens", &provisioning.Contract{Restriction: "mobiles"}, "09012345678", false},
		{"its numbers", &provisioning.Contract{Calls: []string{"+81312345678"}}, "0312345678", false},
		{"its numbers as dialled", &provisioning.Contract{Calls: []string{"0312*"}}, "0312345678", false},
		{"others", &provisioning.Contract{Calls: []string{"0312*", "21*"}}, "0311112222", true},
		{"emergency", &provisioning.Contract{Calls: []string{"21*"}}, "119", false},
		{"over", &provisioning.Contract{Ends: now}, "0312345678", true},
	} {
		if c.contract != nil && c.contract.Ends.IsZero() {
			c.contract.Ends = now.Add(time.Second)
		}
		town.contracts = map[string]*provisioning.Contract{"d|2010": c.contract}
		if v := May(town, Judged{Domain: "d", Extension: "2010", At: now}, c.dialled); v.Denied != c.denied {
			t.Errorf("%s: %s denied %v by %q", c.name, c.dialled, v.Denied, v.Rule)
		}
	}
	for dialled, want := range map[string]int{"2002": 403, "2001": 0} {
		town.contracts["d|2010"] = &provisioning.Contract{Calls: []string{"2001"}, Ends: now.Add(time.Hour)}
		p := Route(town, Request{Domain: "d", Extension: "2010", Dialled: dialled}, now)
		if p.Refuse.Status != want {
			t.Errorf("inside %s: %d %q, want %d", dialled, p.Refuse.Status, p.Why, want)
		}
	}
	town.contracts["d|2010"] = &provisioning.Contract{Ends: now}
	if p := Route(town, Request{Domain: "d", Extension: "2010", Dialled: "2001"}, now); p.Refuse.Status != 403 {
		t.Errorf("over, and calls inside: %d", p.Refuse.Status)
	}
}
