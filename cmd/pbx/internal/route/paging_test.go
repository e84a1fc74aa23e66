package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// pagedTown is a town with two paging groups: one for whoever is named, recorded, and one for everybody.
func pagedTown() dir {
	town := town()
	for _, n := range []string{"2030", "2031", "2032", "2033", "2034"} {
		town.extensions["d|"+n] = provisioning.Extension{Number: n, Display: "X" + n}
	}
	town.extensions["d|2035"] = provisioning.Extension{Number: "2035", Remote: "old"}
	town.extensions["d|2036"] = provisioning.Extension{Number: "2036", Disabled: true}
	town.settings = map[string]provisioning.Settings{"d|2032": {DoNotDisturb: true}, "d|2033": {Forward: provisioning.Forwarding{Always: &provisioning.Destination{Number: "09012345678"}}}}
	town.pages = []provisioning.PagingGroup{{Number: "6500", Members: []string{"2031"}, Callers: []string{"2001", "2030"}, Policy: "citizens"},
		{Number: "6501", Members: []string{"2031"}, Everyone: true}}
	return town
}

// TestPaging: who may speak to whom, and that nobody is sent there, whichever way.
func TestPaging(t *testing.T) {
	town := pagedTown()
	for name, c := range map[string]struct {
		req    Request
		group  string
		status int
		say    string
		record string
	}{
		"one who is named":              {req: Request{Extension: "2030", Dialled: "6500", Own: true}, group: "6500", record: "6500"},
		"recorded as its own calls are": {req: Request{Extension: "2001", Dialled: "6500", Own: true}, group: "6500", record: "2001"},
		"one who is not":                {req: Request{Extension: "2031", Dialled: "6500", Own: true}, status: 403, say: "call/barred"},
		"everybody":                     {req: Request{Extension: "2031", Dialled: "6501", Own: true}, group: "6501"},
		"by code":                       {req: Request{Extension: "2031", Dialled: "*566501", Own: true}, group: "6501"},
		"by code, not named":            {req: Request{Extension: "2031", Dialled: "*566500", Own: true}, status: 403, say: "call/barred"},
		"by the code alone":             {req: Request{Extension: "2031", Dialled: "*56", Own: true}, group: "6501"},
		"by the code of two":            {req: Request{Extension: "2030", Dialled: "*56", Own: true}, say: "feature/not-possible"},
		"a group that is not there":     {req: Request{Extension: "2030", Dialled: "*566502", Own: true}, status: 404},
		"an extension is no group":      {req: Request{Extension: "2030", Dialled: "*562031", Own: true}, status: 404},
		"sent there":                    {req: Request{Extension: "2030", Dialled: "6501"}, status: 403},
		"sent there by code":            {req: Request{Extension: "2030", Dialled: "*566501"}, status: 403},
		"a stranger in a menu":          {req: Request{Extension: "2030", Dialled: "6501", Inside: true, Own: true}, status: 404},
		"from outside":                  {req: Request{Trunk: "carrier", Dialled: "6501", Internal: true}, status: 404},
		"another domain":                {req: Request{Domain: "other", Extension: "9", Dialled: "6501", Own: true}, status: 404},
	} {
		if c.req.Domain == "" {
			c.req.Domain = "d"
		}
		p := Route(town, c.req, time.Time{})
		if p.Refuse.Status != c.status {
			t.Errorf("%s: %d %s", name, p.Refuse.Status, p.Why)
			continue
		}
		if c.group == "" {
			if say := p.Say; p.Refuse.Status == 0 && p.Steps[0].Run.Name != c.say || p.Refuse.Status != 0 && say != c.say {
				t.Errorf("%s: says %q in %+v", name, say, p)
			}
			continue
		}
		if len(p.Steps) != 1 || p.Steps[0].Run.Verb != VerbPage || p.Steps[0].Run.Name != c.group || p.Steps[0].Run.For != c.req.Extension || p.To != c.group || p.Direction != Internal {
			t.Errorf("%s: %+v", name, p)
		}
		if p.Record.Number != c.record || p.Record.On != (c.record != "") {
			t.Errorf("%s: recorded as %+v", name, p.Record)
		}
	}
}

// TestPaged: whose telephone is made to answer by itself, and whose is left alone. What is heard is recorded nowhere.
func TestPaged(t *testing.T) {
	town := pagedTown()
	live := moment{busy: []string{"2034"}}
	for member, rings := range map[string]bool{"2001": true, "2031": true, "2032": false, "2033": false, "2034": false, "2035": false, "2036": false, "2999": false} {
		p := Route(town, Request{Domain: "d", Extension: "2030", Number: "2030", Dialled: member, Paged: "6500", Live: live}, time.Time{})
		if !rings {
			if p.Refuse.Status != 486 {
				t.Errorf("%s: %+v", member, p)
			}
			continue
		}
		if len(p.Steps) != 1 || len(p.Steps[0].Targets) != 1 || p.Steps[0].Ring != AnswersItself || p.Record.On || p.Shown.Number != "2030" || p.Shown.Display != "X2030" {
			t.Fatalf("%s: %+v", member, p)
		}
		if to := p.Steps[0].Targets[0]; to.Number != member || !to.AutoAnswer || !to.Idle {
			t.Errorf("%s: %+v", member, to)
		}
	}
	if p := Route(town, Request{Domain: "d", Extension: "2003", Dialled: "2031", Paged: "6500"}, time.Time{}); p.Refuse.Status != 403 {
		t.Errorf("of one who may not call: %+v", p)
	}
}
