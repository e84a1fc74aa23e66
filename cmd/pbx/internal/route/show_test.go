package route

import (
	"testing"

	"naisen/provisioning"
)

// TestCallerNumber: what an outside call shows, chosen by place, by number or by default, within what the extension and the trunk may show.
func TestCallerNumber(t *testing.T) {
	town := town()
	town.trunks = []provisioning.Trunk{{Name: "a", Prefixes: []string{"0"}, CallerID: "+81312340000", CallerRanges: []string{"+8131234000X"}}, {Name: "b", Prefixes: []string{"0"}, CallerRanges: []string{"+8131234XXXX"}}}
	town.departments = map[string]provisioning.Department{"d|tax": {Name: "tax", Numbers: []string{"+81312340100", "+81312340001", "+81399990000"}}}
	town.extensions["d|2001"] = provisioning.Extension{Number: "2001", CallerID: "+81312340001", Department: "tax", Site: "hall"}
	town.extensions["d|2004"] = provisioning.Extension{Number: "2004", CallerID: "+81312340004", Department: "tax"}
	town.sites = map[string]provisioning.Site{"d|hall": {Name: "hall", EmergencyNumber: "+81312340009"}}
	town.settings = map[string]provisioning.Settings{"d|2004": {Extension: "2004", CallerID: "+81312340100"}}
	for _, c := range []struct {
		extension, dialled, shown, to string // shown empty: withheld; "-": refused
		ways                          int
	}{
		{"2001", "09012345678", "+81312340001", "09012345678", 2},
		{"2001", "*65109012345678", "+81312340001", "09012345678", 2},
		{"2001", "*65209012345678", "+81312340100", "09012345678", 1}, // trunk a does not show it
		{"2001", "*65031234010009012345678", "+81312340100", "09012345678", 1},
		{"2001", "*65218409012345678", "", "09012345678", 1}, // 184 holds
		{"2001", "*65218609012345678", "+81312340100", "09012345678", 1},
		{"2001", "*65309012345678", "-", "*65309012345678", 0}, // of the department, but no trunk shows it
		{"2001", "*65409012345678", "-", "*65409012345678", 0},
		{"2001", "*65009012345678", "-", "*65009012345678", 0},
		{"2001", "*65031299990009012345678", "-", "*65031299990009012345678", 0},
		{"2001", "*652", "-", "*652", 0}, {"2001", "*65", "-", "*65", 0},
		{"2001", "*652119", "+81312340009", "119", 2}, // the site's, whatever was chosen
		{"2004", "09012345678", "+81312340100", "09012345678", 2},
		{"2004", "*65109012345678", "+81312340004", "09012345678", 2},
		{"2004", "*6522002", "2004", "2002", 1}, // inside everybody shows the extension
		{"2004", "119", "+81312340004", "119", 2},
	} {
		p := Route(town, Request{Domain: "d", Extension: c.extension, Dialled: c.dialled}, day("09:00"))
		if c.shown == "-" {
			if p.Refuse.Status != 403 || p.Say != "restriction/caller-number" || len(p.Steps) != 0 {
				t.Errorf("%s dials %s: %d %q %q", c.extension, c.dialled, p.Refuse.Status, p.Say, p.Why)
			}
			continue
		}
		if p.Refuse.Status != 0 || p.Shown.Number != c.shown || p.To != c.to || len(p.Steps) != c.ways {
			t.Errorf("%s dials %s: %d shows %q to %q by %d ways (%s)", c.extension, c.dialled, p.Refuse.Status, p.Shown.Number, p.To, len(p.Steps), p.Why)
			continue
		}
		if to := p.Steps[0].Targets[0]; to.Kind == ToTrunk && c.shown != "" && to.Caller != c.shown {
			t.Errorf("%s dials %s: the trunk is given %q", c.extension, c.dialled, to.Caller)
		}
	}
	town.departments["d|tax"] = provisioning.Department{Name: "tax"} // what was chosen is taken away
	if p := Route(town, Request{Domain: "d", Extension: "2004", Dialled: "09012345678"}, day("09:00")); p.Shown.Number != "+81312340004" {
		t.Errorf("shows %q", p.Shown.Number)
	}
}
