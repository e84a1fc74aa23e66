package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// TestIntercom: who may switch a colleague's microphone on, and whose is left alone.
func TestIntercom(t *testing.T) {
	town := town()
	for _, n := range []string{"2030", "2031", "2032", "2033", "2034"} {
		town.extensions["d|"+n] = provisioning.Extension{Number: n}
	}
	town.extensions["d|2035"] = provisioning.Extension{Number: "2035", Remote: "old"}
	town.extensions["d|2036"] = provisioning.Extension{Number: "2036", Disabled: true}
	town.settings = map[string]provisioning.Settings{"d|2032": {DoNotDisturb: true}, "d|2033": {Forward: provisioning.Forwarding{Always: &provisioning.Destination{Number: "09012345678"}}}}
	live := moment{busy: []string{"2034"}}
	for _, c := range []struct {
		dialled string
		sent    bool
		status  int
	}{
		{dialled: "*552031"},
		{dialled: "*552031", sent: true, status: 403},
		{dialled: "*552030", status: 404},
		{dialled: "*55", status: 404},
		{dialled: "*552999", status: 404},
		{dialled: "*550312345678", status: 404},
		{dialled: "*55110", status: 404},
		{dialled: "*552032", status: 486}, {dialled: "*552033", status: 486}, {dialled: "*552034", status: 486},
		{dialled: "*552035", status: 486}, {dialled: "*552036", status: 486},
	} {
		p := Route(town, Request{Domain: "d", Extension: "2030", Number: "2030", Dialled: c.dialled, Own: !c.sent, Live: live}, time.Time{})
		if p.Refuse.Status != c.status {
			t.Errorf("%+v: %d %s", c, p.Refuse.Status, p.Why)
			continue
		}
		if c.status == 0 && (len(p.Steps) != 1 || len(p.Steps[0].Targets) != 1 || !p.Steps[0].Targets[0].AutoAnswer || !p.Steps[0].Targets[0].Idle || p.To != "2031") {
			t.Errorf("%+v: %+v", c, p)
		}
	}
	for _, dialled := range []string{"2031", "0312345678"} { // whatever else is dialled switches nothing on
		for _, s := range Route(town, Request{Domain: "d", Extension: "2030", Number: "2030", Dialled: dialled, Own: true}, time.Time{}).Steps {
			for _, target := range s.Targets {
				if target.AutoAnswer {
					t.Errorf("%s: %+v answers by itself", dialled, target)
				}
			}
		}
	}
}
